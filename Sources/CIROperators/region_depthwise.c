#include "parallel.h"
#include "region_window.h"

// Channels whose windows are done row by row while their rows are near.
enum { WINDOW_CHANNELS = 4 };

static void run(
  const struct ir_region_tile *t, const struct ir_region_instruction *i, const struct ir_region_rows *rows) {
  struct ir_region_window_call calls[IR_REGION_MAX_STEP];
  size_t call_count = 0;
  for (size_t y = rows->first, count; y < rows->last; y += count) {
    struct ir_region_window_call *d = &calls[call_count++];
    count = ir_smaller(ir_region_window_rows_at_once(&i->window), rows->last - y);
    ir_region_start_window(t, &i->operands[0], &i->window, y, count, rows, d);
    d->call.output_stride = ir_region_channel_stride(t, &i->output);
    for (size_t k = 0; k < count; k++)
      d->call.output[k] = ir_region_pixel(t, &i->output, 0, y + k, (ptrdiff_t)rows->first_column);
  }
  const size_t most = call_count > 1 ? WINDOW_CHANNELS : i->channels;
  for (size_t channel = 0, channels; channel < i->channels; channel += channels) {
    channels = ir_smaller(most, i->channels - channel);
    for (size_t c = 0; c < call_count; c++) {
      struct ir_planar_depthwise *call = &calls[c].call;
      ir_region_run_window(&calls[c], channels);
      for (size_t k = 0; k < call->count; k++) call->output[k] += channels * call->output_stride;
    }
  }
}

const struct ir_region_operation ir_region_depthwise = {.run = run, .is_not_prefetched = true};
