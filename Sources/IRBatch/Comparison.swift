import ImageRestoration

/// A picture that shows what a restoration did.
package enum Comparison: String, CaseIterable, Sendable {
  case side, split, diff

  /// Input and output, and the true picture if it is known.
  func picture(_ before: Image, _ after: Image, _ truth: Image?) throws -> Image {
    switch self {
    case .side: try Image.sideBySide([before, after] + (truth.map { [$0] } ?? []))
    case .split: try Image.split(before, after)
    case .diff: try Image.difference(truth ?? before, after)
    }
  }
}

/// A measure of a picture against the true one.
package enum Metric: String, CaseIterable, Sendable {
  case psnr, ssim
}
