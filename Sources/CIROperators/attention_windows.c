#include "attention_windows.h"

#include <string.h>

#include "parallel.h"

// Windows of eight columns are the usual ones: a move, not a call.
enum { USUAL_COLUMNS = 8 };

static void copy_row(float *to, const float *from, size_t count) {
  if (count == USUAL_COLUMNS) __builtin_memcpy_inline(to, from, USUAL_COLUMNS * sizeof *to);
  else memcpy(to, from, count * sizeof *to);
}

// The first sample of a row of the windows in a plane, whose columns count from the left side.
static size_t row_start(const struct ir_window_rows *rows, size_t row) {
  const struct ir_attention_params *p = rows->params;
  size_t y = rows->top + row; // Below twice the height.
  return (y < p->height ? y : y - p->height) * p->width;
}

// A window's first column, of which the ones beyond the right side continue at the left side.
static size_t first_column(const struct ir_window_rows *rows, size_t window) {
  const struct ir_attention_params *p = rows->params;
  size_t x = (rows->first + window) * p->window_width + p->offset_x; // Below twice the width.
  return x < p->width ? x : x - p->width;
}

void ir_gather_windows(
  const struct ir_window_rows *rows, const float *planes, size_t channels, size_t stride, size_t window_count,
  float *target) {
  const struct ir_attention_params *p = rows->params;
  const size_t columns = p->window_width;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++) {
      const float *source = planes + channel * p->height * p->width + row_start(rows, row);
      float *to = target + channel * stride + row * columns;
      for (size_t window = 0; window < rows->count; window++, to += window_count) {
        size_t x = first_column(rows, window);
        if (x + columns <= p->width) {
          copy_row(to, source + x, columns);
        } else {
          size_t before_side = p->width - x;
          memcpy(to, source + x, before_side * sizeof *to);
          memcpy(to + before_side, source, (columns - before_side) * sizeof *to);
        }
      }
    }
}

void ir_scatter_windows(
  const struct ir_window_rows *rows, const float *source, size_t channels, size_t stride, size_t window_count,
  float *planes) {
  const struct ir_attention_params *p = rows->params;
  const size_t columns = p->window_width;
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t row = 0; row < p->window_height; row++) {
      float *target = planes + channel * p->height * p->width + row_start(rows, row);
      const float *from = source + channel * stride + row * columns;
      for (size_t window = 0; window < rows->count; window++, from += window_count) {
        size_t x = first_column(rows, window);
        if (x + columns <= p->width) {
          copy_row(target + x, from, columns);
        } else {
          size_t before_side = p->width - x;
          memcpy(target + x, from, before_side * sizeof *target);
          memcpy(target, from + before_side, (columns - before_side) * sizeof *target);
        }
      }
    }
}
