extension TensorFileError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .file(let path, let reason): "\(path): \(reason)"
    case .malformed(let path, let detail): "\(path): \(detail)"
    }
  }
}
