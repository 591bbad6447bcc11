// The operations that every ISA spells alike in clang's vector extensions.

// A function whose constant arguments make a copy of it at every call. Sanitizers, under whose checks these
// copies take a compiler many minutes, get a single one.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#pragma clang diagnostic ignored "-Wpass-failed"
#define V_SPECIALIZED static __attribute__((noinline, unused))
#else
#define V_SPECIALIZED V_INLINE
#endif

V_INLINE v_f32 v_load(const float *p) { return *(const v_f32_unaligned *)p; }
V_INLINE void v_store(float *p, v_f32 v) { *(v_f32_unaligned *)p = v; }
// The first n of at most V_LANES lanes; the others are 0.
V_INLINE v_f32 v_load_some(const float *p, size_t n) {
  return n == V_LANES ? v_load(p) : v_load_partial(p, n);
}
V_INLINE void v_store_some(float *p, v_f32 v, size_t n) {
  if (n == V_LANES) v_store(p, v);
  else v_store_partial(p, v, n);
}
V_INLINE v_f32 v_set(float x) { return (v_f32)x; }
V_INLINE v_i32 v_bits(v_f32 v) { return (v_i32)v; }
V_INLINE v_f32 v_from_bits(v_i32 v) { return (v_f32)v; }

// Lanes of a comparison are all ones or all zeros.
V_INLINE v_f32 v_select(v_i32 mask, v_f32 yes, v_f32 no) {
  return v_from_bits((mask & v_bits(yes)) | (~mask & v_bits(no)));
}
// Both give `b` where either is NaN (the machine instruction on x86).
V_INLINE v_f32 v_max(v_f32 a, v_f32 b) { return v_select(a > b, a, b); }
V_INLINE v_f32 v_min(v_f32 a, v_f32 b) { return v_select(a < b, a, b); }
V_INLINE v_f32 v_relu(v_f32 v) { return v_max(v_set(0), v); }
V_INLINE v_f32 v_abs(v_f32 v) { return v_from_bits(v_bits(v) & 0x7fffffff); }
V_INLINE v_f32 v_copysign(v_f32 magnitude, v_f32 sign) {
  return v_from_bits(v_bits(magnitude) | (v_bits(sign) & (int)0x80000000));
}
V_INLINE v_f32 v_sqrt(v_f32 v) { return __builtin_elementwise_sqrt(v); }
V_INLINE v_f32 v_floor(v_f32 v) { return __builtin_elementwise_floor(v); }
V_INLINE v_f32 v_ceil(v_f32 v) { return __builtin_elementwise_ceil(v); }
V_INLINE v_f32 v_round(v_f32 v) { return __builtin_elementwise_roundeven(v); }
V_INLINE v_i32 v_to_int(v_f32 v) { return __builtin_convertvector(v, v_i32); }
V_INLINE v_f32 v_to_float(v_i32 v) { return __builtin_convertvector(v, v_f32); }

// x * 2^n for whole n in -252 ... 254; two steps, so that subnormal results are right.
#if !defined(V_HAS_SCALE_EXPONENT)
V_INLINE v_f32 v_scale_exponent(v_f32 x, v_f32 n) {
  v_i32 whole = v_to_int(n), half = whole >> 1;
  v_f32 first = v_from_bits((half + 127) << 23);
  v_f32 second = v_from_bits((whole - half + 127) << 23);
  return x * first * second;
}
#endif

#if V_LANES == 4
#define V_SHIFT_INDICES(first) first, first + 1, first + 2, first + 3
#elif V_LANES == 8
#define V_SHIFT_INDICES(first) \
  first, first + 1, first + 2, first + 3, first + 4, first + 5, first + 6, first + 7
#elif V_LANES == 16
#define V_SHIFT_INDICES(first) \
  first, first + 1, first + 2, first + 3, first + 4, first + 5, first + 6, first + 7, first + 8, first + 9, \
    first + 10, first + 11, first + 12, first + 13, first + 14, first + 15
#endif
// The lanes of `a` from one on, then those of `b`.
#define V_JOINED(a, b, first) __builtin_shufflevector(a, b, V_SHIFT_INDICES(first))
// The lanes of v one place on, with 0 in the place that falls free.
V_INLINE v_f32 v_shift_right(v_f32 v) { return V_JOINED(v_set(0), v, V_LANES - 1); }
V_INLINE v_f32 v_shift_left(v_f32 v) { return V_JOINED(v, v_set(0), 1); }

// Lanes of a and b in turns: those of the first halves, those of the second; and the way back, every second
// lane of both.
#define V_TURNS_2(i) i, i + V_LANES
#define V_TURNS_4(i) V_TURNS_2(i), V_TURNS_2(i + 1)
#define V_TURNS_8(i) V_TURNS_4(i), V_TURNS_4(i + 2)
#define V_TURNS_16(i) V_TURNS_8(i), V_TURNS_8(i + 4)
#define V_SECOND_4(i) i, i + 2, i + 4, i + 6
#define V_SECOND_8(i) V_SECOND_4(i), V_SECOND_4(i + 8)
#define V_SECOND_16(i) V_SECOND_8(i), V_SECOND_8(i + 16)
#if V_LANES == 4
#define V_TURNS V_TURNS_4
#define V_SECOND V_SECOND_4
#elif V_LANES == 8
#define V_TURNS V_TURNS_8
#define V_SECOND V_SECOND_8
#elif V_LANES == 16
#define V_TURNS V_TURNS_16
#define V_SECOND V_SECOND_16
#endif
V_INLINE v_f32 v_in_turns_low(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_TURNS(0)); }
V_INLINE v_f32 v_in_turns_high(v_f32 a, v_f32 b) {
  return __builtin_shufflevector(a, b, V_TURNS(V_LANES / 2));
}
V_INLINE v_f32 v_every_second(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_SECOND(0)); }
V_INLINE v_f32 v_every_other(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_SECOND(1)); }

// In every four lanes: two of a's, then two of b's.
#define V_QUAD(first, i, j, k, l) first + i, first + j, first + k + V_LANES, first + l + V_LANES
#if V_LANES == 4
#define V_IN_QUADS(i, j, k, l) V_QUAD(0, i, j, k, l)
#elif V_LANES == 8
#define V_IN_QUADS(i, j, k, l) V_QUAD(0, i, j, k, l), V_QUAD(4, i, j, k, l)
#elif V_LANES == 16
#define V_IN_QUADS(i, j, k, l) \
  V_QUAD(0, i, j, k, l), V_QUAD(4, i, j, k, l), V_QUAD(8, i, j, k, l), V_QUAD(12, i, j, k, l)
#endif
V_INLINE v_f32 v_pairs_low(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_IN_QUADS(0, 1, 0, 1)); }
V_INLINE v_f32 v_pairs_high(v_f32 a, v_f32 b) {
  return __builtin_shufflevector(a, b, V_IN_QUADS(2, 3, 2, 3));
}
V_INLINE v_f32 v_even(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_IN_QUADS(0, 2, 0, 2)); }
V_INLINE v_f32 v_odd(v_f32 a, v_f32 b) { return __builtin_shufflevector(a, b, V_IN_QUADS(1, 3, 1, 3)); }

// In every four lanes rows become columns: lane 4 c + q of x[i] is then what lane 4 c + i of x[q] was.
V_INLINE void v_transpose_quads(v_f32 x[4]) {
  v_f32 low_01 = v_pairs_low(x[0], x[1]), high_01 = v_pairs_high(x[0], x[1]);
  v_f32 low_23 = v_pairs_low(x[2], x[3]), high_23 = v_pairs_high(x[2], x[3]);
  x[0] = v_even(low_01, low_23);
  x[1] = v_odd(low_01, low_23);
  x[2] = v_even(high_01, high_23);
  x[3] = v_odd(high_01, high_23);
}

// Lanes are combined in pairs at distance lanes/2, lanes/4, ...: one order for each ISA.
#define V_REDUCE(v, combine) \
  ({ \
    v_f32 reduce_v = (v); \
    float reduce_lane[V_LANES]; \
    v_store(reduce_lane, reduce_v); \
    for (int width = V_LANES / 2; width; width /= 2) \
      for (int i = 0; i < width; i++) { \
        float x = reduce_lane[i], y = reduce_lane[i + width]; \
        reduce_lane[i] = combine; \
      } \
    reduce_lane[0]; \
  })

// The first n lanes get their value, the others `fill`.
V_INLINE v_f32 v_keep(v_f32 v, size_t n, v_f32 fill) {
  v_i32 lane;
  for (int i = 0; i < V_LANES; i++) lane[i] = i;
  return v_select(lane < (int)n, v, fill);
}
