import IRGraph
import IRTensor

package enum ScatterReduction: String, Hashable, Sendable, Codable, CaseIterable {
  case none, add, multiply, maximum, minimum

  func combine(_ old: Double, _ new: Double) -> Double {
    switch self {
    case .none: new
    case .add: old + new
    case .multiply: old * new
    case .maximum: max(old, new)
    case .minimum: min(old, new)
    }
  }

  /// Integers wrap; those of 64 bits without sign come as bit patterns.
  func combine(_ old: Int64, _ new: Int64, isUnsigned: Bool) -> Int64 {
    let isOldLess = isUnsigned ? UInt64(bitPattern: old) < UInt64(bitPattern: new) : old < new
    return switch self {
    case .none: new
    case .add: old &+ new
    case .multiply: old &* new
    case .maximum: isOldLess ? new : old
    case .minimum: isOldLess ? old : new
    }
  }
}

/// `data` with elements replaced by, or combined with, `updates` at an index along one axis.
///
/// Inputs data, indices, updates.
package struct ScatterElements: Operator {
  package var axis: Int
  package var reduction: ScatterReduction
  package static let name = "ScatterElements"

  package init(axis: Int, reduction: ScatterReduction = .none) {
    self.axis = axis
    self.reduction = reduction
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireElementIndices(inputs[0].shape, inputs[1], axis, Self.name)
    try requireShape(inputs[2], inputs[1].shape, "updates", Self.name)
    try requireSameElementType([inputs[0], inputs[2]], Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [scattered(inputs[0], inputs[2], at: elementOffsets(inputs[0].shape, inputs[1], axis), reduction)]
  }
}

/// `data` with slices replaced by, or combined with, `updates` at index tuples.
///
/// Inputs data, indices `[…, width]`, updates.
package struct ScatterND: Operator {
  package var reduction: ScatterReduction
  package static let name = "ScatterND"

  package init(reduction: ScatterReduction = .none) { self.reduction = reduction }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    let (data, indices) = (inputs[0].shape, inputs[1].shape)
    guard inputs[1].elementType.isInteger, let width = indices.last, width <= data.rank else {
      throw TypeError("ScatterND.indices", "indices \(inputs[1]) into \(data)")
    }
    guard !data[..<width].contains(0) || indices.contains(0) else {
      throw TypeError("ScatterND.empty", "an index into \(data)")
    }
    try requireShape(
      inputs[2], Shape(Array(indices.dropLast()) + Array(data[width...])), "updates", Self.name)
    try requireSameElementType([inputs[0], inputs[2]], Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let data = inputs[0].shape
    let width = inputs[1].shape[inputs[1].shape.rank - 1]
    let inner = data.elementCount(in: width..<data.rank)
    let starts = tupleOffsets(inputs[1], data, firstAxis: 0, width: width)
    return [scattered(inputs[0], inputs[2], at: starts.flatMap { $0..<($0 + inner) }, reduction)]
  }
}

private func scattered(_ data: Tensor, _ updates: Tensor, at offsets: [Int], _ reduction: ScatterReduction)
  -> Tensor
{
  if reduction == .none {
    // Moved as bytes: exact for 64-bit integers and for the payloads of NaNs.
    var result = data
    let size = data.elementType.byteCount
    updates.withUnsafeBytes { source in
      result.withUnsafeMutableBytes { bytes in
        for (index, offset) in offsets.enumerated() {
          for byte in 0..<size { bytes[offset * size + byte] = source[index * size + byte] }
        }
      }
    }
    return result
  }
  if !data.elementType.isFloatingPoint {
    let isUnsigned = data.elementType == .uint64
    var values = data.integers
    for (offset, value) in zip(offsets, updates.integers) {
      values[offset] = reduction.combine(values[offset], value, isUnsigned: isUnsigned)
    }
    return Tensor(data.type, integers: values)
  }
  var values = data.doubles
  for (offset, value) in zip(offsets, updates.doubles) {
    values[offset] = reduction.combine(values[offset], value)
  }
  return Tensor(data.type, doubles: values)
}

extension ScatterElements: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let data = types.inputs[0].shape
    if input == 0 { return .eachAlone(data.rank) }
    // Elements beyond the updates stay as they were.
    let indices = types.inputs[1].shape
    return .eachAlone(data.rank, mixing: data.indices.filter { $0 == axis || data[$0] != indices[$0] })
  }
}

extension ScatterND: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let (rank, indices) = (types.inputs[0].shape.rank, types.inputs[1].shape)
    if input == 0 { return .eachAlone(rank) }
    let (tuples, width) = (indices.rank - 1, indices[indices.rank - 1])
    return (0..<rank).map { position in
      position < width ? .mixed : (input == 1 ? .new : .same(position - width + tuples))
    }
  }
}
