/* Restores a picture of PPM (P6, 8 bits). usage: restore IN.ppm OUT.ppm [MODEL]
 *
 *     cc restore.c -lirkit -o restore
 */
#include <irkit.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char *what, char *reason) {
  fprintf(stderr, "restore: %s%s%s\n", what, reason ? ": " : "", reason ? reason : "");
  irkit_text_release(reason);
  return 1;
}

static int show(void *context, double done) {
  (void)context;
  fprintf(stderr, "\r%3.0f %%", 100 * done);
  return 0;
}

int main(int count, char **arguments) {
  if (count < 3 || count > 4) return fail("usage: restore IN.ppm OUT.ppm [MODEL]", NULL);
  FILE *file = fopen(arguments[1], "rb");
  int width, height;
  if (!file || fscanf(file, "P6 %d %d 255", &width, &height) != 2 || fgetc(file) == EOF)
    return fail("not a PPM of 8 bits", NULL);
  if (width < 1 || height < 1 || width > 65500 || height > 65500) return fail("too large", NULL);
  size_t size = (size_t)width * height * 3;
  uint8_t *pixels = malloc(size);
  if (!pixels || fread(pixels, 1, size, file) != size) return fail("not all pixels are there", NULL);
  fclose(file);

  char *reason = NULL;
  irkit_restorer *restorer = NULL;
  if (irkit_restorer_open(count == 4 ? arguments[3] : "restore", NULL, &restorer, &reason) != IRKIT_OK)
    return fail("the model", reason);
  int scale = irkit_restorer_scale(restorer);
  irkit_picture input = {
    .data = pixels,
    .row_stride = 3 * width,
    .pixel_stride = 3,
    .channel_stride = 1,
    .width = width,
    .height = height,
    .channels = 3,
    .sample = IRKIT_UINT8,
  };
  irkit_picture output = input;
  output.width *= scale;
  output.height *= scale;
  output.row_stride *= scale;
  uint8_t *result = malloc(size * scale * scale);
  if (!result) return fail("out of memory", NULL);
  output.data = result;
  char *warnings = NULL;
  if (irkit_restorer_restore(restorer, &input, &output, show, NULL, &warnings, &reason) != IRKIT_OK)
    return fail("the picture", reason);
  fprintf(stderr, "\r%s%s", warnings ? warnings : "", warnings ? "\n" : "");
  irkit_text_release(warnings);

  file = fopen(arguments[2], "wb");
  if (!file) return fail("cannot be written", NULL);
  fprintf(file, "P6\n%d %d\n255\n", output.width, output.height);
  size_t written = fwrite(result, 1, size * scale * scale, file);
  if (fclose(file) || written != size * scale * scale) return fail("cannot be written", NULL);
  irkit_restorer_close(restorer);
  free(pixels);
  free(result);
  return 0;
}
