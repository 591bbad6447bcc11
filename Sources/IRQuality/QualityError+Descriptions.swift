extension QualityError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .picture(let detail): detail
    case .model(let detail): "the model of natural pictures \(detail)"
    }
  }
}
