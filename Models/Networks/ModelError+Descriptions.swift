extension ModelError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unknownNetwork(let name, let available):
      let near = nearest(to: name, in: available).map { "; did you mean \($0)?" } ?? ""
      return "no network is called \(name)\(near) Networks are \(available.joined(separator: ", "))"
    case .configuration(let detail): return "configuration: \(detail)"
    case .weights(let problems):
      let shown = 20
      let rest = problems.count > shown ? ["… and \(problems.count - shown) more"] : []
      return (["\(problems.count) weights do not fit:"] + problems.prefix(shown).map(\.description) + rest)
        .joined(separator: "\n  ")
    case .graph(let error): return "\(error)"
    }
  }
}

extension WeightProblem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .missing(let parameter, let near):
      "\(parameter.name) \(parameter.shape) is missing" + (near.map { "; the file has \($0), unused" } ?? "")
    case .unexpected(let name, let type, let near):
      "\(name) \(type.shape) is not of this network" + (near.map { "; the nearest is \($0)" } ?? "")
    case .shape(let parameter, let found):
      "\(parameter.name) is \(found), the network takes \(parameter.shape)"
    }
  }
}
