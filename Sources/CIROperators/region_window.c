#include "region_window.h"

size_t ir_region_window_rows_at_once(const struct ir_region_window *w) {
  bool is_3x3 = w->kernel_height == 3 && w->kernel_width == 3 && w->dilation == 1;
  return is_3x3 ? IR_PLANAR_DEPTHWISE_ROWS : 1;
}

void ir_region_start_window(
  const struct ir_region_tile *t, const struct ir_region_operand *operand, const struct ir_region_window *w,
  size_t y, size_t count, const struct ir_region_rows *rows, struct ir_region_window_call *d) {
  d->taps = w->kernel_height * w->kernel_width;
  d->row_count = w->kernel_height + count - 1;
  const bool is_rolling = operand->place == IR_REGION_ROLLING;
  const ptrdiff_t x = (ptrdiff_t)rows->first_column, start = x - (ptrdiff_t)w->pad_left;
  d->call = (struct ir_planar_depthwise){
    .columns = rows->last_column - rows->first_column,
    .count = count,
    .kernel_height = w->kernel_height,
    .kernel_width = w->kernel_width,
    .dilation = w->dilation,
    .weights = w->weights,
    .bias = w->bias,
    .activation = w->activation,
    // Rolling rows hold zeros around the feature map; whole feature maps end there.
    .first_column = !is_rolling && start < 0 ? (size_t)-start : 0,
    .last_column = is_rolling ? SIZE_MAX : (size_t)((ptrdiff_t)t->region->width - start),
    // All but the last rows of a feature map have been asked for with the rows before.
    .prefetched_rows = is_rolling ? 0 : count,
  };
  ir_region_window_rows(t, operand, w, y, d->row_count, x, d->call.input, d->call.input_stride);
}

void ir_region_run_window(struct ir_region_window_call *d, size_t channels) {
  d->call.channels = channels;
  ir_kernels()->f32_planar_depthwise(&d->call);
  d->call.weights += channels * d->taps;
  if (d->call.bias) d->call.bias += channels;
  for (size_t k = 0; k < d->row_count; k++) d->call.input[k] += channels * d->call.input_stride[k];
}
