import IRTensor

/// The tensors of files, matched to a network's parameters.
package struct WeightMatch: Sendable {
  /// Every parameter that was found, as float32 in the network's shape.
  package private(set) var weights: [String: Tensor] = [:]
  /// Remarks for people: a prefix left out, tensors that do not belong to the network.
  package private(set) var notes: [String] = []
  private var problems: [WeightProblem] = []

  init(
    _ files: [[(name: String, tensor: Tensor)]], to network: some ParameterizedNetwork
  ) throws(ModelError) {
    let parameters = try network.parameters()
    let byName = Dictionary(parameters.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
    var unexpected: [(name: String, type: TensorType)] = []
    for file in files {
      let (prefix, added) = Self.prefix(file.map(\.name), byName, [""] + network.optionalPrefixes)
      if !prefix.isEmpty { notes.append("names begin with \(prefix), which is left out") }
      if !added.isEmpty { notes.append("names are taken with \(added) in front") }
      var foreign = 0
      for (name, tensor) in file {
        guard name.hasPrefix(prefix) else { foreign += 1; continue }
        let own = added + name.dropFirst(prefix.count)
        if let parameter = byName[own] {
          take(tensor, for: parameter)
        } else if !network.ignores(weight: own) {
          unexpected.append((own, tensor.type))
        }
      }
      if foreign > 0 { notes.append("\(foreign) tensors outside \(prefix) are not the network's") }
    }
    let missing = parameters.filter { $0.isUsed && weights[$0.name] == nil }
    let found = Set(problems.map { if case .shape(let parameter, _) = $0 { parameter.name } else { "" } })
    let free = unexpected.map(\.name)
    problems += missing.filter { !found.contains($0.name) }.map {
      .missing($0, nearest: nearest(to: $0.name, in: free))
    }
    let open = missing.map(\.name)
    problems += unexpected.map {
      .unexpected(name: $0.name, $0.type, nearest: nearest(to: $0.name, in: open))
    }
    guard problems.isEmpty else { throw .weights(problems) }
  }

  private mutating func take(_ tensor: Tensor, for parameter: Parameter) {
    // A scalar may be stored as a list of one.
    let isScalar = tensor.elementCount == 1 && parameter.shape.elementCount == 1
    guard tensor.shape == parameter.shape || isScalar else {
      problems.append(.shape(parameter, found: tensor.shape))
      return
    }
    weights[parameter.name] = tensor.converted(to: .float32).reshaped(to: parameter.shape)
  }

  /// The text before the parameters' names, and the optional prefix that the file leaves out.
  private static func prefix(
    _ names: [String], _ parameters: [String: Parameter], _ added: [String]
  ) -> (left: String, added: String) {
    var counts: [[String]: Int] = [:]
    for name in names {
      var start = name.startIndex
      while true {
        for front in added where parameters[front + name[start...]] != nil {
          counts[[String(name[..<start]), front], default: 0] += 1
        }
        guard let dot = name[start...].firstIndex(of: ".") else { break }
        start = name.index(after: dot)
      }
    }
    func rank(_ key: [String]) -> (Int, Int, Int, String) {
      (counts[key] ?? 0, key[0].contains("params_ema") ? 1 : 0, -(key[0] + key[1]).utf8.count, key[0])
    }
    let best = counts.keys.max { rank($0) < rank($1) }
    return best.map { ($0[0], $0[1]) } ?? ("", "")
  }
}

extension ParameterizedNetwork {
  /// Matches the tensors of files by name. Of names like `params.module.intro.weight` the prefix under which
  /// most parameters are found is left out; of equals the shorter one, but `params_ema` before all. A file of
  /// one part may leave out one of the `optionalPrefixes`.
  /// - Throws: `ModelError.weights` with everything that is missing, unexpected or of another shape.
  package func match(_ files: [[(name: String, tensor: Tensor)]]) throws(ModelError) -> WeightMatch {
    try WeightMatch(files, to: self)
  }
}

extension RestorationNetwork {
  /// The network for the weights of these files: see `adapted(to:)`. Prefixes in front of names do not
  /// matter.
  package func adapted(to files: [[(name: String, tensor: Tensor)]]) -> Self {
    var shapes: [String: Shape] = [:]
    for (name, tensor) in files.joined() where shapes.count < 1 << 20 {
      var rest = name[...]
      while true {
        shapes[String(rest)] = tensor.shape
        guard let dot = rest.firstIndex(of: ".") else { break }
        rest = rest[rest.index(after: dot)...]
      }
    }
    return adapted(to: shapes)
  }
}
