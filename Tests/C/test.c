/* The C interface as a C program sees it. Arguments: the default model, and one of x [n] + y [n] = z. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "expect.h"

int failures;

irkit_status refused(irkit_status status, char **error, const char *words) {
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

int count_calls(void *context, double done) {
  struct calls *calls = context;
  EXPECT(done >= calls->last && done <= 1);
  calls->shares += !calls->count || done > calls->last;
  calls->last = done;
  return ++calls->count == calls->end_at;
}

static void test_sessions(const char *path) {
  char *error = NULL;
  irkit_session *session = NULL;
  EXPECT(
    refused(irkit_session_open("nowhere.onnx", NULL, &session, &error), &error, "nowhere.onnx") ==
    IRKIT_UNREADABLE);
  EXPECT(!session);
  EXPECT(
    refused(irkit_session_read("junk", 4, NULL, &session, &error), &error, "not an ONNX model") ==
    IRKIT_UNREADABLE);
  EXPECT(irkit_session_open(NULL, NULL, &session, NULL) == IRKIT_INVALID_ARGUMENT);
  irkit_options wrong = {.size = 1};
  EXPECT(
    refused(irkit_session_open(path, &wrong, &session, &error), &error, "sizeof") == IRKIT_INVALID_ARGUMENT);

  irkit_options unknown = {.size = sizeof unknown, .precision = (irkit_precision)3};
  EXPECT(
    refused(irkit_session_open(path, &unknown, &session, &error), &error, "precision 3") ==
    IRKIT_INVALID_ARGUMENT);

  size_t size;
  void *bytes = contents(path, &size);
  irkit_options options = {.size = sizeof options, .threads = 2, .precision = IRKIT_PRECISION_AUTO};
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
  EXPECT(
    refused(irkit_catalogue_find(catalogue, "nothing", &path, &error), &error, "symunet-s") ==
    IRKIT_UNREADABLE);
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
