import IRGraph
import IRTensor

/// One node of a graph while it is written: its values by name, and the ONNX nodes that take its place.
struct NodeWriter {
  let inputs: [String]
  let outputs: [String]
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]
  let opset: Int64
  private let name: String
  private let context: ExportContext

  init(_ node: Node, types: (inputs: [TensorType], outputs: [TensorType]), context: ExportContext) {
    inputs = node.inputs.map { context.name(of: $0) }
    outputs = node.outputs.map { context.name(of: $0) }
    (inputTypes, outputTypes) = types
    (opset, name, self.context) = (context.opset, node.name, context)
  }

  /// Adds an ONNX node that makes the operator's own outputs.
  func emit(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?] = []) {
    add(opType, operands, attributes, outputs)
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

  /// The value under another shape.
  func reshape(_ value: String, _ shape: Shape) -> String { step("Reshape", [value, ints(shape.extents)]) }
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
}
