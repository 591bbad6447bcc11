import IRGraph
import IROperators
import IRTensor

/// Bytes of another value: what reshapes and contiguous parts are names of.
struct ValuePlace: Hashable {
  var root: ValueID
  var byteOffset = 0
}

extension Graph {
  /// The value whose bytes are this value's, and from where on.
  /// Values in `made` have bytes of their own, even where they need not.
  func place(of value: ValueID, among made: Set<ValueID> = []) -> ValuePlace {
    var place = ValuePlace(root: value)
    while !made.contains(place.root), let (source, offset) = source(of: place.root) {
      place = ValuePlace(root: source, byteOffset: place.byteOffset + offset)
    }
    return place
  }

  /// The value whose bytes these are, from an offset on, where no step has to compute them.
  func source(of value: ValueID) -> (ValueID, byteOffset: Int)? {
    guard case .node(let id, let output) = self[value].definition else { return nil }
    let node = self[id]
    let (size, shape) = (self[value].type.elementType.byteCount, self[node.inputs[0]].type.shape)
    switch node.operator {
    case is Reshape: return (node.inputs[0], 0)
    case let slice as Slice:
      // Whole but for one axis, and only single elements before it.
      guard let axis = shape.indices.last(where: { slice.extents[$0] != shape[$0] || slice.steps[$0] != 1 }),
        slice.steps[axis] == 1 || slice.extents[axis] == 1, slice.extents[..<axis].allSatisfy({ $0 == 1 })
      else { return nil }
      return (node.inputs[0], zip(slice.starts, shape.strides).reduce(0) { $0 + $1.0 * $1.1 } * size)
    case let split as Split:
      guard shape[..<split.axis].allSatisfy({ $0 == 1 }) else { return nil }
      let start = split.sizes[..<output].reduce(0, +)
      return (node.inputs[0], start * shape.strides[split.axis] * size)
    default: return nil
    }
  }

  /// The constant that the value is, under any shape.
  func placedConstant(_ value: ValueID) -> Tensor? {
    let place = place(of: value)
    guard let tensor = constant(place.root), tensor.byteCount == self[value].type.byteCount else {
      return nil
    }
    return tensor
  }
}
