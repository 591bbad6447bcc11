/// Whether installed files are those that irkit released under their name.
package enum ReleaseState: String, Encodable, Sendable {
  case published
  /// irkit released nothing of this name.
  case unlisted
  case changed

  package var text: String {
    switch self {
    case .published: "as published"
    case .unlisted: "not in SHA256SUMS"
    case .changed: "CHANGED: not what SHA256SUMS names"
    }
  }
}
