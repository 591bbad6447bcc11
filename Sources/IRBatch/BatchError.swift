import ImageRestoration

/// Why a batch, or one of its pictures, is not made.
package enum BatchError: Error, CustomStringConvertible {
  /// The inputs, outputs and options contradict each other, or stand for nothing.
  case usage(String)
  /// A strict run does not write a picture with warnings.
  case suspicious([RestorationWarning])

  package var description: String {
    switch self {
    case .usage(let text): text
    case .suspicious(let warnings): "not written because of --strict: \(warnings.sentence)"
    }
  }
}

extension [RestorationWarning] {
  /// All in one line.
  package var sentence: String { map(\.sentence).joined(separator: "; ") }
}
