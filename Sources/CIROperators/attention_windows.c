#include "attention_windows.h"

#include <string.h>

#include "parallel.h"

static void copy_floats(float *to, const float *from, size_t count) {
  // Windows of eight are the usual ones: a move, not a call.
  if (count == 8) memcpy(to, from, 8 * sizeof *to);
  else memcpy(to, from, count * sizeof *to);
}

// A row of a window: its start in a plane, and its columns before the right side of the feature map. The
// others continue at the left side.
struct window_row {
  size_t start, before_side;
};

static struct window_row row_of(const struct ir_window_rows *rows, size_t window, size_t row) {
  const struct ir_attention_params *p = rows->params;
  // Both are below twice the side.
  size_t y = rows->top + row, x = (rows->first + window) * p->window_width + p->offset_x;
  if (y >= p->height) y -= p->height;
  if (x >= p->width) x -= p->width;
  return (struct window_row){y * p->width + x, ir_smaller(p->width - x, p->window_width)};
}

void ir_gather_windows(
  const struct ir_window_rows *rows, const float *planes, size_t channels, size_t stride, size_t window_count,
  float *target) {
  const struct ir_attention_params *p = rows->params;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++)
      for (size_t window = 0; window < rows->count; window++) {
        struct window_row place = row_of(rows, window, row);
        const float *source = planes + channel * p->height * p->width + place.start;
        float *to = target + window * window_count + channel * stride + row * p->window_width;
        copy_floats(to, source, place.before_side);
        if (place.before_side < p->window_width)
          copy_floats(
            to + place.before_side, source - (p->width - place.before_side),
            p->window_width - place.before_side);
      }
}

void ir_scatter_windows(
  const struct ir_window_rows *rows, const float *source, size_t channels, size_t stride, size_t window_count,
  float *planes) {
  const struct ir_attention_params *p = rows->params;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++)
      for (size_t window = 0; window < rows->count; window++) {
        struct window_row place = row_of(rows, window, row);
        float *target = planes + channel * p->height * p->width + place.start;
        const float *from = source + window * window_count + channel * stride + row * p->window_width;
        copy_floats(target, from, place.before_side);
        if (place.before_side < p->window_width)
          copy_floats(
            target - (p->width - place.before_side), from + place.before_side,
            p->window_width - place.before_side);
      }
}
