extension DiffusionError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .schedule(let detail): "scheduler: \(detail)"
    case .composition(let detail): "composition: \(detail)"
    case .sizes(let detail): "sizes: \(detail)"
    }
  }
}
