/// The texts that name UniRes' tasks, and CLIP's tokens of them: they never change, so that no tokenizer is
/// needed.
///
/// The paper states the form of the first two; the others are ours.
package enum TaskPrompts {
  /// The prompts' texts in the order of their numbers; the last one drops the text.
  package static let texts = ["Super-resolution", "Motion-deblur", "Defocus-deblur", "Denoise", ""]
  /// The number of the prompt without text.
  package static let empty = 4

  private static let tokens: [[Int64]] = [
    [1994, 268, 9977], [7860, 268, 561, 27976], [561, 4353, 268, 561, 27976], [1177, 78, 1479], [],
  ]
  private static let begin: Int64 = 49406
  private static let end: Int64 = 49407

  /// The tokens behind a text's end.
  package enum Padding: Sendable {
    /// The end again, as in Stable Diffusion 1.
    case end
    /// Token 0, as in OpenCLIP and Stable Diffusion 2.
    case zero
  }

  /// Token numbers of every prompt, `count` each: the text between begin and end, then padding.
  /// - Precondition: `count` is at least 7.
  package static func tokens(count: Int = 77, padding: Padding) -> [[Int64]] {
    let filler: Int64 = if case .end = padding { end } else { 0 }
    return tokens.map { text in
      let row = [begin] + text + [end]
      precondition(row.count <= count, "\(row.count) tokens in \(count)")
      return row + [Int64](repeating: filler, count: count - row.count)
    }
  }
}
