// libvips' calls end in C varargs, which Swift cannot make: each function here makes one of them.
#ifndef IR_CVIPS_SHIM_H
#define IR_CVIPS_SHIM_H

#include <vips/vips.h>

static inline void ir_vips_ignore(const char *domain, GLogLevelFlags level, const char *text, void *data) {
  (void)domain, (void)level, (void)text, (void)data;
}

/// Keeps warnings off the error stream: what matters comes back as an error.
static inline void ir_vips_silence_warnings(void) {
  g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, ir_vips_ignore, NULL);
}

/// Leaves only the decoders of photographs open, whoever asks for another.
static inline void ir_vips_allow_photographs_only(void) {
  static const char *const decoders[] = {"VipsForeignLoadJpeg", "VipsForeignLoadPng",  "VipsForeignLoadTiff",
                                         "VipsForeignLoadWebp", "VipsForeignLoadHeif", "VipsForeignLoadPpm"};
  vips_operation_block_set("VipsForeignLoad", TRUE);
  for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) vips_operation_block_set(decoders[i], FALSE);
}

/// As `ir_vips_open`, from bytes that must stay until the image is released.
static inline VipsImage *ir_vips_open_bytes(const char *loader, const void *bytes, size_t count) {
  VipsBlob *blob = vips_blob_new(NULL, bytes, count);
  VipsImage *image = NULL;
  int status = vips_call(loader, blob, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
  vips_area_unref(VIPS_AREA(blob));
  return status == 0 ? image : NULL;
}

/// Converts from the embedded profile to sRGB, 8 or 16 bit as `depth` says. 0 where it worked.
static inline int ir_vips_to_srgb(VipsImage *in, VipsImage **out, int depth) {
  return vips_icc_transform(in, out, "srgb", "embedded", TRUE, "intent", VIPS_INTENT_RELATIVE, "depth", depth, NULL);
}

static inline int ir_vips_to_16_bit(VipsImage *in, VipsImage **out) {
  return vips_cast(in, out, VIPS_FORMAT_USHORT, NULL);
}

/// Opens an image with a named decoder, reading its header only; truncated files fail when their pixels are read.
static inline VipsImage *ir_vips_open(const char *loader, const char *path) {
  VipsImage *image = NULL;
  int status = vips_call(loader, path, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
  return status == 0 ? image : NULL;
}

/// Turns the image as its orientation tag says and removes the tag. 0 where it worked.
static inline int ir_vips_autorotate(VipsImage *in, VipsImage **out) {
  return vips_autorot(in, out, NULL);
}

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

/// A 1 x 1 image, to carry metadata.
static inline VipsImage *ir_vips_carrier(void) {
  VipsImage *image = NULL;
  return vips_black(&image, 1, 1, NULL) == 0 ? image : NULL;
}

static inline int ir_vips_with_interpretation(VipsImage *in, VipsImage **out, VipsInterpretation space) {
  return vips_copy(in, out, "interpretation", space, NULL);
}

static inline int ir_vips_save(VipsImage *image, const char *path_with_options) {
  return vips_image_write_to_file(image, path_with_options, NULL);
}

static inline void *ir_vips_copy_field(VipsImage *from, const char *name, GValue *value, void *to) {
  (void)from;
  // The name of the file that was read is none of the picture's, and pictures from bytes have none.
  if (!g_strcmp0(name, "filename") || (G_VALUE_HOLDS_STRING(value) && !g_value_get_string(value))) return NULL;
  // Blobs are copied: some decoders (libvips 8.14's of HEIF) let them go with the picture they came with.
  if (G_VALUE_TYPE(value) == VIPS_TYPE_BLOB) {
    size_t count = 0;
    const void *bytes = vips_value_get_blob(value, &count);
    if (bytes) vips_image_set_blob_copy((VipsImage *)to, name, bytes, count);
    return NULL;
  }
  vips_image_set((VipsImage *)to, name, value);
  return NULL;
}

/// Copies every metadata field of one image to another.
static inline void ir_vips_copy_metadata(VipsImage *from, VipsImage *to) {
  vips_image_map(from, ir_vips_copy_field, to);
}

/// Removes every metadata field whose name begins with `prefix`.
static inline void ir_vips_remove_fields(VipsImage *image, const char *prefix) {
  char **names = vips_image_get_fields(image);
  for (char **name = names; name && *name; name++)
    if (g_str_has_prefix(*name, prefix)) vips_image_remove(image, *name);
  g_strfreev(names);
}

static inline void ir_vips_set_text(VipsImage *image, const char *name, const char *text) {
  vips_image_set_string(image, name, text);
}

static inline void ir_vips_release(VipsImage *image) { g_object_unref(image); }

static inline VipsImage *ir_vips_retain(VipsImage *image) {
  g_object_ref(image);
  return image;
}

#endif
