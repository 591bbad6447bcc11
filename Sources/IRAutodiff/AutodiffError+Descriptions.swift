extension AutodiffError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notAScalar(let value, let type): "\(value) is \(type): gradients are taken of one number"
    case .notDifferentiable(let node, let name):
      "\(node) (\(name)): no gradient flows through this operator, and one would have to"
    case .rule(let node, let name, let error): "\(node) (\(name)): its gradient: \(error)"
    }
  }
}
