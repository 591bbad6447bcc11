/* irkit for C: runs ONNX models and restores pictures on CPUs.
 *
 * Handles are opaque. Any thread may use a handle; its runs follow one another. A handle must not be closed
 * while another thread uses it. A function that can fail returns a status. If `error` is not NULL, it
 * receives the reason as UTF-8 text, which irkit_text_release releases. Arguments are borrowed for the call.
 * For an invalid handle or index, counts are 0 and texts are NULL.
 */
#ifndef IRKIT_H
#define IRKIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum irkit_status {
  IRKIT_OK = 0,
  IRKIT_INVALID_ARGUMENT = 1, /* the arguments do not fit the call or the model */
  IRKIT_UNREADABLE = 2,       /* the file cannot be read or is not a model */
  IRKIT_UNSUPPORTED = 3,      /* the model cannot be run */
  IRKIT_OUT_OF_MEMORY = 4,    /* the memory limit, or the system's memory, is exceeded */
  IRKIT_CANCELLED = 5,        /* the progress function ended the call */
  IRKIT_FAILED = 6            /* any other reason */
} irkit_status;

/* Called on the calling thread between the steps of a run and, with the same share, once in some ten
 * milliseconds of a longer step, with the finished share, 0...1. A result other than 0 ends the call with
 * IRKIT_CANCELLED. The function must not use the handle that runs. */
typedef int (*irkit_progress)(void *context, double done);

/* The version, such as 0.1.0. */
const char *irkit_version(void);

void irkit_text_release(char *text);

/* The precision of products. BF16 rounds their operands to bfloat16, with 8 bits of precision; sums and all
 * feature maps stay float32. It has twice the rate on processors that multiply bfloat16. AUTO is BF16 on
 * these, F32 on others. */
typedef enum irkit_precision {
  IRKIT_PRECISION_F32 = 0,
  IRKIT_PRECISION_BF16 = 1,
  IRKIT_PRECISION_AUTO = 2
} irkit_precision;

/* Options of a run; zeros are the defaults. By the size, a newer library knows an older caller's fields. */
typedef struct irkit_options {
  size_t size;             /* sizeof(irkit_options) */
  uint64_t memory;         /* the memory limit of a run in bytes; 0: three quarters of the free memory */
  int32_t threads;         /* 0: as many as processors */
  int32_t float16_storage; /* not 0: feature maps may be stored as float16 to meet the memory limit */
  irkit_precision precision;
} irkit_options;

/* MARK: tensors */

/* Dense and row-major. Element types are ONNX's numbers (TensorProto.DataType): 1 float, 2 uint8, 3 int8,
 * 4 uint16, 5 int16, 6 int32, 7 int64, 9 bool, 10 float16, 11 double, 12 uint32, 13 uint64, 16 bfloat16. */
typedef struct irkit_tensor {
  const char *name;
  const int64_t *extents;
  const void *data;
  int32_t rank;
  int32_t element_type;
} irkit_tensor;

/* An input or output that a model declares. The texts live as long as the session. */
typedef struct irkit_port {
  const char *name;
  const char *type;           /* tensor(float), seq(tensor(int64)), optional(tensor(float)) */
  const int64_t *extents;     /* -1: open */
  const char *const *symbols; /* the names of open extents; "" for unnamed and fixed ones */
  int32_t rank;               /* -1: no shape is declared */
  int32_t element_type;       /* 0: none is declared */
} irkit_port;

/* MARK: sessions */

typedef struct irkit_session irkit_session;
typedef struct irkit_results irkit_results;

/* Opens a model file. */
irkit_status irkit_session_open(
  const char *path, const irkit_options *options, irkit_session **session, char **error);

/* Opens a model in memory; the bytes are copied. */
irkit_status irkit_session_read(
  const void *bytes, size_t count, const irkit_options *options, irkit_session **session, char **error);

void irkit_session_close(irkit_session *session);

size_t irkit_session_input_count(const irkit_session *session);
size_t irkit_session_output_count(const irkit_session *session);
irkit_status irkit_session_input(const irkit_session *session, size_t index, irkit_port *port);
irkit_status irkit_session_output(const irkit_session *session, size_t index, irkit_port *port);

/* The metadata of the model's file: `task`, `licence`, …, and `producer_name`, `domain`, `graph_name`,
 * `description` before them. The texts live as long as the session. */
size_t irkit_session_property_count(const irkit_session *session);
irkit_status irkit_session_property(
  const irkit_session *session, size_t index, const char **key, const char **value);

/* Runs the model. The elements of a sequence are the tensors `name.0`, `name.1`, …, both in inputs and in
 * outputs; an optional without an element has no tensor. The first run with new sizes compiles a program.
 * `progress` may be NULL. */
irkit_status irkit_session_run(
  irkit_session *session, const irkit_tensor *inputs, size_t count, irkit_progress progress, void *context,
  irkit_results **results, char **error);

/* The outputs, in the model's order. Their names, extents and data live until the results are released. */
size_t irkit_results_count(const irkit_results *results);
irkit_status irkit_results_tensor(const irkit_results *results, size_t index, irkit_tensor *tensor);
void irkit_results_release(irkit_results *results);

/* MARK: models by name */

typedef struct irkit_catalogue irkit_catalogue;

/* Lists the installed models, in this order: those of `folder` (NULL: none), of $IRKIT_MODELS, beside the
 * program and this library, of ../share/irkit/models relative to them, and of the XDG data folders. */
irkit_catalogue *irkit_catalogue_open(const char *folder);
size_t irkit_catalogue_count(const irkit_catalogue *catalogue);
/* Sorted by name. The texts live as long as the catalogue. */
irkit_status irkit_catalogue_model(
  const irkit_catalogue *catalogue, size_t index, const char **name, const char **path);
/* The roles of installed models (`restore` is `symunet-s`), sorted. The texts live as long as the
 * catalogue. */
size_t irkit_catalogue_role_count(const irkit_catalogue *catalogue);
irkit_status irkit_catalogue_role(
  const irkit_catalogue *catalogue, size_t index, const char **role, const char **name);
/* The path of the model with this name or role (`restore`, `denoise`). If irkit released a model of this
 * name, the file must be the released one. A path stands for itself. irkit_text_release releases `path`. */
irkit_status irkit_catalogue_find(
  const irkit_catalogue *catalogue, const char *name, char **path, char **error);
void irkit_catalogue_close(irkit_catalogue *catalogue);

/* MARK: restorers */

typedef struct irkit_restorer irkit_restorer;

typedef enum irkit_sample { IRKIT_UINT8 = 1, IRKIT_UINT16 = 2, IRKIT_FLOAT32 = 3 } irkit_sample;

/* A picture in memory, interleaved or in planes, by its strides in bytes. Channels: 1 grey, 2 grey and alpha,
 * 3 red, green and blue, 4 these and alpha. White is the largest integer, or 1 for floats, which may exceed
 * 0...1. */
typedef struct irkit_picture {
  void *data;
  ptrdiff_t row_stride, pixel_stride, channel_stride;
  int32_t width, height, channels;
  irkit_sample sample;
} irkit_picture;

typedef struct irkit_restorer_options {
  size_t size; /* sizeof(irkit_restorer_options) */
  irkit_options run;
  double strength; /* the strength of the restoration, 0...1 */
  double detail;   /* the share of the input's fine luminance that is kept, 0...1 */
  double
    noise_level; /* 0...255 for models that take a noise level; less than 0: it is estimated from each picture */
  int32_t tile_size; /* the side of tiles in pixels; 0: one piece if memory allows */
  int32_t overlap;   /* the overlap of blended tiles in pixels */
  int32_t augmented; /* not 0: the mean over eight rotations and reflections */
  int32_t profiled;  /* not 0: restorations measure the time of each step */
} irkit_restorer_options;

/* Sets the options to their defaults. */
void irkit_restorer_options_init(irkit_restorer_options *options);

/* Opens a restorer: a model file, or an installed model by name or role. NULL options are the defaults. */
irkit_status irkit_restorer_open(
  const char *model, const irkit_restorer_options *options, irkit_restorer **restorer, char **error);
void irkit_restorer_close(irkit_restorer *restorer);

/* The upscaling factor: output side / input side. */
int32_t irkit_restorer_scale(const irkit_restorer *restorer);
/* The path of the model. The text lives as long as the restorer. */
const char *irkit_restorer_path(const irkit_restorer *restorer);

/* Restores `input` into `output`, which has `scale` times the sides, as many channels, and samples of any
 * type: integers are rounded and clipped. Both may be the same memory if the scale is 1. `warnings` may be
 * NULL. It receives NULL, or a line for each suspicious property of the result. */
irkit_status irkit_restorer_restore(
  irkit_restorer *restorer, const irkit_picture *input, const irkit_picture *output, irkit_progress progress,
  void *context, char **warnings, char **error);

/* A step of the network's program. */
typedef struct irkit_step {
  const char *kernel;
  const char *node; /* the last node of the network that the step computes */
  uint64_t multiply_adds;
  uint64_t bytes; /* bytes of all operands */
  double seconds;
} irkit_step;

/* The steps of the latest restoration, of all its tiles, in order; none unless `profiled`. The texts live
 * until the restorer's next restoration. */
size_t irkit_restorer_step_count(const irkit_restorer *restorer);
irkit_status irkit_restorer_step(const irkit_restorer *restorer, size_t index, irkit_step *step);

#ifdef __cplusplus
}
#endif

#endif
