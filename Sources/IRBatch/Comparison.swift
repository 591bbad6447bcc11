import IRFiles
import ImageRestoration

/// A picture that shows what a restoration did.
package enum Comparison: String, CaseIterable, Sendable {
  case side, split, diff

  /// The comparison's place beside an output's: `a-side.png`.
  func path(beside output: FilePath) -> FilePath { output.stem.adding("-\(rawValue).png") }

  /// The statement by which later runs know a file for a comparison.
  private static let mark = PictureText(keyword: "irkit", text: "comparison")

  /// Whether a file is a comparison of an earlier run.
  static func isOne(_ path: FilePath) -> Bool {
    (try? ImageFile.read(path.text))?.metadata.texts.contains(mark) ?? false
  }

  /// Input and output, and the true picture if it is known.
  func picture(_ before: Image, _ after: Image, _ truth: Image?) throws -> Image {
    var result =
      switch self {
      case .side: try Image.sideBySide([before, after] + (truth.map { [$0] } ?? []))
      case .split: try Image.split(before, after)
      case .diff: try Image.difference(truth ?? before, after)
      }
    result.metadata.texts.append(Self.mark)
    return result
  }
}

/// A measure of a picture against the true one.
package enum Metric: String, CaseIterable, Sendable {
  case psnr, ssim
}
