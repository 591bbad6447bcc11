import IRGraph
import IROperators
import IRTensor

extension ONNXModel {
  /// The operator sets that graphs can be written in: 18 has every operator that models need as its own,
  /// 28 is the newest.
  package static let writableOpsets: ClosedRange<Int64> = 18...28

  /// The operators that have a form in ONNX, by name.
  package static var writableOperators: Set<String> { Set(ONNXOperatorTable.writers.keys) }

  /// A graph in ONNX's standard operators. Operators that the operator set lacks are written by those that it
  /// has; constants keep their names.
  ///
  /// Sizes are fixed as the graph has them, but for those in `openSizes`: names by input and axis
  /// (`["image": [2: "H", 3: "W"]]`). The graph must then hold for other sizes (`Graph.rebound`): one whose
  /// relative operators are resolved does not.
  /// - Throws: `ONNXError.notExpressible` naming the node that ONNX cannot say, or that refuses twice the
  ///   open sizes, and `.notSerializable` for an operator set outside `writableOpsets`.
  package init(
    _ graph: Graph, opset: Int64 = 18, openSizes: [String: [Int: String]] = [:]
  ) throws(ONNXError) {
    guard Self.writableOpsets.contains(opset) else {
      let (first, last) = (Self.writableOpsets.lowerBound, Self.writableOpsets.upperBound)
      throw .notSerializable(reason: "operator set \(opset) is not one of \(first) to \(last)")
    }
    self.init()
    opsetImports = ["": opset]
    irVersion = Self.irVersion(for: opset)
    producerName = "irkit"
    metadata = graph.metadata.sorted { $0.key < $1.key }.map { ONNXProperty($0.key, $0.value) }
    let sizes: OpenSizes
    do { sizes = try OpenSizes(graph, openSizes) } catch {
      switch error {
      case .type(let node, let name, let failure):
        throw .notExpressible(node: node, operator: name, detail: "it takes no other size: \(failure)")
      default: throw .notSerializable(reason: "open sizes: \(error)")
      }
    }
    let context = ExportContext(graph, opset: opset, sizes)
    try context.write()
    self.graph = context.result
  }

  /// The version of the file format that came with an operator set.
  private static func irVersion(for opset: Int64) -> Int64 {
    switch opset {
    case ...18: 8
    case ...20: 9
    case ...22: 10
    case 23: 11
    case 24: 12
    case ...27: 13
    default: 14
    }
  }
}

/// Why a node cannot be written; the context adds which.
struct ExportFailure: Error {
  var detail: String
  init(_ detail: String) { self.detail = detail }
}

/// The state of one export.
final class ExportContext {
  let graph: Graph
  let opset: Int64
  let sizes: OpenSizes
  private(set) var result = ONNXGraph()
  private var names: [ValueID: String] = [:]
  private var taken: Set<String> = []
  private var nodeNames: Set<String> = []
  private var nodeNameCounts: [String: Int] = [:]
  private var sharedConstants: [Tensor: String] = [:]
  private struct ExtentKey: Hashable {
    var value: ValueID
    var axis: Int
  }
  private var extents: [ExtentKey: String] = [:]

  init(_ graph: Graph, opset: Int64, _ sizes: OpenSizes) {
    self.graph = graph
    self.opset = opset
    self.sizes = sizes
    result.name = graph.name.isEmpty ? "graph" : graph.name
  }

  func write() throws(ONNXError) {
    // Public names first: nothing else may take them.
    for output in graph.outputs { taken.insert(output.name) }
    for input in graph.inputs {
      let name = graph[input].name
      names[input] = name
      taken.insert(name)
      result.inputs.append(info(name, input))
    }
    for output in graph.outputs where names[output.value] == nil && graph.producer(of: output.value) != nil {
      names[output.value] = output.name
    }
    for id in graph.nodesInOrder {
      let node = graph[id]
      let writer = NodeWriter(
        node, id, types: (graph.inputTypes(of: id), graph.outputTypes(of: id)), context: self)
      guard let write = ONNXOperatorTable.writers[node.operator.name] else {
        throw .notExpressible(node: node.name, operator: node.operator.name, detail: "it has no form in ONNX")
      }
      do { try write(node.operator, writer) } catch {
        throw .notExpressible(node: node.name, operator: node.operator.name, detail: error.detail)
      }
    }
    for output in graph.outputs {
      let source = name(of: output.value)
      if source != output.name {
        var node = ONNXNode("Identity", inputs: [source], outputs: [output.name])
        node.name = output.name
        append(node)
      }
      result.outputs.append(info(output.name, output.value))
    }
  }

  private func info(_ name: String, _ value: ValueID) -> ONNXValueInfo {
    let type = graph[value].type
    let shape = type.shape.indices.map { axis -> ONNXDimension in
      sizes.isOpen(value, axis)
        ? .symbolic(sizes.symbol(of: value, axis) ?? "\(name).\(axis)") : .fixed(Int64(type.shape[axis]))
    }
    return ONNXValueInfo(name, .tensor(elementType: type.elementType.rawValue, shape: shape))
  }

  /// The name of a value in the file; a constant becomes an initializer when it is first used.
  func name(of value: ValueID) -> String {
    if let known = names[value] { return known }
    let name = fresh(graph[value].name)
    names[value] = name
    if let tensor = graph.constant(value) { result.initializers.append(ONNXTensor(tensor, name: name)) }
    return name
  }

  /// A small constant that a node needs beside the graph's own: one initializer for equal ones.
  func constant(_ tensor: Tensor, _ base: String) -> String {
    if let known = sharedConstants[tensor] { return known }
    let name = fresh(base)
    sharedConstants[tensor] = name
    result.initializers.append(ONNXTensor(tensor, name: name))
    return name
  }

  /// A node that reads one extent of a value as a list of one; equal ones are shared.
  func extent(of value: ValueID, _ name: String, axis: Int) -> String {
    let key = ExtentKey(value: value, axis: axis)
    if let known = extents[key] { return known }
    let result = fresh("\(name).extent\(axis)")
    var node = ONNXNode("Shape", inputs: [name], outputs: [result])
    node.name = result
    node.attributes = [.int("start", axis), .int("end", axis + 1)]
    append(node)
    extents[key] = result
    return result
  }

  func fresh(_ base: String) -> String {
    let base = base.isEmpty ? "value" : base
    if taken.insert(base).inserted { return base }
    var count = 1
    while !taken.insert("\(base)_\(count)").inserted { count += 1 }
    return "\(base)_\(count)"
  }

  /// Adds a node. Names of nodes are unique, as ONNX Runtime requires, and differ from names of values.
  func append(_ node: ONNXNode) {
    var node = node
    let count = nodeNameCounts[node.name, default: 0]
    nodeNameCounts[node.name] = count + 1
    while count > 0 || nodeNames.contains(node.name) {
      let candidate = "\(node.name)/\(nodeNameCounts[node.name, default: 1])"
      if !nodeNames.contains(candidate) { node.name = candidate; break }
      nodeNameCounts[node.name, default: 1] += 1
    }
    nodeNames.insert(node.name)
    result.nodes.append(node)
  }
}
