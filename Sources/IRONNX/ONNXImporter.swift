import IRGraph
import IROperators
import IRTensor

/// Turns a model into a typed graph for one set of sizes. Shape arithmetic is computed on the way, so
/// that the graph holds numbers where the model holds `Shape` and `Concat`.
package struct ONNXImporter: Sendable {
  package let model: ONNXModel
  /// The model's name in errors.
  package let path: String

  package init(_ model: ONNXModel, path: String = "model") {
    self.model = model
    self.path = path
  }

  /// - Throws: `ONNXError.unboundDimensions` or `.unboundValues` if the binding misses some, and
  ///   `.unsupported` with every problem of the model at once.
  package func graph(binding: ONNXBinding = ONNXBinding()) throws(ONNXError) -> Graph {
    try graph(binding: binding, parameters: [])
  }

  /// As above, with the initializers named by `parameters` as inputs instead of constants.
  func graph(binding: ONNXBinding, parameters: Set<String>) throws(ONNXError) -> Graph {
    let open = model.openDimensions.filter { binding.dimensions[$0] == nil }
    let bound = Set(binding.values.keys)
    let needed = open.filter { name in !bound.contains(where: { name.hasPrefix("\($0).") }) }
    guard needed.isEmpty else { throw .unboundDimensions(needed) }
    let newest = ONNXModel.writableOpsets.upperBound
    if model.opset > newest {
      let advice =
        "operator set \(model.opset) is newer than \(newest), the newest known: export the model for an older one"
      throw .unsupported(
        path: path,
        [
          ONNXProblem(
            operatorType: "model", domain: "", opset: model.opset, count: 1, firstNode: model.graph.name,
            advice: advice)
        ])
    }
    let context = ImportContext(model: model, path: path)
    context.parameters = parameters
    try context.checkNames()
    try context.addInputs(binding)
    try context.addInitializers(model.graph)
    context.importNodes(model.graph.nodes, opsets: model.opsetImports)
    return try context.finished()
  }
}

/// Why a node cannot be imported.
enum ImportFailure: Error {
  /// The operator, or this use of it, is not supported; the text says what to do.
  case unsupported(String)
  /// A value that must be a constant depends on these graph inputs.
  case needsValues(Set<String>)
  case graph(GraphError)
  case tensor(ONNXError)
}

extension ONNXNode {
  /// The node with its references to a function's attributes replaced by their values.
  func resolving(_ attributes: [ONNXNamedAttribute]) -> ONNXNode {
    var node = self
    node.attributes = node.attributes.compactMap { attribute in
      switch attribute.value {
      case .reference(let name, _):
        return attributes.last { $0.name == name }.map { ONNXNamedAttribute(attribute.name, $0.value) }
      case .graph(var graph):
        graph.nodes = graph.nodes.map { $0.resolving(attributes) }
        return ONNXNamedAttribute(attribute.name, .graph(graph))
      default: return attribute
      }
    }
    return node
  }
}
