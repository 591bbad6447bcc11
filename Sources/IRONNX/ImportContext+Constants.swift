import IRGraph
import IRTensor

/// Values that are computed at import: shape arithmetic, and constants that attributes follow from.
extension ImportContext {
  /// The most that the definitions may compute at import, in multiply-adds.
  private static let workLimit = 1 << 31
  /// The most elements of one value computed so.
  private static let elementLimit = 1 << 24

  /// Adds a node, or its results where all inputs are known and the results small.
  func emit(_ operator: any Operator, _ inputs: [ValueID], name: String) throws(ImportFailure) -> [ValueID] {
    let constants = inputs.compactMap { builder.graph.constant($0) }
    if constants.count == inputs.count, !inputs.isEmpty {
      let types: [TensorType]
      do { types = try `operator`.outputTypes(for: constants.map(\.type)) } catch {
        throw .graph(.type(node: name, operator: `operator`.name, error))
      }
      let isSmall = types.allSatisfy { type in
        Graph.holds(type)
          && (type.shape.checkedElementCount ?? .max) <= (type.elementType.isFloatingPoint ? 4096 : 1 << 20)
      }
      if isSmall { return `operator`.results(constants, types).map { builder.constant($0, name: name) } }
    }
    do {
      let outputs = try builder.apply(`operator`, inputs, name: name)
      let origin = inputs.reduce(into: Set<String>()) { $0.formUnion(sources[$1] ?? []) }
      for output in outputs where !origin.isEmpty { sources[output] = origin }
      return outputs
    } catch { throw .graph(error) }
  }

  /// The graph inputs that a value depends on.
  func origins(of value: ValueID) -> Set<String> { sources[value] ?? [] }

  /// The value where no input of the graph decides it: a constant, or what follows from constants.
  /// - Throws: `ImportFailure.unsupported` if that takes more computation than an import may.
  func known(_ value: ValueID) throws(ImportFailure) -> Tensor? {
    if let tensor = builder.graph.constant(value) { return tensor }
    guard origins(of: value).isEmpty else { return nil }
    return try computed(value)
  }

  private func computed(_ value: ValueID) throws(ImportFailure) -> Tensor {
    if let tensor = computedTensors[value] { return tensor }
    let graph = builder.graph
    var nodes: Set<NodeID> = []
    var work = [value]
    while let next = work.popLast() {
      guard computedTensors[next] == nil, let node = graph.producer(of: next), nodes.insert(node).inserted
      else { continue }
      work += graph[node].inputs
      let (inputs, outputs) = (graph.inputTypes(of: node), graph.outputTypes(of: node))
      let isSmall = (inputs + outputs).allSatisfy { $0.shape.elementCount <= Self.elementLimit }
      if isSmall {
        let contraction = graph[node].operator as? any ContractionOperator
        workDone += contraction?.multiplyAddCount(for: inputs) ?? 0
        workDone += outputs.reduce(0) { $0 + 64 * $1.shape.elementCount }
      }
      guard isSmall, workDone <= Self.workLimit else {
        throw .unsupported(
          "a size follows from a value that takes too much computation at import: "
            + "\(graph[node].name) of \(outputs.map(\.description).joined(separator: ", "))")
      }
    }
    var results = computedTensors
    // A node is added after those that it reads.
    for id in nodes.sorted() {
      let node = graph[id]
      let operands = node.inputs.compactMap { results[$0] ?? graph.constant($0) }
      precondition(operands.count == node.inputs.count, "an input of the graph has no origin")
      for (output, result) in zip(node.outputs, node.operator.results(operands, graph.outputTypes(of: id))) {
        results[output] = result
      }
    }
    guard let result = results[value] else {
      preconditionFailure("\(value) is neither computed nor constant")
    }
    computedTensors[value] = result
    return result
  }
}
