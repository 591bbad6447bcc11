import IRGraph
import IROperators
import IRTensor

/// Turns a model into a typed graph for one set of sizes. Shape arithmetic is computed on the way, so
/// that the graph holds numbers where the model holds `Shape` and `Concat`.
public struct ONNXImporter: Sendable {
  public let model: ONNXModel
  /// The model's name in errors.
  public let path: String

  public init(_ model: ONNXModel, path: String = "model") {
    self.model = model
    self.path = path
  }

  /// - Throws: `ONNXError.unboundDimensions` or `.unboundValues` where the binding misses some, and
  ///   `.unsupported` with every problem of the model at once.
  public func graph(binding: ONNXBinding = ONNXBinding()) throws(ONNXError) -> Graph {
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

/// What a node cannot be imported for.
enum ImportFailure: Error {
  /// The operator, or this use of it, is not supported; the text says what to do.
  case unsupported(String)
  /// A value that must be a constant depends on these graph inputs.
  case needsValues(Set<String>)
  case graph(GraphError)
  case tensor(ONNXError)
}

/// The state of one import.
final class ImportContext {
  let model: ONNXModel
  let path: String
  var builder: GraphBuilder
  /// Values by their names in the scope at hand.
  var values: [String: ValueID] = [:]
  /// Initializers that become inputs.
  var parameters: Set<String> = []
  /// Names whose node failed; nodes that need them are passed over.
  private var failed: Set<String> = []
  private var problems: [String: ONNXProblem] = [:]
  private var problemOrder: [String] = []
  private var neededInputs: Set<String> = []
  /// The graph inputs that each value depends on, for those that are not constants.
  private var sources: [ValueID: Set<String>] = [:]
  private var depth = 0
  /// What a reader found wrong with an attribute of the node at hand.
  var attributeProblem: String?
  /// The names that nodes of the scope at hand have assigned.
  private var assigned: Set<String> = []
  private let functions: [FunctionKey: ONNXFunction]
  /// Nodes read so far, those of functions and branches at each use.
  private var nodeCount = 0

  init(model: ONNXModel, path: String) {
    self.model = model
    self.path = path
    builder = GraphBuilder(name: model.graph.name.isEmpty ? "graph" : model.graph.name)
    functions = Dictionary(
      model.functions.map { (FunctionKey(name: $0.name, domain: $0.domain, overload: $0.overload), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  private struct FunctionKey: Hashable { var name, domain, overload: String }

  /// Refuses what no import could make sense of: too many ports, and names that are given twice.
  func checkNames() throws(ONNXError) {
    func refuse(_ name: String, _ advice: String) -> ONNXError {
      .unsupported(path: path, [problem("graph", "", model.opset, name, advice)])
    }
    let graph = model.graph
    let limit = ONNXLimits.portCount
    guard model.graphInputs.count <= limit, graph.outputs.count <= limit else {
      throw refuse(
        graph.name,
        "\(model.graphInputs.count) inputs and \(graph.outputs.count) outputs, the limit is \(limit)")
    }
    for (names, what) in [
      (graph.inputs.map(\.name), "inputs"), (graph.initializers.map(\.name), "initializers"),
      (graph.outputs.map(\.name), "outputs"),
    ] {
      var seen: Set<String> = []
      if let twice = names.first(where: { !seen.insert($0).inserted }) {
        throw refuse(twice, "two \(what) are named \(twice)")
      }
    }
    assigned = Set(graph.inputs.map(\.name) + graph.initializers.map(\.name))
  }

  func addInputs(_ binding: ONNXBinding) throws(ONNXError) {
    for input in model.graphInputs {
      if let value = binding.values[input.name] {
        values[input.name] = builder.constant(value, name: input.name)
        continue
      }
      guard case .tensor(let raw, let shape) = input.type, let elementType = ElementType(rawValue: raw) else {
        throw .unsupported(
          path: path,
          [
            problem(
              "input", "", 0, input.name, "input \(input.name) is not a tensor of a supported element type")
          ])
      }
      guard let shape else { throw .unboundValues(inputs: [input.name]) }
      var extents: [Int] = []
      for (axis, dimension) in shape.enumerated() {
        if case .fixed(let extent) = dimension {
          extents.append(Int(clamping: extent))
        } else {
          extents.append(input.openDimension(axis).flatMap { binding.dimensions[$0] } ?? 0)
        }
      }
      let type = TensorType(elementType, Shape(extents))
      guard Graph.holds(type) else {
        throw .tensor(name: input.name, detail: "the input's shape \(type.shape) is not a size")
      }
      let id = builder.input(input.name, type)
      values[input.name] = id
      sources[id] = [input.name]
    }
  }

  func addInitializers(_ graph: ONNXGraph) throws(ONNXError) {
    for initializer in graph.initializers where values[initializer.name] == nil || depth > 0 {
      if depth == 0, parameters.contains(initializer.name) {
        let type = try initializer.tensor().type
        let id = builder.input(initializer.name, type.with(elementType: .float32))
        values[initializer.name] = id
        sources[id] = [initializer.name]
        continue
      }
      values[initializer.name] = builder.constant(try initializer.tensor(), name: initializer.name)
    }
    if let sparse = graph.sparseInitializers.first {
      throw .tensor(
        name: sparse.values.name, detail: "sparse initializers are not supported: store it densely")
    }
  }

  func importNodes(_ nodes: [ONNXNode], opsets: [String: Int64]) {
    for (index, node) in nodes.enumerated() where nodeCount <= ONNXLimits.nodeCount {
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
        let name = node.name.isEmpty ? "#\(index)" : "#\(index) \(node.name)"
        report(error, node, name, opsets[node.domain] ?? 1)
      }
    }
  }

  private func importNode(_ node: ONNXNode, opsets: [String: Int64]) throws(ImportFailure) -> [ValueID?] {
    guard nodeCount <= ONNXLimits.nodeCount else {
      throw .unsupported("the model has over \(ONNXLimits.nodeCount) nodes with its functions inlined")
    }
    guard max(node.inputs.count, node.outputs.count) <= ONNXLimits.portCount else {
      throw .unsupported("it has \(node.inputs.count) inputs and \(node.outputs.count) outputs")
    }
    var attributes: Set<String> = []
    for attribute in node.attributes where !attributes.insert(attribute.name).inserted {
      throw .unsupported("its attribute \(attribute.name) is stated twice")
    }
    var inputs: [ValueID?] = []
    for name in node.inputs {
      guard !name.isEmpty else { inputs.append(nil); continue }
      guard let value = values[name] else { throw .unsupported("its input \(name) is not defined before it") }
      inputs.append(value)
    }
    let reader = NodeReader(node: node, opset: opsets[node.domain] ?? 1, inputs: inputs, context: self)
    let key = FunctionKey(name: node.opType, domain: node.domain, overload: node.overload)
    if let function = functions[key] { return try inlined(function, node, inputs) }
    if node.domain.isEmpty, node.opType == "If" { return try branch(node, reader, opsets) }
    guard node.domain.isEmpty || node.domain == "ai.onnx", let read = ONNXOperatorTable.readers[node.opType]
    else {
      throw .unsupported("the operator is not supported: export the model with standard operators")
    }
    attributeProblem = nil
    let results = try read(reader)
    if let attributeProblem { throw .unsupported(attributeProblem) }
    return results
  }

  /// `If` with a condition that is known: the nodes of the branch taken.
  private func branch(
    _ node: ONNXNode, _ reader: NodeReader, _ opsets: [String: Int64]
  ) throws(ImportFailure) -> [ValueID?] {
    let condition = try reader.constant(0).booleans.first ?? false
    guard case .graph(let graph)? = node[attribute: condition ? "then_branch" : "else_branch"] else {
      throw .unsupported("it has no branch to take")
    }
    return try nested(
      graph.nodes, opsets, initializers: graph, bindings: nil, outputs: graph.outputs.map(\.name))
  }

  private func inlined(_ function: ONNXFunction, _ node: ONNXNode, _ inputs: [ValueID?]) throws(ImportFailure)
    -> [ValueID?]
  {
    var bindings: [String: ValueID] = [:]
    for (name, input) in zip(function.inputs, inputs) { bindings[name] = input }
    let attributes = function.attributeDefaults + node.attributes
    let nodes = function.nodes.map { $0.resolving(attributes) }
    return try nested(
      nodes, function.opsetImports, initializers: nil, bindings: bindings, outputs: function.outputs)
  }

  /// Imports nodes in a scope of their own: inside the one at hand, or with `bindings` alone.
  private func nested(
    _ nodes: [ONNXNode], _ opsets: [String: Int64], initializers: ONNXGraph?, bindings: [String: ValueID]?,
    outputs: [String]
  ) throws(ImportFailure) -> [ValueID?] {
    guard depth < 32 else { throw .unsupported("functions and branches nest over 32 deep") }
    let (savedValues, savedFailed, savedAssigned) = (values, failed, assigned)
    depth += 1
    defer {
      depth -= 1
      (values, failed, assigned) = (savedValues, savedFailed, savedAssigned)
    }
    assigned = []
    if let bindings { (values, failed) = (bindings, []) }
    do { if let initializers { try addInitializers(initializers) } } catch { throw .tensor(error) }
    importNodes(nodes, opsets: opsets)
    return outputs.map { values[$0] }
  }

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
      if isSmall { return `operator`.evaluate(constants).map { builder.constant($0, name: name) } }
    }
    do {
      let outputs = try builder.apply(`operator`, inputs, name: name)
      let origin = inputs.reduce(into: Set<String>()) { $0.formUnion(sources[$1] ?? []) }
      for output in outputs { sources[output] = origin }
      return outputs
    } catch { throw .graph(error) }
  }

  /// The graph inputs that a value depends on.
  func origins(of value: ValueID) -> Set<String> { sources[value] ?? [] }

  private func problem(_ type: String, _ domain: String, _ opset: Int64, _ node: String, _ advice: String)
    -> ONNXProblem
  {
    ONNXProblem(operatorType: type, domain: domain, opset: opset, count: 1, firstNode: node, advice: advice)
  }

  private func report(_ failure: ImportFailure, _ node: ONNXNode, _ name: String, _ opset: Int64) {
    let advice: String
    switch failure {
    case .needsValues(let inputs):
      neededInputs.formUnion(inputs)
      return
    case .unsupported(let text): advice = text
    case .graph(let error): advice = "\(error)"
    case .tensor(let error): advice = "\(error)"
    }
    let key = "\(node.domain).\(node.opType): \(advice)"
    if problems[key] == nil { problemOrder.append(key) }
    problems[
      key,
      default: ONNXProblem(
        operatorType: node.opType, domain: node.domain, opset: opset, count: 0, firstNode: name,
        advice: advice)
    ]
    .count += 1
  }

  func finished() throws(ONNXError) -> Graph {
    if problems.isEmpty, !neededInputs.isEmpty { throw .unboundValues(inputs: neededInputs.sorted()) }
    for output in model.graph.outputs {
      guard let value = values[output.name] else {
        if problems.isEmpty {
          throw .unsupported(
            path: path,
            [problem("output", "", model.opset, output.name, "output \(output.name) is never computed")])
        }
        continue
      }
      if let detail = mismatch(output, builder.type(of: value)) {
        throw .unsupported(
          path: path, [problem("output", "", model.opset, output.name, "output \(output.name) \(detail)")])
      }
      builder.output(value, name: output.name)
    }
    guard problems.isEmpty else {
      throw .unsupported(path: path, problemOrder.compactMap { problems[$0] })
    }
    do {
      var graph = try builder.finished()
      graph.metadata = Dictionary(model.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      graph.removeDeadNodes()
      return graph
    } catch {
      throw .unsupported(path: path, [problem("graph", "", model.opset, model.graph.name, "\(error)")])
    }
  }
}

/// How the type found differs from the one that the model declares, or nil. Sizes that the model leaves open
/// are whatever was found.
private func mismatch(_ declared: ONNXValueInfo, _ found: TensorType) -> String? {
  guard case .tensor(let elementType, let shape) = declared.type else { return nil }
  let isSame = shape.map { shape in
    shape.count == found.shape.rank
      && zip(shape, found.shape).allSatisfy {
        if case .fixed(let extent) = $0 { extent == Int64($1) } else { true }
      }
  }
  guard elementType == 0 || elementType == found.elementType.rawValue, isSame ?? true else {
    let extents = shape.map { dimensions in
      dimensions.map { if case .fixed(let extent) = $0 { "\(extent)" } else { "?" } }.joined(separator: ", ")
    }
    return "is declared as \(ONNXTensor.typeName(elementType))[\(extents ?? "…")], its nodes compute \(found)"
  }
  return nil
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
