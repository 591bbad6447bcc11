/// An invalid ONNX file, or a model that irkit does not support.
public enum ONNXError: Error, Sendable {
  /// The file cannot be read or written; `reason` is the system's message.
  case file(path: String, reason: String)
  /// The bytes are not an ONNX model.
  case notAModel(path: String, reason: String)
  /// External data that cannot be read, or must not be (docs/security.md).
  case externalData(path: String, tensor: String, reason: String)
  /// The data of a tensor do not match its type.
  case tensor(name: String, detail: String)
  /// Shapes depend on the values of these inputs.
  case unboundValues(inputs: [String])
  /// Symbolic sizes have no value.
  case unboundDimensions([String])
  /// The model cannot be imported: all problems of all nodes.
  case unsupported(path: String, [ONNXProblem])
  /// The model cannot be stored in a file.
  case notSerializable(reason: String)
  /// ONNX cannot express a node.
  case notExpressible(node: String, operator: String, detail: String)
}

/// A problem of nodes of one operator, and the number of these nodes.
public struct ONNXProblem: Hashable, Sendable {
  public var operatorType: String
  public var domain: String
  public var opset: Int64
  public var count: Int
  public var firstNode: String
  /// The cause, and the remedy.
  public var advice: String

  public init(
    operatorType: String, domain: String, opset: Int64, count: Int, firstNode: String, advice: String
  ) {
    self.operatorType = operatorType
    self.domain = domain
    self.opset = opset
    self.count = count
    self.firstNode = firstNode
    self.advice = advice
  }
}
