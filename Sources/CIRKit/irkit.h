/* irkit for C: runs ONNX models and restores pictures on CPUs.
 *
 * Handles are opaque. Any thread may use them; calls that run one handle take turns. Closing a handle that
 * another thread uses is the caller's mistake. Functions that can fail return a status; where `error` is
 * given it receives the reason as text in UTF-8, to be released by irkit_text_release. What is passed in is
 * borrowed for the call. Where a handle or an index is not one, counts are 0 and texts are NULL.
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
  IRKIT_INVALID_ARGUMENT = 1, /* what was passed in does not fit the call or the model */
  IRKIT_UNREADABLE = 2,       /* a file that cannot be read, or is no model */
  IRKIT_UNSUPPORTED = 3,      /* a model that cannot be run */
  IRKIT_OUT_OF_MEMORY = 4,    /* more memory than the options or the system allow */
  IRKIT_CANCELLED = 5,        /* the progress function ended the call */
  IRKIT_FAILED = 6            /* anything else */
} irkit_status;

/* Called on the calling thread between the steps of a run, with the share that is done in 0...1. Another
 * answer than 0 ends the call with IRKIT_CANCELLED. It must not use the handle that runs. */
typedef int (*irkit_progress)(void *context, double done);

/* The version, as 0.1.0. */
const char *irkit_version(void);

void irkit_text_release(char *text);

/* The numbers that products are computed with. BF16 rounds their operands to bfloat16, 8 bits of
 * precision, with sums and all else in float32: twice the rate on processors that multiply bfloat16.
 * AUTO is BF16 on these. */
typedef enum irkit_precision {
  IRKIT_PRECISION_F32 = 0,
  IRKIT_PRECISION_BF16 = 1,
  IRKIT_PRECISION_AUTO = 2
} irkit_precision;

/* Options of a run. The size tells a newer library what an older caller knows; zeros are the defaults. */
typedef struct irkit_options {
  size_t size;     /* sizeof(irkit_options) */
  uint64_t memory; /* the most bytes that a run may take; 0: three quarters of what the system has left */
  int32_t threads; /* 0: as many as processors */
  int32_t float16_storage; /* not 0: pictures between steps may be kept as float16 to meet the memory */
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

/* An input or an output as a model declares it; the texts live as long as the session. */
typedef struct irkit_port {
  const char *name;
  const char *type;           /* tensor(float), seq(tensor(int64)), optional(tensor(float)) */
  const int64_t *extents;     /* -1 where open */
  const char *const *symbols; /* the names of open extents, "" where there is none */
  int32_t rank;               /* -1 where no shape is declared */
  int32_t element_type;       /* 0 where none is declared */
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

/* Computes the outputs. An element of a sequence is a tensor `name.0`, `name.1`, …, for inputs as for
 * outputs; an optional without an element has none. A program is compiled for the sizes when they are
 * first seen; `progress` may be NULL. */
irkit_status irkit_session_run(
  irkit_session *session, const irkit_tensor *inputs, size_t count, irkit_progress progress, void *context,
  irkit_results **results, char **error);

/* The outputs, in the model's order; what a tensor points to lives until the results are released. */
size_t irkit_results_count(const irkit_results *results);
irkit_status irkit_results_tensor(const irkit_results *results, size_t index, irkit_tensor *tensor);
void irkit_results_release(irkit_results *results);

/* MARK: models by name */

typedef struct irkit_catalogue irkit_catalogue;

/* Lists the models that are installed: those of `folder` (NULL for none) first, then of $IRKIT_MODELS,
 * beside the program and this library, of share/irkit/models beside them, and of XDG's data folders. */
irkit_catalogue *irkit_catalogue_open(const char *folder);
size_t irkit_catalogue_count(const irkit_catalogue *catalogue);
/* Sorted by name. The texts live as long as the catalogue. */
irkit_status irkit_catalogue_model(
  const irkit_catalogue *catalogue, size_t index, const char **name, const char **path);
/* Roles, which are other names of installed models by what they do (`restore` is `symunet-s`), sorted. The
 * texts live as long as the catalogue. */
size_t irkit_catalogue_role_count(const irkit_catalogue *catalogue);
irkit_status irkit_catalogue_role(
  const irkit_catalogue *catalogue, size_t index, const char **role, const char **name);
/* The path of a model by its name or its role (`restore`, `denoise`), whose content must be as released
 * where the name is one of ours; a path stands for itself. `path` is released by irkit_text_release. */
irkit_status irkit_catalogue_find(
  const irkit_catalogue *catalogue, const char *name, char **path, char **error);
void irkit_catalogue_close(irkit_catalogue *catalogue);

/* MARK: restorers */

typedef struct irkit_restorer irkit_restorer;

typedef enum irkit_sample { IRKIT_UINT8 = 1, IRKIT_UINT16 = 2, IRKIT_FLOAT32 = 3 } irkit_sample;

/* A picture in memory, interleaved or in planes as its strides say, in bytes. 1 channel is grey, 2 grey
 * and alpha, 3 red, green and blue, 4 these and alpha; whole numbers from 0 to their largest, floats 0...1
 * and beyond. */
typedef struct irkit_picture {
  void *data;
  ptrdiff_t row_stride, pixel_stride, channel_stride;
  int32_t width, height, channels;
  irkit_sample sample;
} irkit_picture;

typedef struct irkit_restorer_options {
  size_t size; /* sizeof(irkit_restorer_options) */
  irkit_options run;
  double strength;    /* the share of the restoration in the result, 0...1 */
  double detail;      /* the share of the input's fine brightness that stays, 0...1 */
  double noise_level; /* 0...255 for models that take it, else less than 0 */
  int32_t tile_size;  /* the side of tiles in pixels; 0: whole where the memory allows */
  int32_t overlap;    /* pixels that blended tiles share */
  int32_t augmented;  /* not 0: the mean over eight turns and mirrorings */
  int32_t profiled;   /* not 0: restorations note how long each of their steps takes */
} irkit_restorer_options;

/* Sets the options to their defaults. */
void irkit_restorer_options_init(irkit_restorer_options *options);

/* Opens a restorer: a model file, or an installed model by name or role. NULL options are the defaults. */
irkit_status irkit_restorer_open(
  const char *model, const irkit_restorer_options *options, irkit_restorer **restorer, char **error);
void irkit_restorer_close(irkit_restorer *restorer);

/* The side of the result / the side of the picture. */
int32_t irkit_restorer_scale(const irkit_restorer *restorer);
/* The path of its model; lives as long as the restorer. */
const char *irkit_restorer_path(const irkit_restorer *restorer);

/* Restores `input` into `output`, a picture of `scale` times the sides, as many channels and any samples:
 * whole numbers are rounded and clipped. Both may be the same memory where the scale is 1. `warnings` may
 * be NULL; it receives NULL, or a line for each property of the result that a person should look at. */
irkit_status irkit_restorer_restore(
  irkit_restorer *restorer, const irkit_picture *input, const irkit_picture *output, irkit_progress progress,
  void *context, char **warnings, char **error);

/* A step of the network's program. */
typedef struct irkit_step {
  const char *kernel;
  const char *node; /* the node of the network that the step computes, or its last one */
  uint64_t multiply_adds;
  uint64_t bytes; /* those that it reads and writes */
  double seconds;
} irkit_step;

/* The steps of the restoration that ended last, of all its tiles, in their order; none unless the options
 * ask for them. The texts live until the restorer's next restoration. */
size_t irkit_restorer_step_count(const irkit_restorer *restorer);
irkit_status irkit_restorer_step(const irkit_restorer *restorer, size_t index, irkit_step *step);

#ifdef __cplusplus
}
#endif

#endif
