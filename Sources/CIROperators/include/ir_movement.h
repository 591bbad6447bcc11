#ifndef IR_MOVEMENT_H
#define IR_MOVEMENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { IR_MOVEMENT_MAX_RANK = 8 };

/// destination[i · destination_strides] = source[i · source_strides] for every i in `shape`:
/// transpose, slice (negative steps too), a piece of a concatenation, expand (stride 0), pixel
/// shuffle (rank 6). Strides in elements; `element_size` is 1, 2, 4 or 8 bytes.
struct ir_copy_params {
  size_t element_size;
  size_t rank;
  size_t shape[IR_MOVEMENT_MAX_RANK];
  ptrdiff_t source_strides[IR_MOVEMENT_MAX_RANK];
  ptrdiff_t destination_strides[IR_MOVEMENT_MAX_RANK];
};

/// The pointers are at the element of index 0.
void ir_copy(const struct ir_copy_params *params, const void *source, void *destination, int threads);

enum ir_pad_mode {
  IR_PAD_CONSTANT,
  IR_PAD_REFLECT,
  IR_PAD_EDGE,
  IR_PAD_WRAP,
};

/// Dense input of `shape` to a dense output of extents before + shape + after; negative pads crop.
/// Reflection does not repeat the edge, and goes back and forth where a pad exceeds the extent.
struct ir_pad_params {
  size_t element_size;
  size_t rank;
  size_t shape[IR_MOVEMENT_MAX_RANK];
  ptrdiff_t before[IR_MOVEMENT_MAX_RANK], after[IR_MOVEMENT_MAX_RANK];
  enum ir_pad_mode mode;
};

/// `value`: one element, for IR_PAD_CONSTANT; NULL is 0.
void ir_pad(
  const struct ir_pad_params *params, const void *input, const void *value, void *output, int threads);

/// [outer, axis, inner] and indices [index_count] -> [outer, index_count, inner].
struct ir_gather_params {
  size_t element_size;
  size_t outer, axis, inner, index_count;
  /// 4 or 8 bytes: int32_t or int64_t.
  size_t index_size;
};

/// A negative index counts from the end; what is outside then is the nearest inside. `axis` is not 0.
void ir_gather(
  const struct ir_gather_params *params, const void *input, const void *indices, void *output, int threads);

/// [outer, axis, inner] and indices [outer, index_count, inner] -> [outer, index_count, inner], element by
/// element; element_size is 1, 2, 4 or 8. Indices as above.
void ir_gather_elements(
  const struct ir_gather_params *params, const void *input, const void *indices, void *output, int threads);

/// IEEE binary16 in the low bits of uint16_t; rounds to nearest even.
void ir_convert_f16_to_f32(size_t count, const uint16_t *input, float *output, int threads);
void ir_convert_f32_to_f16(size_t count, const float *input, uint16_t *output, int threads);

#ifdef __cplusplus
}
#endif

#endif
