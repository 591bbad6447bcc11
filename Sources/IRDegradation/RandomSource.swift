import Foundation
import IRTensor

/// Random numbers of a seed (`SplitMix64`), uniform and normal.
package struct RandomSource: RandomNumberGenerator, Hashable, Sendable {
  private var numbers: SplitMix64
  private var spare: Double?

  package init(seed: UInt64) { numbers = SplitMix64(seed: seed) }

  /// The stream number `index` of a seed.
  package init(seed: UInt64, stream index: UInt64) {
    var first = SplitMix64(seed: seed)
    var second = SplitMix64(seed: index ^ first.next())
    self.init(seed: second.next())
  }

  package mutating func next() -> UInt64 { numbers.next() }

  /// Uniform in 0 ..< 1, of 53 bits.
  package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Uniform in `range`.
  package mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// Uniform in 0 ..< count.
  package mutating func index(below count: Int) -> Int {
    precondition(count > 0)
    return Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// Of the normal distribution with mean 0 and variance 1 (Box and Muller 1958).
  package mutating func normal() -> Double {
    if let spare {
      self.spare = nil
      return spare
    }
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    spare = radius * sin(angle)
    return radius * cos(angle)
  }
}
