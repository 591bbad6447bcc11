import IRTensor

/// An ONNX model as the file states it: plain values, sizes still symbolic, nothing checked beyond
/// the file's form. `ONNXImporter` turns it into a typed `Graph`.
public struct ONNXModel: Sendable {
  public var irVersion: Int64 = 10
  /// Operator set versions by domain; `""` is ONNX's own (`ai.onnx`).
  public var opsetImports: [String: Int64] = [:]
  public var producerName = ""
  public var producerVersion = ""
  public var domain = ""
  public var modelVersion: Int64?
  public var docString = ""
  public var metadata: [ONNXProperty] = []
  public var graph = ONNXGraph()
  public var functions: [ONNXFunction] = []
  /// Messages kept as they were: training information and device configurations.
  package var trainingInfos: [[UInt8]] = []
  package var configurations: [[UInt8]] = []

  public init() {}

  /// The version of ONNX's own operator set, 1 where the file names none.
  public var opset: Int64 { opsetImports[""] ?? 1 }
}

/// A key and a value of free metadata, in the file's order.
public struct ONNXProperty: Hashable, Sendable {
  public var key: String
  public var value: String

  public init(_ key: String, _ value: String) {
    self.key = key
    self.value = value
  }
}

public struct ONNXGraph: Sendable {
  public var name = ""
  public var inputs: [ONNXValueInfo] = []
  public var outputs: [ONNXValueInfo] = []
  public var valueInfos: [ONNXValueInfo] = []
  public var initializers: [ONNXTensor] = []
  public var sparseInitializers: [ONNXSparseTensor] = []
  public var nodes: [ONNXNode] = []
  public var docString = ""
  public var metadata: [ONNXProperty] = []
  package var quantizationAnnotations: [[UInt8]] = []

  public init() {}
}

public struct ONNXNode: Sendable {
  public var name = ""
  public var opType: String
  public var domain = ""
  public var overload = ""
  /// Names of values; `""` is an input that is left out.
  public var inputs: [String]
  public var outputs: [String]
  public var attributes: [ONNXNamedAttribute] = []
  public var docString = ""
  public var metadata: [ONNXProperty] = []
  package var deviceConfigurations: [[UInt8]] = []

  public init(_ opType: String, inputs: [String], outputs: [String]) {
    self.opType = opType
    self.inputs = inputs
    self.outputs = outputs
  }

  public subscript(attribute name: String) -> ONNXAttribute? {
    attributes.first { $0.name == name }?.value
  }
}

public struct ONNXFunction: Sendable {
  public var name = ""
  public var domain = ""
  public var overload = ""
  public var inputs: [String] = []
  public var outputs: [String] = []
  /// Attributes without a default, then those with one.
  public var attributeNames: [String] = []
  public var attributeDefaults: [ONNXNamedAttribute] = []
  public var nodes: [ONNXNode] = []
  public var opsetImports: [String: Int64] = [:]
  public var valueInfos: [ONNXValueInfo] = []
  public var docString = ""
  public var metadata: [ONNXProperty] = []

  public init() {}
}

public struct ONNXValueInfo: Sendable {
  public var name: String
  public var type: ONNXType
  /// What the type stands for (`IMAGE`, …), and each dimension of a tensor where that is stated.
  /// Denotations inside sequences, optionals and maps are not kept.
  public var denotation = ""
  public var dimensionDenotations: [Int: String] = [:]
  public var docString = ""
  public var metadata: [ONNXProperty] = []

  public init(_ name: String, _ type: ONNXType) {
    self.name = name
    self.type = type
  }
}

/// The declared type of a value. Element types are ONNX's numbers, known to us or not.
public indirect enum ONNXType: Hashable, Sendable {
  case none
  case tensor(elementType: Int32, shape: [ONNXDimension]?)
  case sparseTensor(elementType: Int32, shape: [ONNXDimension]?)
  case sequence(ONNXType)
  case optional(ONNXType)
  case map(keyType: Int32, value: ONNXType)
  case opaque(domain: String, name: String)
}

public enum ONNXDimension: Hashable, Sendable {
  case fixed(Int64)
  case symbolic(String)
  case unknown
}
