import Testing

@testable import IRRestoration

/// Rows of what Pillow 13.0 gives, `Image.resize((7 * s, 6 * s), Image.BICUBIC)` of the same plane in mode F,
/// away from the border, beyond which each goes on in its own way.
private let pillow: [(scale: Int, row: Int, values: [Float])] = [
  (2, 4, [0.860408, 0.865503, 0.5575, 0.353123, 0.252372, 0.353511]),
  (2, 7, [0.383709, 0.43399, 0.721852, 0.815963, 0.716322, 0.5125]),
  (3, 6, [0.818683, 0.901481, 0.780617, 0.56, 0.389259, 0.318272, 0.297161, 0.325926, 0.441975]),
  (3, 10, [0.405926, 0.31, 0.475926, 0.754074, 0.92, 0.861481, 0.690741, 0.52, 0.349259]),
]

@Suite struct EnlargementTests {
  private static let plane = (0..<42).map { index -> Float in
    let (row, column) = index.quotientAndRemainder(dividingBy: 7)
    return Float((row * 37 + column * 61) % 101) / 100
  }

  @Test func theCubicIsPillows() {
    for (scale, row, values) in pillow {
      let found = Self.plane.enlargedCubically(7, 6, by: scale)
      #expect(found.count == 42 * scale * scale)
      let start = row * 7 * scale + 2 * scale
      for (a, b) in zip(found[start..<(start + values.count)], values) { #expect(abs(a - b) < 2e-6) }
    }
  }

  @Test(arguments: [1, 2, 3, 5]) func constantsStayAndOneIsTheIdentity(scale: Int) {
    let constant = [Float](repeating: 0.375, count: 12)
    for result in [constant.enlargedCubically(4, 3, by: scale), constant.enlargedLinearly(4, 3, by: scale)] {
      #expect(result.count == 12 * scale * scale && result.allSatisfy { abs($0 - 0.375) < 1e-6 })
    }
    #expect(Self.plane.enlargedCubically(7, 6, by: 1) == Self.plane)
  }

  @Test func theLinearOneMeetsAtCentres() {
    #expect([0, 1].enlargedLinearly(2, 1, by: 2) == [0, 0.25, 0.75, 1, 0, 0.25, 0.75, 1])
  }
}
