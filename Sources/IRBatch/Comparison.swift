import ArgumentParser
import ImageRestoration

/// A picture that shows what a restoration did.
enum Comparison: String, ExpressibleByArgument, CaseIterable, Sendable {
  case side, split, diff

  /// Input and output, and the truth where it is known.
  func picture(_ before: Image, _ after: Image, _ truth: Image?) throws -> Image {
    switch self {
    case .side: try Image.sideBySide([before, after] + (truth.map { [$0] } ?? []))
    case .split: try Image.split(before, after)
    case .diff: try Image.difference(truth ?? before, after)
    }
  }
}
