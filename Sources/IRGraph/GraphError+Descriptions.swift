extension GraphError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .type(let node, let name, let error): "\(node) (\(name)): \(error)"
    case .tooLarge(let node, let name, let type):
      "\(node) (\(name)): a result of type \(type) has too many elements (Graph.elementCount)"
    case .invalid(let rule, let place, let detail): "\(place): \(detail) (\(rule))"
    case .text(let line, let detail): "line \(line): \(detail)"
    case .inputs(let detail): detail
    }
  }
}
