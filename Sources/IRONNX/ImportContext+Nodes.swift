import IRGraph
import IRTensor

extension ImportContext {
  /// Imports nodes of one graph, sorted first where they are not.
  func importNodes(_ nodes: [ONNXNode], opsets: [String: Int64]) {
    let order: [Int]
    do throws(NodeOrder.Failure) {
      order = try NodeOrder.sorted(nodes, known: assigned, nameCount: &capturedNameCount)
    } catch {
      let (position, text) =
        switch error {
        case .cycle(let position, let input):
          (position, "its input \(input) follows from its own output: the nodes form a cycle")
        case .tooManyNames:
          (0, "the graphs inside its loops and functions are too large to be looked through at every turn")
        }
      guard nodes.indices.contains(position) else { return }
      let node = nodes[position]
      report(.unsupported(text), node, label(node, position), opsets[node.domain] ?? 1)
      return
    }
    for position in order where nodeCount <= ONNXLimits.nodeCount {
      let node = nodes[position]
      nodeCount += 1
      let blocked = node.inputs.contains { failed.contains($0) }
      guard !blocked else { failed.formUnion(node.outputs); continue }
      do throws(ImportFailure) {
        for output in node.outputs where !output.isEmpty && !assigned.insert(output).inserted {
          throw ImportFailure.unsupported("its output \(output) is assigned before it")
        }
        let results = try importNode(node, opsets: opsets)
        for (name, result) in zip(node.outputs, results) where !name.isEmpty {
          if let result { values[name] = result } else { failed.insert(name) }
        }
        for name in node.outputs.dropFirst(results.count) where !name.isEmpty {
          throw ImportFailure.unsupported("its output \(name) is not computed")
        }
      } catch {
        failed.formUnion(node.outputs)
        report(error, node, label(node, position), opsets[node.domain] ?? 1)
      }
    }
  }

  private func label(_ node: ONNXNode, _ position: Int) -> String {
    node.name.isEmpty ? "#\(position)" : "#\(position) \(node.name)"
  }

  private func importNode(
    _ node: ONNXNode, opsets: [String: Int64]
  ) throws(ImportFailure) -> [ImportedValue?] {
    try countNodes(0)
    guard max(node.inputs.count, node.outputs.count) <= ONNXLimits.portCount else {
      throw .unsupported("it has \(node.inputs.count) inputs and \(node.outputs.count) outputs")
    }
    var attributes: Set<String> = []
    for attribute in node.attributes where !attributes.insert(attribute.name).inserted {
      throw .unsupported("its attribute \(attribute.name) is stated twice")
    }
    var inputs: [ImportedValue?] = []
    for name in node.inputs {
      guard !name.isEmpty else { inputs.append(nil); continue }
      guard let value = values[name] else {
        throw .unsupported("its input \(name) is neither an input of the graph nor the output of a node")
      }
      inputs.append(value)
    }
    let reader = NodeReader(
      node: node, opset: opsets[node.domain] ?? 1, opsets: opsets, inputs: inputs, context: self)
    if let function = function(of: node) { return try inlined(function, node, inputs) }
    attributeProblem = nil
    let results = try results(of: reader)
    if let attributeProblem { throw .unsupported(attributeProblem) }
    return results
  }

  private func results(of n: NodeReader) throws(ImportFailure) -> [ImportedValue?] {
    let domain = n.node.domain
    if domain.isEmpty {
      if let masked = try MaskedReader.results(of: n) { return masked }
      if let read = ONNXOperatorTable.valueReaders[n.node.opType] { return try read(n) }
    }
    guard let read = ONNXOperatorTable.readers(of: domain)?[n.node.opType] else {
      throw .unsupported(ONNXOperatorTable.absence(of: n.node.opType, domain: domain))
    }
    return try read(n).map { $0.map { .tensor($0) } }
  }

  private func inlined(
    _ function: ONNXFunction, _ node: ONNXNode, _ inputs: [ImportedValue?]
  ) throws(ImportFailure) -> [ImportedValue?] {
    var bindings: [String: ImportedValue] = [:]
    for (index, name) in function.inputs.enumerated() {
      bindings[name] = (index < inputs.count ? inputs[index] : nil) ?? .absent
    }
    let attributes = function.attributeDefaults + node.attributes
    let nodes = function.nodes.map { $0.resolving(attributes) }
    return try nested(
      nodes, function.opsetImports, initializers: nil, bindings: bindings, seesOuterValues: false,
      outputs: function.outputs)
  }

  /// Imports nodes in a scope of their own, and gives the values of `outputs`, nil for one that could not be
  /// computed. The nodes find the values in `bindings`, and with `seesOuterValues` those of the scope at
  /// hand.
  func nested(
    _ nodes: [ONNXNode], _ opsets: [String: Int64], initializers: ONNXGraph?,
    bindings: [String: ImportedValue], seesOuterValues: Bool, outputs: [String]
  ) throws(ImportFailure) -> [ImportedValue?] {
    guard depth < 32 else { throw .unsupported("functions, branches and loops nest over 32 deep") }
    let (savedValues, savedFailed, savedAssigned) = (values, failed, assigned)
    depth += 1
    defer {
      depth -= 1
      (values, failed, assigned) = (savedValues, savedFailed, savedAssigned)
    }
    assigned = Set(bindings.keys)
    if seesOuterValues {
      values.merge(bindings) { _, new in new }
      failed.subtract(bindings.keys)
    } else {
      (values, failed) = (bindings, [])
    }
    do { if let initializers { try addInitializers(initializers) } } catch { throw .tensor(error) }
    importNodes(nodes, opsets: opsets)
    return outputs.map { values[$0] }
  }

  /// Imports a graph that is an attribute of a node: a branch, or one turn of a loop.
  func body(
    _ graph: ONNXGraph, _ opsets: [String: Int64], inputs: [ImportedValue] = []
  ) throws(ImportFailure) -> [ImportedValue?] {
    guard inputs.count == graph.inputs.count else {
      throw .unsupported("its graph takes \(graph.inputs.count) inputs, it is given \(inputs.count)")
    }
    // A turn without nodes costs values and constants too.
    try countNodes(1 + inputs.count + graph.outputs.count)
    var bindings: [String: ImportedValue] = [:]
    for (info, value) in zip(graph.inputs, inputs) { bindings[info.name] = value }
    return try nested(
      graph.nodes, opsets, initializers: graph, bindings: bindings, seesOuterValues: true,
      outputs: graph.outputs.map(\.name))
  }

  /// Counts nodes, and work that costs as much as they do.
  /// - Throws: `ImportFailure.unsupported` if the model has more than the limit.
  func countNodes(_ count: Int) throws(ImportFailure) {
    nodeCount += min(count, ONNXLimits.nodeCount + 1)
    guard nodeCount <= ONNXLimits.nodeCount else {
      throw .unsupported(
        "the model has over \(ONNXLimits.nodeCount) nodes with its functions inlined and its loops unrolled")
    }
  }
}
