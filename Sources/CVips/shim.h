// libvips' calls end in C varargs, which Swift cannot make: each function here makes one of them.
#ifndef IR_CVIPS_SHIM_H
#define IR_CVIPS_SHIM_H

#include <vips/vips.h>

/// Keeps warnings off the error stream; `handler` gets their text, on any of libvips' threads.
static inline void ir_vips_handle_warnings(GLogFunc handler) {
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, handler, NULL);
}

/// Leaves only the decoders of photographs open, whoever asks for another.
static inline void ir_vips_allow_photographs_only(void) {
  static const char *const decoders[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",  "VipsForeignLoadTiff",
                                         "VipsForeignLoadWebp", "VipsForeignLoadHeif", "VipsForeignLoadPpm",
                                         "VipsForeignLoadJxl"};
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++)
    vips_operation_block_set(decoders[i], FALSE);
}

/// As `ir_vips_open`, from bytes that must stay until the image is released.
static inline VipsImage *ir_vips_open_bytes(
  const char *loader, const void *bytes, size_t count, int page, VipsFailOn fail_on) {
  VipsBlob *blob = vips_blob_new(NULL, bytes, count);
  VipsImage *image = NULL;
  // Only some loaders know pages; the last pair is not read without them.
  int status = vips_call(
    loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on, page > 0 ? "page" : NULL,
    page, NULL);
  vips_area_unref(VIPS_AREA(blob));
  return status == 0 ? image : NULL;
}

/// As `ir_vips_open_bytes`, for loaders that take sources only.
static inline VipsImage *ir_vips_open_source(
  const char *loader, const void *bytes, size_t count, VipsFailOn fail_on) {
  VipsSource *source = vips_source_new_from_memory(bytes, count);
  VipsImage *image = NULL;
  int status = source
    ? vips_call(loader, source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on, NULL)
    : -1;
  if (source) g_object_unref(source);
  return status == 0 ? image : NULL;
}

/// Converts from the embedded profile to sRGB, 8 or 16 bit as `depth` says. 0 where it worked.
static inline int ir_vips_to_srgb(VipsImage *in, VipsImage **out, int depth) {
  return vips_icc_transform(
    in, out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE, "depth", depth, NULL);
}

/// Opens a page of a file with a named decoder, reading its header only; `fail_on` says which files fail when
/// their pixels are read. The first page is 0.
static inline VipsImage *ir_vips_open(const char *loader, const char *path, int page, VipsFailOn fail_on) {
  VipsImage *image = NULL;
  int status = vips_call(
    loader, path, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on, page > 0 ? "page" : NULL,
    page, NULL);
  return status == 0 ? image : NULL;
}

/// Turns the image as its orientation tag says and removes the tag. 0 where it worked.
static inline int ir_vips_autorotate(VipsImage *in, VipsImage **out) { return vips_autorot(in, out, NULL); }

static inline int ir_vips_to_colourspace(VipsImage *in, VipsImage **out, VipsInterpretation space) {
  return vips_colourspace(in, out, space, NULL);
}

static inline int ir_vips_to_float(VipsImage *in, VipsImage **out) {
  return vips_cast(in, out, VIPS_FORMAT_FLOAT, NULL);
}

static inline int ir_vips_to_memory(VipsImage *in, VipsImage **out) {
  *out = vips_image_copy_memory(in);
  return *out == NULL;
}

static inline int ir_vips_with_interpretation(VipsImage *in, VipsImage **out, VipsInterpretation space) {
  return vips_copy(in, out, "interpretation", space, NULL);
}

static inline int ir_vips_save(VipsImage *image, const char *path_with_options) {
  return vips_image_write_to_file(image, path_with_options, NULL);
}

static inline void ir_vips_release(VipsImage *image) { g_object_unref(image); }

#endif
