/// Why a file of tensors cannot be read.
public enum TensorFileError: Error, Sendable, CustomStringConvertible {
  case file(path: String, reason: String)
  /// The bytes break the format; `detail` says where and how.
  case malformed(path: String, detail: String)

  public var description: String {
    switch self {
    case .file(let path, let reason): "\(path): \(reason)"
    case .malformed(let path, let detail): "\(path): \(detail)"
    }
  }
}
