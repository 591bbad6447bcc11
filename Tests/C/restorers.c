/* Restorers as a C program sees them. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "expect.h"

enum { WIDTH = 40, HEIGHT = 56 };

struct job {
  irkit_restorer *restorer;
  const uint8_t *source;
  uint8_t *target;
  irkit_status status;
};

static irkit_picture rgb(const void *data, irkit_sample sample, int bytes) {
  return (irkit_picture){
    .data = (void *)data,
    .row_stride = 3 * WIDTH * bytes,
    .pixel_stride = 3 * bytes,
    .channel_stride = bytes,
    .width = WIDTH,
    .height = HEIGHT,
    .channels = 3,
    .sample = sample,
  };
}

static void *restore(void *context) {
  struct job *job = context;
  irkit_picture input = rgb(job->source, IRKIT_UINT8, 1), output = rgb(job->target, IRKIT_UINT8, 1);
  job->status = irkit_restorer_restore(job->restorer, &input, &output, NULL, NULL, NULL, NULL);
  return NULL;
}

void test_restorers(const char *model) {
  char *error = NULL, *warnings = NULL;
  irkit_restorer *restorer = NULL;
  EXPECT(
    refused(irkit_restorer_open("nothing", NULL, &restorer, &error), &error, "nothing") == IRKIT_UNREADABLE);
  irkit_restorer_options options;
  irkit_restorer_options_init(&options);
  EXPECT(options.strength == 1 && options.run.size == sizeof options.run);
  options.strength = 2;
  EXPECT(
    refused(irkit_restorer_open(model, &options, &restorer, &error), &error, "strength") ==
    IRKIT_INVALID_ARGUMENT);
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
  EXPECT(
    irkit_restorer_restore(restorer, &input, &output, count_calls, &calls, &warnings, &error) == IRKIT_OK);
  EXPECT(!error && !warnings && calls.count > 5);
  irkit_step step;
  EXPECT(
    irkit_restorer_step_count(restorer) == 0 &&
    irkit_restorer_step(restorer, 0, &step) == IRKIT_INVALID_ARGUMENT);

  /* Planes of floats are the same picture. */
  irkit_picture flat = {
    .data = planes,
    .row_stride = 4 * WIDTH,
    .pixel_stride = 4,
    .channel_stride = 4 * WIDTH * HEIGHT,
    .width = WIDTH,
    .height = HEIGHT,
    .channels = 3,
    .sample = IRKIT_FLOAT32,
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
  EXPECT(
    refused(
      irkit_restorer_restore(restorer, &input, &output, count_calls, &calls, NULL, &error), &error,
      "cancelled") == IRKIT_CANCELLED);
  EXPECT(calls.count == 3);

  irkit_picture odd = input;
  odd.width = 0;
  EXPECT(
    refused(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, &error), &error, "0×56") ==
    IRKIT_INVALID_ARGUMENT);
  odd = input;
  odd.width = odd.height = 65500;
  EXPECT(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, NULL) == IRKIT_INVALID_ARGUMENT);
  odd = input;
  odd.channels = 5;
  EXPECT(irkit_restorer_restore(restorer, &odd, &output, NULL, NULL, NULL, NULL) == IRKIT_INVALID_ARGUMENT);
  odd = output;
  odd.width--;
  EXPECT(
    refused(irkit_restorer_restore(restorer, &input, &odd, NULL, NULL, NULL, &error), &error, "must be") ==
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
  EXPECT(count > 5 && abs((int)count - calls.shares) <= 1);
  for (size_t i = 0; i < count; i++) {
    EXPECT(
      irkit_restorer_step(restorer, i, &step) == IRKIT_OK && strlen(step.kernel) > 0 && step.seconds >= 0);
    seconds += step.seconds;
    multiply_adds += step.multiply_adds;
  }
  EXPECT(seconds > 0 && seconds <= end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9);
  /* A network of 0.75 million weights uses most of them at every pixel of some scale. */
  EXPECT(multiply_adds > 1e5 * WIDTH);
  EXPECT(irkit_restorer_step(restorer, count, &step) == IRKIT_INVALID_ARGUMENT);
  irkit_restorer_close(restorer);
}
