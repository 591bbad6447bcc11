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
  package var graph = ONNXGraph()
  package var functions: [ONNXFunction] = []
  /// Messages kept as they were: training information and device configurations.
  package var trainingInfos: [[UInt8]] = []
  package var configurations: [[UInt8]] = []

  package init() {}

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

package struct ONNXGraph: Sendable {
  package var name = ""
  package var inputs: [ONNXValueInfo] = []
  package var outputs: [ONNXValueInfo] = []
  package var valueInfos: [ONNXValueInfo] = []
  package var initializers: [ONNXTensor] = []
  package var sparseInitializers: [ONNXSparseTensor] = []
  package var nodes: [ONNXNode] = []
  package var docString = ""
  package var metadata: [ONNXProperty] = []
  package var quantizationAnnotations: [[UInt8]] = []

  package init() {}
}

package struct ONNXNode: Sendable {
  package var name = ""
  package var opType: String
  package var domain = ""
  package var overload = ""
  /// Names of values; `""` is an input that is left out.
  package var inputs: [String]
  package var outputs: [String]
  package var attributes: [ONNXNamedAttribute] = []
  package var docString = ""
  package var metadata: [ONNXProperty] = []
  package var deviceConfigurations: [[UInt8]] = []

  package init(_ opType: String, inputs: [String], outputs: [String]) {
    self.opType = opType
    self.inputs = inputs
    self.outputs = outputs
  }

  package subscript(attribute name: String) -> ONNXAttribute? {
    attributes.first { $0.name == name }?.value
  }
}

package struct ONNXFunction: Sendable {
  package var name = ""
  package var domain = ""
  package var overload = ""
  package var inputs: [String] = []
  package var outputs: [String] = []
  /// Attributes without a default, then those with one.
  package var attributeNames: [String] = []
  package var attributeDefaults: [ONNXNamedAttribute] = []
  package var nodes: [ONNXNode] = []
  package var opsetImports: [String: Int64] = [:]
  package var valueInfos: [ONNXValueInfo] = []
  package var docString = ""
  package var metadata: [ONNXProperty] = []

  package init() {}
}

package struct ONNXValueInfo: Sendable {
  package var name: String
  package var type: ONNXType
  /// The meaning of the type (`IMAGE`, …), and of each dimension of a tensor, where stated.
  /// Denotations inside sequences, optionals and maps are not kept.
  package var denotation = ""
  package var dimensionDenotations: [Int: String] = [:]
  package var docString = ""
  package var metadata: [ONNXProperty] = []

  package init(_ name: String, _ type: ONNXType) {
    self.name = name
    self.type = type
  }
}

/// The declared type of a value. Element types are ONNX's numbers, known to us or not.
package indirect enum ONNXType: Hashable, Sendable {
  case none
  case tensor(elementType: Int32, shape: [ONNXDimension]?)
  case sparseTensor(elementType: Int32, shape: [ONNXDimension]?)
  case sequence(ONNXType)
  case optional(ONNXType)
  case map(keyType: Int32, value: ONNXType)
  case opaque(domain: String, name: String)
}

package enum ONNXDimension: Hashable, Sendable {
  case fixed(Int64)
  case symbolic(String)
  case unknown
}
