// Swift's Float16 does not exist on every platform's ABI, so halves travel as their bits.

/// The IEEE binary16 bits nearest to `value` (ties to even), infinities beyond 65,504 + half a step.
package func float16Bits(_ value: Double) -> UInt16 {
  let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
  if value.isNaN { return sign | 0x7E00 }
  let magnitude = value.magnitude
  if magnitude >= 65_520 { return sign | 0x7C00 }
  if magnitude == 0 { return sign }
  // One step is 2^-24 below the smallest normal, 2^(exponent - 10) above it.
  let exponent = Swift.max(Int(magnitude.exponent), -14)
  let step = Double(sign: .plus, exponent: exponent - 10, significand: 1)
  let steps = (magnitude / step).rounded(.toNearestOrEven)
  let biased = (exponent + 14) << 10
  // A carry out of the significand lands in the exponent, as it should.
  return sign | UInt16(biased + Int(steps))
}

/// The value of IEEE binary16 bits.
package func float16Value(_ bits: UInt16) -> Double {
  let sign: FloatingPointSign = bits & 0x8000 == 0 ? .plus : .minus
  let exponent = Int(bits >> 10) & 31
  let significand = Double(bits & 0x3FF)
  let magnitude: Double
  switch exponent {
  case 0: magnitude = significand * 0x1p-24
  case 31: magnitude = significand == 0 ? .infinity : .nan
  default: magnitude = (1024 + significand) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
  }
  return sign == .minus ? -magnitude : magnitude
}

/// The values of `count` numbers of IEEE binary16, as float32 has them all.
func widenFloat16(_ halves: UnsafePointer<UInt16>, count: Int, into values: UnsafeMutablePointer<Float>) {
  for index in 0..<count {
    let bits = UInt32(halves[index])
    let magnitude = (bits & 0x7FFF) << 13
    // The product moves the exponent to where float32 has it, and makes small numbers normal.
    let finite = (Float(bitPattern: magnitude) * 0x1p112).bitPattern
    let isSpecial = magnitude >= 0x0F80_0000
    let quiet: UInt32 = magnitude > 0x0F80_0000 ? 0x7FC0_0000 : 0x7F80_0000
    values[index] = Float(bitPattern: (isSpecial ? magnitude | quiet : finite) | (bits & 0x8000) << 16)
  }
}

/// The bfloat16 bits nearest to `value` (ties to even).
package func bfloat16Bits(_ value: Double) -> UInt16 {
  // To float32 with the sticky bit kept odd, so that the second rounding cannot double-round.
  var single = Float(value)
  if single.isNaN { return 0x7FC0 | (value.sign == .minus ? 0x8000 : 0) }
  if single.isFinite, Double(single) != value {
    let towardZero = Double(single.magnitude) > value.magnitude ? single.bitPattern - 1 : single.bitPattern
    single = Float(bitPattern: towardZero | 1)
  }
  let bits = single.bitPattern
  if single.isInfinite { return UInt16(bits >> 16) }
  return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}
