// binary16 conversions for ISAs without an instruction for them.

V_INLINE v_f32 v_load_f16(const unsigned short *p) {
  v_i32 h = __builtin_convertvector(*(const v_u16 *)p, v_i32);
  v_i32 magnitude = (h & 0x7fff) << 13;
  // Scaling by 2^112 rebiases the exponent and normalises subnormals in one exact step.
  v_f32 scaled = v_from_bits(magnitude) * v_set(0x1p112f);
  v_i32 special = magnitude >= 0x0f800000;
  v_i32 quiet = (magnitude > 0x0f800000) & 0x00400000;
  v_i32 value = (special & (magnitude | 0x7f800000 | quiet)) | (~special & v_bits(scaled));
  return v_from_bits(value | ((h & 0x8000) << 16));
}

V_INLINE void v_store_f16(unsigned short *p, v_f32 v) {
  v_i32 bits = v_bits(v), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
  v_f32 absolute = v_from_bits(magnitude);
  // Normal results: round to even on bit 13 and rebias.
  v_i32 normal = (magnitude + 0xfff + ((magnitude >> 13) & 1) - (112 << 23)) >> 13;
  // Subnormal results: adding 1/2 puts the 2^-24 unit at the last bit of the sum.
  v_i32 subnormal = v_bits(absolute + v_set(0.5f)) - 0x3f000000;
  v_i32 is_subnormal = magnitude < 0x38800000;
  v_i32 result = (is_subnormal & subnormal) | (~is_subnormal & normal);
  v_i32 overflows = magnitude >= 0x477ff000;
  v_i32 nan = magnitude > 0x7f800000;
  result = (overflows & 0x7c00) | (~overflows & result);
  result = (nan & (0x7e00 | ((magnitude >> 13) & 0x3ff))) | (~nan & result);
  *(v_u16 *)p = __builtin_convertvector(result | sign, v_u16);
}
