/// The numbers that products are computed with.
public enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
  case float32 = "f32"
  /// Operands of products are rounded to bfloat16, 8 bits of precision; sums and all else stay float32. Twice
  /// the rate on processors that multiply bfloat16; others compute the same numbers, but for subnormal ones,
  /// no faster than float32.
  case bfloat16 = "bf16"
}
