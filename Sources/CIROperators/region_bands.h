#ifndef IR_REGION_BANDS_H
#define IR_REGION_BANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The rows of a tile that are still to be claimed, in a word that threads exchange as a whole: tile, next
/// row, row behind the last. A thread claims the rows of a band step by step; another one that has nothing
/// left takes the lower half of what is unclaimed. So a thread that the system slows down keeps nobody
/// waiting.
typedef uint64_t ir_region_band;

ir_region_band ir_region_band_of(size_t tile, size_t first, size_t last);

size_t ir_region_band_tile(ir_region_band band);
size_t ir_region_band_first(ir_region_band band);
size_t ir_region_band_last(ir_region_band band);

/// The row behind the last as it is now; claims the rows before `next`, as far as they are the band's.
size_t ir_region_claim(ir_region_band *band, size_t next);

/// Moves half of the most unclaimed rows, if they are at least `least`, from one of `bands` to `own`, which
/// is one of them and has none left. What is moved begins at a multiple of `block` rows, of which `least` has
/// two or more.
bool ir_region_take(ir_region_band *bands, size_t count, size_t least, size_t block, ir_region_band *own);

#endif
