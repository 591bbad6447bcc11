import IRTensor

/// Builds a graph operator by operator. IROperators adds functions for the operators of networks
/// (`g.convolution(x, weight: w)`), all through `apply`.
package struct GraphBuilder: Sendable {
  package private(set) var graph: Graph
  private var scopes: [String] = []
  private var nameCounts: [String: Int] = [:]

  package init(name: String = "graph") { graph = Graph(name: name) }
  package init(extending graph: Graph) { self.graph = graph }

  /// The type of a value.
  package func type(of value: ValueID) -> TensorType { graph[value].type }
  package func shape(of value: ValueID) -> Shape { graph[value].type.shape }

  package mutating func input(_ name: String, _ type: TensorType) -> ValueID { graph.addInput(name, type) }

  package mutating func constant(_ tensor: Tensor, name: String? = nil) -> ValueID {
    graph.addConstant(tensor, name: name ?? unique("constant"))
  }

  package mutating func output(_ value: ValueID, name: String) { graph.addOutput(value, name: name) }

  /// Prefixes the names made inside `body` with `scope` and a dot.
  package mutating func inScope<R, E: Error>(
    _ scope: String, _ body: (inout GraphBuilder) throws(E) -> R
  ) throws(E) -> R {
    scopes.append(scope)
    defer { scopes.removeLast() }
    return try body(&self)
  }

  /// Adds a node; without a name it is called after its operator, with a number.
  /// - Throws: `GraphError.type` if the operator refuses the inputs.
  package mutating func apply(
    _ operator: any Operator, _ inputs: [ValueID], name: String? = nil
  ) throws(GraphError) -> [ValueID] {
    let base = name ?? unique(`operator`.name.prefix(1).lowercased() + `operator`.name.dropFirst())
    return try graph.addNode(`operator`, inputs: inputs, name: (scopes + [base]).joined(separator: "."))
  }

  /// As `apply`, for an operator of one output.
  package mutating func value(
    _ operator: any Operator, _ inputs: [ValueID], name: String? = nil
  ) throws(GraphError) -> ValueID {
    let outputs = try apply(`operator`, inputs, name: name)
    precondition(outputs.count == 1, "\(`operator`.name) has \(outputs.count) outputs")
    return outputs[0]
  }

  /// The finished graph.
  /// - Throws: what `Graph.verify()` finds.
  package func finished() throws(GraphError) -> Graph {
    try graph.verify()
    return graph
  }

  private mutating func unique(_ base: String) -> String {
    let key = (scopes + [base]).joined(separator: ".")
    let count = nameCounts[key, default: 0]
    nameCounts[key] = count + 1
    return count == 0 ? base : "\(base)_\(count)"
  }
}
