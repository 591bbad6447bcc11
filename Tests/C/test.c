/* The C interface as a C program sees it. Arguments: the default model, then a model that adds: x [n] + y [n] = z. */
#include <irkit.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EXPECT(condition)                                               \
  do {                                                                  \
    if (!(condition)) {                                                 \
      fprintf(stderr, "test.c:%d: %s\n", __LINE__, #condition);         \
      failures++;                                                       \
    }                                                                   \
  } while (0)

static int failures;

/* The status of a call that must fail with these words in its reason. */
static irkit_status refused(irkit_status status, char **error, const char *words) {
  EXPECT(*error && strstr(*error, words));
  if (*error && !strstr(*error, words)) fprintf(stderr, "  the reason is: %s\n", *error);
  irkit_text_release(*error);
  *error = NULL;
  return status;
}

static void *contents(const char *path, size_t *count) {
  FILE *file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *count = ftell(file);
  rewind(file);
  void *bytes = malloc(*count);
  if (fread(bytes, 1, *count, file) != *count) exit(2);
  fclose(file);
  return bytes;
}

struct calls {
  int count, end_at;
  double last;
};

static int count_calls(void *context, double done) {
  struct calls *calls = context;
  EXPECT(done >= calls->last && done <= 1);
  calls->last = done;
  return ++calls->count == calls->end_at;
}

static void test_sessions(const char *path) {
  char *error = NULL;
  irkit_session *session = NULL;
  EXPECT(refused(irkit_session_open("nowhere.onnx", NULL, &session, &error), &error, "nowhere.onnx") == IRKIT_UNREADABLE);
  EXPECT(!session);
  EXPECT(refused(irkit_session_read("junk", 4, NULL, &session, &error), &error, "not an ONNX model") == IRKIT_UNREADABLE);
  EXPECT(irkit_session_open(NULL, NULL, &session, NULL) == IRKIT_INVALID_ARGUMENT);
  irkit_options wrong = {.size = 1};
  EXPECT(refused(irkit_session_open(path, &wrong, &session, &error), &error, "sizeof") == IRKIT_INVALID_ARGUMENT);

  size_t size;
  void *bytes = contents(path, &size);
  irkit_options options = {.size = sizeof options, .threads = 2};
  EXPECT(irkit_session_read(bytes, size, &options, &session, &error) == IRKIT_OK);
  free(bytes);
  EXPECT(irkit_session_input_count(session) == 2 && irkit_session_output_count(session) == 1);
  irkit_port port;
  EXPECT(irkit_session_input(session, 1, &port) == IRKIT_OK);
  EXPECT(!strcmp(port.name, "y") && !strcmp(port.type, "tensor(float)") && port.element_type == 1);
  EXPECT(port.rank == 1 && port.extents[0] == -1 && !strcmp(port.symbols[0], "n"));
  EXPECT(irkit_session_input(session, 2, &port) == IRKIT_INVALID_ARGUMENT);
  int found = 0;
  for (size_t i = 0; i < irkit_session_property_count(session); i++) {
    const char *key, *value;
    EXPECT(irkit_session_property(session, i, &key, &value) == IRKIT_OK);
    found |= !strcmp(key, "maker") && !strcmp(value, "test");
  }
  EXPECT(found);
  const char *no_key = "", *no_value = "";
  EXPECT(irkit_session_property(session, 99, &no_key, &no_value) == IRKIT_INVALID_ARGUMENT);
  EXPECT(!no_key && !no_value);

  float x[5] = {1, 2, 3, 4, 5}, y[5] = {10, 20, 30, 40, 50};
  for (int64_t n = 5; n >= 0; n--) {
    irkit_tensor inputs[2] = {
        {.name = "x", .extents = &n, .rank = 1, .element_type = 1, .data = x},
        {.name = "y", .extents = &n, .rank = 1, .element_type = 1, .data = y},
    };
    irkit_results *results = NULL;
    irkit_tensor z;
    EXPECT(irkit_session_run(session, inputs, 2, NULL, NULL, &results, &error) == IRKIT_OK);
    EXPECT(irkit_results_count(results) == 1 && irkit_results_tensor(results, 0, &z) == IRKIT_OK);
    EXPECT(!strcmp(z.name, "z") && z.rank == 1 && z.extents[0] == n && z.element_type == 1);
    for (int64_t i = 0; i < n; i++) EXPECT(((const float *)z.data)[i] == x[i] + y[i]);
    EXPECT(irkit_results_tensor(results, 1, &z) == IRKIT_INVALID_ARGUMENT);
    irkit_results_release(results);
  }
  int64_t four = 4, five = 5, negative = -1;
  irkit_tensor inputs[2] = {
      {.name = "x", .extents = &four, .rank = 1, .element_type = 1, .data = x},
      {.name = "y", .extents = &five, .rank = 1, .element_type = 1, .data = y},
  };
  irkit_results *results = NULL;
#define RUN(count) irkit_session_run(session, inputs, count, NULL, NULL, &results, &error)
  EXPECT(refused(RUN(2), &error, "n") == IRKIT_INVALID_ARGUMENT);
  EXPECT(refused(RUN(1), &error, "y") == IRKIT_INVALID_ARGUMENT);
  inputs[1].extents = &negative;
  EXPECT(refused(RUN(2), &error, "not a size") == IRKIT_INVALID_ARGUMENT);
  inputs[1] = inputs[0];
  EXPECT(refused(RUN(2), &error, "twice") == IRKIT_INVALID_ARGUMENT);
  inputs[1].name = "y";
  inputs[1].element_type = 8;
  EXPECT(refused(RUN(2), &error, "element type") == IRKIT_INVALID_ARGUMENT);
  inputs[1].element_type = 11;
  EXPECT(refused(RUN(2), &error, "float64") == IRKIT_INVALID_ARGUMENT);
  inputs[1].element_type = 1;
  inputs[1].data = NULL;
  EXPECT(refused(RUN(2), &error, "no data") == IRKIT_INVALID_ARGUMENT);
  EXPECT(!results);
  inputs[1].data = y;
  struct calls calls = {.end_at = 1};
  EXPECT(irkit_session_run(session, inputs, 2, count_calls, &calls, &results, NULL) == IRKIT_CANCELLED);
  EXPECT(calls.count == 1 && !results);
  irkit_session_close(session);
  EXPECT(irkit_session_input_count(NULL) == 0 && irkit_results_count(NULL) == 0);
  irkit_session_close(NULL);
  irkit_results_release(NULL);
}

enum { WIDTH = 40, HEIGHT = 56 };

struct job {
  irkit_restorer *restorer;
  const uint8_t *source;
  uint8_t *target;
  irkit_status status;
};

static irkit_picture rgb(const void *data, irkit_sample sample, int bytes) {
  return (irkit_picture){
      .data = (void *)data, .row_stride = 3 * WIDTH * bytes, .pixel_stride = 3 * bytes, .channel_stride = bytes,
      .width = WIDTH, .height = HEIGHT, .channels = 3, .sample = sample,
  };
}

static void *restore(void *context) {
  struct job *job = context;
  irkit_picture input = rgb(job->source, IRKIT_UINT8, 1), output = rgb(job->target, IRKIT_UINT8, 1);
  job->status = irkit_restorer_restore(job->restorer, &input, &output, NULL, NULL, NULL, NULL);
  return NULL;
}

static void test_restorers(const char *model) {
  char *error = NULL, *warnings = NULL;
  irkit_restorer *restorer = NULL;
  EXPECT(refused(irkit_restorer_open("nothing", NULL, &restorer, &error), &error, "nothing") == IRKIT_UNREADABLE);
  irkit_restorer_options options;
  irkit_restorer_options_init(&options);
  EXPECT(options.strength == 1 && options.run.size == sizeof options.run);
  options.strength = 2;
  EXPECT(refused(irkit_restorer_open(model, &options, &restorer, &error), &error, "strength") == IRKIT_INVALID_ARGUMENT);
  EXPECT(irkit_restorer_open(model, NULL, &restorer, &error) == IRKIT_OK);
  EXPECT(irkit_restorer_scale(restorer) == 1 && !strcmp(irkit_restorer_path(restorer), model));

  static uint8_t source[WIDTH * HEIGHT * 3], result[sizeof source], twin[sizeof source];
  static float planes[WIDTH * HEIGHT * 3], restored[WIDTH * HEIGHT * 3];
  unsigned state = 7;
  for (size_t i = 0; i < sizeof source; i++) {
    state = state * 1103515245 + 12345;
    source[i] = 100 + (i / 3 % WIDTH) + (state >> 16) % 60;
    planes[i % 3 * WIDTH * HEIGHT + i / 3] = source[i] / 255.0f;
  }
  irkit_picture input = rgb(source, IRKIT_UINT8, 1), output = rgb(result, IRKIT_UINT8, 1);
  struct calls calls = {0};
  EXPECT(irkit_restorer_restore(restorer, &input, &output, count_calls, &calls, &warnings, &error) == IRKIT_OK);
  EXPECT(!error && !warnings && calls.count > 5);
  irkit_step step;
  EXPECT(irkit_restorer_step_count(restorer) == 0 && irkit_restorer_step(restorer, 0, &step) == IRKIT_INVALID_ARGUMENT);

  /* Planes of floats are the same picture. */
  irkit_picture flat = {
      .data = planes, .row_stride = 4 * WIDTH, .pixel_stride = 4, .channel_stride = 4 * WIDTH * HEIGHT,
      .width = WIDTH, .height = HEIGHT, .channels = 3, .sample = IRKIT_FLOAT32,
  };
  irkit_picture target = flat;
  target.data = restored;
  EXPECT(irkit_restorer_restore(restorer, &flat, &target, NULL, NULL, NULL, &error) == IRKIT_OK);
  double change = 0;
  for (size_t i = 0; i < sizeof source; i++) {
    float value = restored[i % 3 * WIDTH * HEIGHT + i / 3];
    EXPECT(fabs(value * 255 - result[i]) <= 0.5 + 1e-3);
    change += fabs((double)result[i] - source[i]);
  }
  /* Noise is taken away. */
  EXPECT(change / sizeof source > 3);

  /* Upside down in memory, it is upside down in the result; both may be one memory. */
  memcpy(twin, source, sizeof source);
  irkit_picture own = rgb(twin, IRKIT_UINT8, 1);
  EXPECT(irkit_restorer_restore(restorer, &own, &own, NULL, NULL, NULL, NULL) == IRKIT_OK);
  EXPECT(!memcmp(twin, result, sizeof result));

  calls = (struct calls){.end_at = 3};
  EXPECT(refused(irkit_restorer_restore(restorer, &input, &output, count_calls, &calls, NULL, &error), &error,
                 "cancelled") == IRKIT_CANCELLED);
  EXPECT(calls.count == 3);

  irkit_picture odd = input;
  odd.width = 0;
  EXPECT(refused(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, &error), &error, "0×56") ==
         IRKIT_INVALID_ARGUMENT);
  odd = input;
  odd.width = odd.height = 65500;
  EXPECT(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, NULL) == IRKIT_INVALID_ARGUMENT);
  odd = input;
  odd.channels = 5;
  EXPECT(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, NULL) == IRKIT_INVALID_ARGUMENT);
  odd = output;
  odd.width--;
  EXPECT(refused(irkit_restorer_restore(restorer, &input, &odd, NULL, NULL, NULL, &error), &error, "must be") ==
         IRKIT_INVALID_ARGUMENT);

  enum { COUNT = 4 };
  static uint8_t targets[COUNT][sizeof source];
  struct job jobs[COUNT];
  pthread_t threads[COUNT];
  for (int i = 0; i < COUNT; i++) {
    jobs[i] = (struct job){.restorer = restorer, .source = source, .target = targets[i]};
    EXPECT(!pthread_create(&threads[i], NULL, restore, &jobs[i]));
  }
  for (int i = 0; i < COUNT; i++) {
    pthread_join(threads[i], NULL);
    EXPECT(jobs[i].status == IRKIT_OK && !memcmp(targets[i], result, sizeof result));
  }
  irkit_restorer_close(restorer);

  /* The steps are as many as are reported, and together no longer than the call. */
  irkit_restorer_options_init(&options);
  options.profiled = 1;
  EXPECT(irkit_restorer_open(model, &options, &restorer, NULL) == IRKIT_OK);
  calls = (struct calls){0};
  struct timespec begin, end;
  timespec_get(&begin, TIME_UTC);
  EXPECT(irkit_restorer_restore(restorer, &input, &output, count_calls, &calls, NULL, NULL) == IRKIT_OK);
  timespec_get(&end, TIME_UTC);
  EXPECT(!memcmp(twin, result, sizeof result));
  double seconds = 0, multiply_adds = 0;
  size_t count = irkit_restorer_step_count(restorer);
  EXPECT(count > 5 && abs((int)count - calls.count) <= 1);
  for (size_t i = 0; i < count; i++) {
    EXPECT(irkit_restorer_step(restorer, i, &step) == IRKIT_OK && strlen(step.kernel) > 0 && step.seconds >= 0);
    seconds += step.seconds;
    multiply_adds += step.multiply_adds;
  }
  EXPECT(seconds > 0 && seconds <= end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
  /* A network of 0.75 million weights uses most of them at every pixel of some scale. */
  EXPECT(multiply_adds > 1e5 * WIDTH);
  EXPECT(irkit_restorer_step(restorer, count, &step) == IRKIT_INVALID_ARGUMENT);
  irkit_restorer_close(restorer);
}

static void test_catalogue(const char *model) {
  irkit_catalogue *catalogue = irkit_catalogue_open(NULL);
  int found = 0;
  for (size_t i = 0; i < irkit_catalogue_count(catalogue); i++) {
    const char *name, *path;
    EXPECT(irkit_catalogue_model(catalogue, i, &name, &path) == IRKIT_OK);
    found |= !strcmp(name, "symunet-s");
  }
  EXPECT(found);
  found = 0;
  for (size_t i = 0; i < irkit_catalogue_role_count(catalogue); i++) {
    const char *role, *name;
    EXPECT(irkit_catalogue_role(catalogue, i, &role, &name) == IRKIT_OK);
    found |= !strcmp(role, "restore") && !strcmp(name, "symunet-s");
  }
  EXPECT(found);
  char *path = NULL, *error = NULL;
  EXPECT(irkit_catalogue_find(catalogue, "restore", &path, &error) == IRKIT_OK);
  EXPECT(path && strstr(path, "symunet-s.onnx"));
  irkit_text_release(path);
  EXPECT(irkit_catalogue_find(catalogue, model, &path, &error) == IRKIT_OK && !strcmp(path, model));
  irkit_text_release(path);
  EXPECT(refused(irkit_catalogue_find(catalogue, "nothing", &path, &error), &error, "symunet-s") == IRKIT_UNREADABLE);
  irkit_catalogue_close(catalogue);
}

int main(int count, char **arguments) {
  if (count != 3) return 2;
  EXPECT(strlen(irkit_version()) >= 5);
  test_sessions(arguments[2]);
  test_restorers(arguments[1]);
  test_catalogue(arguments[1]);
  if (!failures) puts("the C interface is in order");
  return failures != 0;
}
