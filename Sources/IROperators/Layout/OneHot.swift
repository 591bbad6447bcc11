import IRGraph
import IRTensor

/// A new axis of `depth` with `values[1]` at each index and `values[0]` elsewhere.
///
/// Inputs indices (any number type; negative ones count from the end), values `[2]`.
package struct OneHot: Operator {
  package var axis: Int
  package var depth: Int
  package static let name = "OneHot"

  package init(axis: Int, depth: Int) {
    self.axis = axis
    self.depth = depth
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireShape(inputs[1], [2], "values", Self.name)
    guard (0...inputs[0].shape.rank).contains(axis) else {
      throw TypeError("OneHot.axis", "axis \(axis) of a result of rank \(inputs[0].shape.rank + 1)")
    }
    guard (1...(1 << 40)).contains(depth) else { throw TypeError("OneHot.depth", "depth \(depth)") }
    var extents = inputs[0].shape.extents
    extents.insert(depth, at: axis)
    return [inputs[1].with(shape: Shape(extents))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var extents = inputs[0].shape.extents
    let inner = extents[axis...].reduce(1, *)
    extents.insert(depth, at: axis)
    let hot = inputs[0].integers.map { $0 < 0 ? $0 &+ Int64(depth) : $0 }
    let shape = Shape(extents)
    let picks = (0..<shape.elementCount).map { index -> Int in
      let position = index / inner / depth * inner + index % inner
      return hot[position] == Int64(index / inner % depth) ? 1 : 0
    }
    return [inputs[1].gathered(picks, shape: shape)]
  }
}

extension OneHot: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    (0..<types.outputs[output].shape.rank).map { position in
      if position == axis { return .mixed }
      return input == 0 ? .same(position < axis ? position : position - 1) : .new
    }
  }
}
