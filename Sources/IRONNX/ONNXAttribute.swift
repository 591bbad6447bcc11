import IRTensor

package struct ONNXNamedAttribute: Sendable {
  package var name: String
  package var value: ONNXAttribute
  package var docString = ""

  package init(_ name: String, _ value: ONNXAttribute) {
    self.name = name
    self.value = value
  }
}

/// An attribute's value. Strings are bytes, as the file format has them.
package indirect enum ONNXAttribute: Sendable {
  case float(Float)
  case int(Int64)
  case string([UInt8])
  case tensor(ONNXTensor)
  case graph(ONNXGraph)
  case sparseTensor(ONNXSparseTensor)
  case type(ONNXType)
  case floats([Float])
  case ints([Int64])
  case strings([[UInt8]])
  case tensors([ONNXTensor])
  case graphs([ONNXGraph])
  case sparseTensors([ONNXSparseTensor])
  case types([ONNXType])
  /// Inside a function: the value of the function's own attribute of this name, of this type number.
  case reference(String, type: Int32)

  package static func string(_ text: String) -> ONNXAttribute { .string(Array(text.utf8)) }

  /// ONNX's number for the attribute's type.
  var typeNumber: UInt32 {
    switch self {
    case .float: 1
    case .int: 2
    case .string: 3
    case .tensor: 4
    case .graph: 5
    case .floats: 6
    case .ints: 7
    case .strings: 8
    case .tensors: 9
    case .graphs: 10
    case .sparseTensor: 11
    case .sparseTensors: 12
    case .type: 13
    case .types: 14
    case .reference(_, let type): UInt32(bitPattern: type)
    }
  }
}
