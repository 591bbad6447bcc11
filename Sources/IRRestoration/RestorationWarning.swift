/// A suspicious property of a restored image, which a person should look at.
public struct RestorationWarning: Codable, Hashable, Sendable {
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Samples of the input were infinite or not a number. Numbers: `samples`.
    case nonFiniteInput
    /// The whole picture became darker or brighter. Numbers in levels of 0...255: `before`, `after`, `shift`.
    case meanShift
    /// One region changed differently from the whole. Numbers: `left`, `top`, `width`, `height` in input
    /// pixels, `before`, `after`, `shift` in levels, `wholeShift`.
    case regionShift
    /// The channels changed by different amounts. Numbers in levels: `red`, `green`, `blue`.
    case colourShift
    /// Samples became black or white. Numbers: shares `before` and `after`.
    case rangeEnds
    /// Few of 256 levels are left. Numbers: counts `before` and `after`.
    case fewLevels
    /// A flat grey image changes much, so that the model's value range may be wrong. Numbers: `grey`, the
    /// mean of its restoration in 0...1.
    case valueRange
  }

  public var kind: Kind
  public var numbers: [String: Double]
  /// The kind and its numbers in words.
  public var sentence: String
  /// The tasks of the model that cause such a change where it is needed; nil if it has no such task.
  public var explanations: [ToneTask]?

  public init(
    _ kind: Kind, _ numbers: [String: Double], _ sentence: String, explanations: [ToneTask] = []
  ) {
    self.kind = kind
    self.numbers = numbers
    self.sentence =
      explanations.isEmpty
      ? sentence : "\(sentence), as \(explanations.map(\.phrase).joined(separator: " or ")) does"
    self.explanations = explanations.isEmpty ? nil : explanations
  }

  /// The warning of an input whose samples were not all finite. `count` is at least 1.
  package static func mended(_ count: Int) -> RestorationWarning {
    RestorationWarning(
      .nonFiniteInput, ["samples": Double(count)],
      count == 1
        ? "1 sample of the input was infinite or not a number, and was mended from its neighbours"
        : "\(count) samples of the input were infinite or not numbers, and were mended from their neighbours")
  }
}
