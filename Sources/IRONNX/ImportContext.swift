import IRGraph
import IRTensor

/// The state of one import.
final class ImportContext {
  let model: ONNXModel
  let path: String
  var builder: GraphBuilder
  /// Values by their names in the scope at hand.
  var values: [String: ImportedValue] = [:]
  /// Initializers that become inputs.
  var parameters: Set<String> = []
  /// Names whose node failed; nodes that need them are passed over.
  var failed: Set<String> = []
  /// The names that nodes of the scope at hand have assigned.
  var assigned: Set<String> = []
  /// How many scopes the one at hand lies in.
  var depth = 0
  /// The complaint of a reader about an attribute of the node at hand.
  var attributeProblem: String?
  /// Nodes read so far, those of functions, branches and loops at each use.
  var nodeCount = 0
  /// Names in graphs inside attributes that were looked through so far.
  var capturedNameCount = 0
  /// Elements of constants that were made from a stated size.
  var statedElementCount = 0
  /// Elements of all sequences made so far.
  var sequenceElementCount = 0
  /// Random tensors made so far: each without a seed of its own is drawn from the next stream.
  var randomCount = 0
  /// Elements of those.
  var randomElementCount = 0
  /// The graph inputs that each value depends on, for those that are not constants.
  var sources: [ValueID: Set<String>] = [:]
  /// Multiply-adds computed at import so far.
  var workDone = 0
  /// Values computed at import that are not constants of the graph.
  var computedTensors: [ValueID: Tensor] = [:]
  private(set) var problems = ImportProblems()
  private let functions: [FunctionKey: ONNXFunction]

  init(model: ONNXModel, path: String) {
    self.model = model
    self.path = path
    builder = GraphBuilder(name: model.graph.name.isEmpty ? "graph" : model.graph.name)
    functions = Dictionary(
      model.functions.map { (FunctionKey(name: $0.name, domain: $0.domain, overload: $0.overload), $0) },
      uniquingKeysWith: { first, _ in first })
  }

  private struct FunctionKey: Hashable { var name, domain, overload: String }

  /// The model's own function that a node calls, or nil.
  func function(of node: ONNXNode) -> ONNXFunction? {
    functions[FunctionKey(name: node.opType, domain: node.domain, overload: node.overload)]
  }

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

  func addInitializers(_ graph: ONNXGraph) throws(ONNXError) {
    for initializer in graph.initializers where values[initializer.name] == nil || depth > 0 {
      if depth == 0, parameters.contains(initializer.name) {
        let type = try initializer.tensor().type
        let id = builder.input(initializer.name, type.with(elementType: .float32))
        values[initializer.name] = .tensor(id)
        sources[id] = [initializer.name]
        continue
      }
      values[initializer.name] = .tensor(
        builder.constant(try initializer.tensor(), name: initializer.name))
    }
    for initializer in graph.sparseInitializers {
      values[initializer.values.name] = .tensor(try sparse(initializer))
    }
  }

  func problem(
    _ type: String, _ domain: String, _ opset: Int64, _ node: String, _ advice: String
  ) -> ONNXProblem {
    ONNXProblem(operatorType: type, domain: domain, opset: opset, count: 1, firstNode: node, advice: advice)
  }

  func report(_ failure: ImportFailure, _ node: ONNXNode, _ name: String, _ opset: Int64) {
    problems.add(failure, node, name, opset)
  }

  /// Forgets what was reported since `problems` was as given.
  func restore(_ old: ImportProblems) { problems = old }

  func finished() throws(ONNXError) -> Graph {
    if problems.isEmpty, !problems.neededInputs.isEmpty {
      throw .unboundValues(inputs: problems.neededInputs.sorted())
    }
    for output in model.graph.outputs {
      guard let value = values[output.name] else {
        if problems.isEmpty {
          throw .unsupported(
            path: path,
            [
              problem(
                "output", "", model.opset, output.name, "no node of the graph has the output \(output.name)")
            ])
        }
        continue
      }
      for (name, value) in try ports(of: output, value) {
        if let detail = mismatch(output, builder.type(of: value)) {
          throw .unsupported(
            path: path, [problem("output", "", model.opset, name, "output \(name) \(detail)")])
        }
        builder.output(value, name: name)
      }
    }
    guard problems.isEmpty else { throw .unsupported(path: path, problems.list) }
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

/// Everything found wrong with a model, equal problems counted together.
struct ImportProblems {
  /// Graph inputs whose values decide shapes.
  private(set) var neededInputs: Set<String> = []
  private var found: [String: ONNXProblem] = [:]
  private var order: [String] = []

  var isEmpty: Bool { order.isEmpty }
  /// The number of kinds of problems and of needed inputs.
  var count: Int { order.count + neededInputs.count }
  var list: [ONNXProblem] { order.compactMap { found[$0] } }

  mutating func add(_ failure: ImportFailure, _ node: ONNXNode, _ name: String, _ opset: Int64) {
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
    if found[key] == nil { order.append(key) }
    found[
      key,
      default: ONNXProblem(
        operatorType: node.opType, domain: node.domain, opset: opset, count: 0, firstNode: name,
        advice: advice)
    ]
    .count += 1
  }
}

/// How the type found differs from the one that the model declares, or nil. Sizes that the model leaves open
/// are whatever was found.
private func mismatch(_ declared: ONNXValueInfo, _ found: TensorType) -> String? {
  guard case .tensor(let elementType, let shape) = declared.type else { return nil }
  let isSame = shape.map { shape in
    // A shape of open sizes alone says nothing: PyTorch's exporter gets its rank wrong for stacked sequences.
    if shape.allSatisfy({ if case .fixed(let extent) = $0 { extent < 0 } else { true } }) { return true }
    return shape.count == found.shape.rank
      && zip(shape, found.shape).allSatisfy {
        if case .fixed(let extent) = $0 { extent < 0 || extent == Int64($1) } else { true }
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
