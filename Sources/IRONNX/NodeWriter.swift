import IRGraph
import IROperators
import IRTensor

/// One node of a graph while it is written: its values by name, and the ONNX nodes that take its place.
struct NodeWriter {
  let inputs: [String]
  let outputs: [String]
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]
  let opset: Int64
  private let name: String
  private let node: Node
  private let id: NodeID
  private let context: ExportContext

  init(
    _ node: Node, _ id: NodeID, types: (inputs: [TensorType], outputs: [TensorType]), context: ExportContext
  ) {
    inputs = node.inputs.map { context.name(of: $0) }
    outputs = node.outputs.map { context.name(of: $0) }
    (inputTypes, outputTypes) = types
    opset = context.opset
    name = node.name
    self.context = context
    self.node = node
    self.id = id
  }

  /// Adds an ONNX node that makes the operator's own outputs.
  func emit(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?] = []) {
    add(opType, operands, attributes, outputs)
  }

  /// Adds an ONNX node that makes one of the operator's outputs.
  func emit(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?] = [], output: Int) {
    add(opType, operands, attributes, [outputs[output]])
  }

  /// As above, on the operator's own inputs.
  func emit(_ opType: String, _ attributes: [ONNXNamedAttribute?] = []) { emit(opType, inputs, attributes) }

  /// Adds an ONNX node on the way to the result.
  func step(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?] = []) -> String {
    let output = context.fresh("\(name).\(opType.lowercased())")
    add(opType, operands, attributes, [output])
    return output
  }

  private func add(
    _ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?], _ results: [String]
  ) {
    var node = ONNXNode(opType, inputs: operands, outputs: results)
    node.name = name
    node.attributes = attributes.compactMap { $0 }
    context.append(node)
  }

  /// A list of integers as an input.
  func ints(_ values: [Int]) -> String {
    context.constant(Tensor(values.map { Int64($0) }, shape: [values.count]), "\(name).ints")
  }

  /// A scalar of an element type.
  func scalar(_ value: Double, _ elementType: ElementType) -> String {
    context.constant(Tensor(TensorType(elementType, .scalar), doubles: [value]), "\(name).scalar")
  }

  func constant(_ tensor: Tensor) -> String { context.constant(tensor, "\(name).constant") }

  /// The value under another shape, which open sizes do not change.
  func reshape(_ value: String, _ shape: Shape) -> String { step("Reshape", [value, ints(shape.extents)]) }

  // Sizes that may be open.

  /// Whether an extent of the node's input changes with the open sizes.
  func isOpen(input index: Int, axis: Int) -> Bool { context.sizes.isOpen(node.inputs[index], axis) }

  /// A list of sizes as an input: numbers, or nodes where open sizes decide.
  func sizes(_ sizes: [SizeExpression]) throws(ExportFailure) -> String {
    var parts: [String] = []
    var known: [Int] = []
    for size in sizes {
      if let number = try fixed(size) { known.append(number); continue }
      if !known.isEmpty { parts.append(ints(known)) }
      known = []
      parts.append(try computed(size))
    }
    if parts.isEmpty { return ints(known) }
    if !known.isEmpty { parts.append(ints(known)) }
    return parts.count == 1 ? parts[0] : step("Concat", parts, [.int("axis", 0)])
  }

  /// The target of a `Reshape` of the node's first input: extents copied from it and one inferred extent need
  /// no computation.
  func reshapeTarget(_ extents: [SizeExpression]) throws(ExportFailure) -> String {
    var numbers: [Int?] = []
    for (axis, extent) in extents.enumerated() {
      if let number = try fixed(extent) {
        numbers.append(number)
      } else {
        numbers.append(extent == .extent(axis: axis) ? 0 : nil)
      }
    }
    // A fixed extent of 0 would be read as a copy.
    let isPlain = zip(numbers, extents).allSatisfy { $0 != 0 || $1.soleStep.isExtent }
    guard isPlain, numbers.count(where: { $0 == nil }) <= 1 else { return try sizes(extents) }
    return ints(numbers.map { $0 ?? -1 })
  }

  /// The size where it depends on no open size.
  func fixed(_ size: SizeExpression) throws(ExportFailure) -> Int? {
    for case .extent(let input, let axis) in size.steps {
      guard inputTypes.indices.contains(input), inputTypes[input].shape.indices.contains(axis) else {
        throw ExportFailure("axis \(axis) of input \(input)")
      }
      if isOpen(input: input, axis: axis) { return nil }
    }
    do { return try size.value(for: inputTypes.map(\.shape)) } catch { throw ExportFailure("\(error)") }
  }

  /// Nodes that compute the size, as a list of one.
  private func computed(_ size: SizeExpression) throws(ExportFailure) -> String {
    var stack: [String] = []
    for operation in size.steps {
      let opType: String
      switch operation {
      case .literal(let value): stack.append(ints([value])); continue
      case .extent(let input, let axis):
        guard inputs.indices.contains(input) else { throw ExportFailure("a size of input \(input)") }
        stack.append(context.extent(of: node.inputs[input], inputs[input], axis: axis))
        continue
      case .add: opType = "Add"
      case .subtract: opType = "Sub"
      case .multiply: opType = "Mul"
      case .divide: opType = "Div"
      case .modulo: opType = "Mod"
      case .minimum: opType = "Min"
      }
      guard let b = stack.popLast(), let a = stack.popLast() else { throw ExportFailure("the size \(size)") }
      stack.append(step(opType, [a, b]))
    }
    guard stack.count == 1 else { throw ExportFailure("the size \(size)") }
    return stack[0]
  }
}

extension SizeExpression.Step? {
  fileprivate var isExtent: Bool { if case .extent? = self { true } else { false } }
}

extension ONNXNamedAttribute {
  static func int(_ name: String, _ value: Int) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .int(Int64(value)))
  }
  static func flag(_ name: String, _ value: Bool) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .int(value ? 1 : 0))
  }
  static func ints(_ name: String, _ values: [Int]) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .ints(values.map { Int64($0) }))
  }
  static func float(_ name: String, _ value: Float) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .float(value))
  }
  static func string(_ name: String, _ value: String) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .string(value))
  }
  static func floats(_ name: String, _ values: [Float]) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .floats(values))
  }
  static func strings(_ name: String, _ values: [String]) -> ONNXNamedAttribute {
    ONNXNamedAttribute(name, .strings(values.map { Array($0.utf8) }))
  }
}
