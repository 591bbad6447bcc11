#include "region_bands.h"

#include <assert.h>

#include "ir_region.h"

enum { ROW_BITS = 22 };
static const uint64_t row_mask = IR_REGION_MAX_ROWS;

ir_region_band ir_region_band_of(size_t tile, size_t first, size_t last) {
  assert(tile < IR_REGION_MAX_TILES && last <= IR_REGION_MAX_ROWS && first <= last);
  return (uint64_t)tile << 2 * ROW_BITS | (uint64_t)first << ROW_BITS | last;
}

size_t ir_region_band_tile(ir_region_band band) { return band >> 2 * ROW_BITS; }
size_t ir_region_band_first(ir_region_band band) { return band >> ROW_BITS & row_mask; }
size_t ir_region_band_last(ir_region_band band) { return band & row_mask; }

size_t ir_region_claim(ir_region_band *band, size_t next) {
  ir_region_band old = __atomic_load_n(band, __ATOMIC_RELAXED);
  for (;;) {
    const size_t first = ir_region_band_first(old), last = ir_region_band_last(old);
    size_t claimed = next < last ? next : last;
    if (claimed <= first) return last;
    const ir_region_band new = ir_region_band_of(ir_region_band_tile(old), claimed, last);
    if (__atomic_compare_exchange_n(band, &old, new, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) return last;
  }
}

bool ir_region_take(ir_region_band *bands, size_t count, size_t least, size_t block, ir_region_band *own) {
  assert(least >= 2 * block);
  for (;;) {
    ir_region_band *richest = NULL, old = 0;
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
      const ir_region_band band = __atomic_load_n(&bands[i], __ATOMIC_RELAXED);
      const size_t rows = ir_region_band_last(band) - ir_region_band_first(band);
      if (rows > most) (most = rows, richest = &bands[i], old = band);
    }
    if (!richest || most < least) return false;
    const size_t tile = ir_region_band_tile(old), first = ir_region_band_first(old);
    const size_t last = ir_region_band_last(old), middle = (last - most / 2 + block - 1) / block * block;
    const ir_region_band rest = ir_region_band_of(tile, first, middle);
    if (!__atomic_compare_exchange_n(richest, &old, rest, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      continue;
    __atomic_store_n(own, ir_region_band_of(tile, middle, last), __ATOMIC_RELAXED);
    return true;
  }
}
