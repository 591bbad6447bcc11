import IRGraph
import IRTensor

public enum ScatterReduction: String, Hashable, Sendable, Codable, CaseIterable {
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
public struct ScatterElements: Operator {
  public var axis: Int
  public var reduction: ScatterReduction
  public static let name = "ScatterElements"

  public init(axis: Int, reduction: ScatterReduction = .none) {
    self.axis = axis
    self.reduction = reduction
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireElementIndices(inputs[0].shape, inputs[1], axis, Self.name)
    try requireShape(inputs[2], inputs[1].shape, "updates", Self.name)
    try requireSameElementType([inputs[0], inputs[2]], Self.name)
    return [inputs[0]]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [scattered(inputs[0], inputs[2], at: elementOffsets(inputs[0].shape, inputs[1], axis), reduction)]
  }
}

/// `data` with slices replaced by, or combined with, `updates` at index tuples.
///
/// Inputs data, indices `[…, width]`, updates.
public struct ScatterND: Operator {
  public var reduction: ScatterReduction
  public static let name = "ScatterND"

  public init(reduction: ScatterReduction = .none) { self.reduction = reduction }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
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

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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
