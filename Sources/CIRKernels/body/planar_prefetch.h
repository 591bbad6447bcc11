#ifndef IR_PLANAR_PREFETCH_H
#define IR_PLANAR_PREFETCH_H

// A product's share of the rows that the next step reads.

#include "../include/ir_kernels.h"

V_INLINE void prefetch_share(struct ir_prefetch *p) {
  for (size_t i = 0; i < p->share && p->range < p->range_count; i++) {
    const struct ir_prefetch_range r = p->ranges[p->range];
    const char *row = r.start + p->row * r.stride;
    for (size_t line = 0; line < r.lines; line++) __builtin_prefetch(row + line * IR_CACHE_LINE, 0, 2);
    if (++p->row < r.count) continue;
    p->row = 0;
    p->range++;
  }
}

#endif
