/// A degradation that cannot be understood.
package enum DegradationError: Error, Hashable, Sendable {
  case unknown(text: String)
  case range(text: String, detail: String)
}

extension DegradationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknown(let text): "no degradation is called \(text): \(Degradation.grammar)"
    case .range(let text, let detail): "\(text): \(detail)"
    }
  }
}
