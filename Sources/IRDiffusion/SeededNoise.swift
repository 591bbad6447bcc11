import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Normal noise whose every number follows from a seed and its place alone, so that it depends neither on
/// threads nor on how a picture is cut: Philox-4x32-10 (Salmon et al., 2011) counts the places.
package struct SeededNoise: Hashable, Sendable {
  package let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// Noise `[1, channels, height, width]` float32 of mean 0 and variance 1, from this row and column on;
  /// `stream` is 0 at the start of a walk, and the number of the step for noise on the way.
  package func tensor(
    channels: Int, height: Int, width: Int, row: Int = 0, column: Int = 0, stream: Int = 0
  ) -> Tensor {
    var values: [Float] = []
    values.reserveCapacity(channels * height * width)
    for channel in 0..<channels {
      for y in row..<(row + height) {
        for x in column..<(column + width) {
          values.append(Float(value(channel: channel, row: y, column: x, stream: stream)))
        }
      }
    }
    return Tensor(values, shape: [1, channels, height, width])
  }

  /// One number of the normal distribution with mean 0 and variance 1 (Box and Muller, 1958).
  func value(channel: Int, row: Int, column: Int, stream: Int) -> Double {
    let words = Self.philox(
      counter: (
        UInt32(truncatingIfNeeded: column), UInt32(truncatingIfNeeded: row),
        UInt32(truncatingIfNeeded: channel), UInt32(truncatingIfNeeded: stream)
      ), key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    func uniform(_ high: UInt32, _ low: UInt32) -> Double {
      Double((UInt64(high) << 32 | UInt64(low)) >> 11) * 0x1p-53
    }
    let radius = (-2 * log(1 - uniform(words.0, words.1))).squareRoot()
    return radius * cos(2 * Double.pi * uniform(words.2, words.3))
  }

  typealias Words = (UInt32, UInt32, UInt32, UInt32)

  /// Ten rounds of Philox-4x32.
  static func philox(counter: Words, key: (UInt32, UInt32)) -> Words {
    var (c, k) = (counter, key)
    for _ in 0..<10 {
      let first = UInt64(0xD251_1F53) * UInt64(c.0)
      let second = UInt64(0xCD9E_8D57) * UInt64(c.2)
      c = (
        UInt32(second >> 32) ^ c.1 ^ k.0, UInt32(truncatingIfNeeded: second),
        UInt32(first >> 32) ^ c.3 ^ k.1, UInt32(truncatingIfNeeded: first)
      )
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }
}
