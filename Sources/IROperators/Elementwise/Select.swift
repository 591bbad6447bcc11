import IRGraph
import IRTensor

/// `condition ? a : b`, element by element under broadcasting.
public struct Select: Operator {
  public static let name = "Select"

  public init() {}

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    guard inputs[0].elementType == .bool else {
      throw TypeError("Select.condition", "the condition is \(inputs[0].elementType), must be bool")
    }
    try requireSameElementType(Array(inputs[1...]), Self.name)
    guard let values = inputs[1].shape.broadcast(with: inputs[2].shape),
      let shape = inputs[0].shape.broadcast(with: values)
    else {
      throw TypeError("Select.broadcast", "\(inputs.map(\.shape)) do not broadcast")
    }
    return [inputs[1].with(shape: shape)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let values = inputs[1].shape.broadcast(with: inputs[2].shape),
      let shape = inputs[0].shape.broadcast(with: values)
    else { preconditionFailure("checked by outputTypes") }
    let condition = inputs[0].broadcast(to: shape).booleans
    let (a, b) = (inputs[1].broadcast(to: shape), inputs[2].broadcast(to: shape))
    let size = a.elementType.byteCount
    return [
      a.withUnsafeBytes { x in
        b.withUnsafeBytes { y in
          Tensor(a.type) { bytes in
            for (index, isTrue) in condition.enumerated() {
              for byte in (index * size)..<((index + 1) * size) { bytes[byte] = isTrue ? x[byte] : y[byte] }
            }
          }
        }
      }
    ]
  }
}
