import IRGraph
import IRTensor

/// A tensor as a model file holds it: any of ONNX's element types, convertible to a `Tensor` where
/// the type is one of ours.
package struct ONNXTensor: Sendable {
  package enum Data: Sendable {
    /// Little-endian elements, row-major.
    case bytes(TensorStorage, byteCount: Int)
    /// Typed data of element types that this project does not compute with.
    case strings([[UInt8]])
    case int32s([Int32])
    case floats([Float])
    case doubles([Double])
    /// In a file beside the model, until `ONNXModel.init(contentsOf:)` has mapped it.
    case external([ONNXProperty])
    /// A segment of a larger tensor, which nobody writes any more: the whole message as it was.
    case segment([UInt8])
  }

  package var name: String
  /// ONNX's number of the element type.
  package var dataType: Int32
  package var dims: [Int64]
  package var docString = ""
  package var metadata: [ONNXProperty] = []
  package var data: Data

  package init(name: String, dataType: Int32, dims: [Int64], data: Data) {
    self.name = name
    self.dataType = dataType
    self.dims = dims
    self.data = data
  }

  /// A tensor of the file from one of ours; the bytes are shared.
  package init(_ tensor: Tensor, name: String) {
    self.init(
      name: name, dataType: tensor.elementType.rawValue, dims: tensor.shape.map { Int64($0) },
      data: .bytes(tensor.storage, byteCount: tensor.byteCount))
  }
}

package struct ONNXSparseTensor: Sendable {
  package var values: ONNXTensor
  package var indices: ONNXTensor
  package var dims: [Int64]
}

extension ONNXTensor {
  /// The tensor's values.
  /// - Throws: `ONNXError.tensor` for an element type that is not ours, dimensions that are negative
  ///   or too large, or data of another length than they need.
  package func tensor() throws(ONNXError) -> Tensor {
    guard let elementType = ElementType(rawValue: dataType) else {
      throw .tensor(name: name, detail: "element type \(Self.typeName(dataType)) is not supported")
    }
    guard dims.allSatisfy({ $0 >= 0 }), dims.count <= ONNXLimits.rank else {
      throw .tensor(name: name, detail: "dimensions \(dims) are not a shape")
    }
    let shape = Shape(dims.map { Int(clamping: $0) })
    let type = TensorType(elementType, shape)
    guard let count = shape.checkedElementCount, count <= ONNXLimits.elementCount, Graph.holds(type) else {
      throw .tensor(name: name, detail: "dimensions \(dims) are too large")
    }
    switch data {
    case .bytes(let storage, let byteCount):
      guard byteCount == type.byteCount else {
        throw .tensor(
          name: name, detail: "\(byteCount) bytes of data, its type \(type) takes \(type.byteCount)")
      }
      let tensor = Tensor(type, storage: storage)
      return elementType == .bool ? tensor.withNormalizedBooleans : tensor
    case .external: throw .tensor(name: name, detail: "its data lie in another file, which was not read")
    case .segment: throw .tensor(name: name, detail: "it is a segment of a larger tensor")
    case .strings, .int32s, .floats, .doubles:
      throw .tensor(name: name, detail: "its data are not of its element type \(elementType)")
    }
  }

  /// The bytes that the dimensions take, where the element type is one of ours and they are sound.
  var expectedByteCount: Int? {
    guard let elementType = ElementType(rawValue: dataType) else { return nil }
    let shape = Shape(dims.map { Int(clamping: $0) })
    guard let count = shape.checkedElementCount, count <= ONNXLimits.elementCount else { return nil }
    return count * elementType.byteCount
  }

  /// ONNX's name of an element type's number.
  package static func typeName(_ dataType: Int32) -> String {
    if let known = ElementType(rawValue: dataType) { return known.description }
    let names: [Int32: String] = [
      0: "undefined", 8: "string", 14: "complex64", 15: "complex128", 17: "float8e4m3fn",
      18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
      23: "float4e2m1", 24: "float8e8m0", 25: "uint2", 26: "int2", 27: "float6e2m3", 28: "float6e3m2",
    ]
    return names[dataType] ?? "number \(dataType)"
  }
}

extension Tensor {
  /// Booleans as 0 and 1, where a file may hold any byte.
  fileprivate var withNormalizedBooleans: Tensor {
    withUnsafeBytes { bytes in bytes.allSatisfy { $0 <= 1 } } ? self : Tensor(type, integers: integers)
  }
}

/// Limits on what a model file may ask for before anything of that size is allocated.
package enum ONNXLimits {
  static let rank = Graph.rankLimit
  static let elementCount = 1 << 40
  static let nesting = 96
  /// Nodes, with functions inlined and loops unrolled.
  static let nodeCount = 1 << 16
  /// Names in graphs inside attributes, which are looked through wherever their node is imported.
  static let capturedNameCount = 1 << 22
  /// Elements of all constants that a model's nodes make from a stated size.
  static let statedElementCount = 1 << 28
  /// Turns of one loop that are unrolled.
  static let turnCount = 1 << 14
  /// Random numbers drawn for one model.
  static let randomElementCount = 1 << 25
  /// Elements of all sequences together.
  static let sequenceElementCount = 1 << 20
  /// Inputs, and as many outputs, of the graph and of one node.
  static let portCount = 1 << 12
  /// Protobuf's own limit on a message.
  static let messageByteCount = (1 << 31) - 1
  /// External data may be larger.
  static let fileByteCount = 1 << 40
  /// The bytes that unpacking may allocate for messages beyond sixteen times the file's size.
  static let unpackingByteCount = 256 << 20
}
