/// A fault of an ONNX file, or of a model that irkit does not take.
public enum ONNXError: Error, Sendable {
  /// The file cannot be read or written; `reason` is the system's.
  case file(path: String, reason: String)
  /// The bytes are not an ONNX model.
  case notAModel(path: String, reason: String)
  /// External data that the rules do not let us read.
  case externalData(path: String, tensor: String, reason: String)
  /// A tensor whose data and type disagree.
  case tensor(name: String, detail: String)
  /// Inputs whose values decide shapes and are not bound.
  case unboundValues(inputs: [String])
  /// Symbolic sizes that are not bound.
  case unboundDimensions([String])
  /// Everything that keeps a model from being imported, all at once.
  case unsupported(path: String, [ONNXProblem])
  /// A model that no file can hold.
  case notSerializable(reason: String)
  /// A graph that ONNX cannot express.
  case notExpressible(node: String, operator: String, detail: String)
}

/// One kind of trouble in a model and how often it occurs.
public struct ONNXProblem: Hashable, Sendable {
  public var operatorType: String
  public var domain: String
  public var opset: Int64
  public var count: Int
  public var firstNode: String
  /// The fault, and the remedy.
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
