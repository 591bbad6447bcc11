import IRGraph
import IRTensor

/// The index (int64) of the largest or smallest element along an axis; of equals the first, or the last
/// with `selectsLast`.
package struct ArgExtreme: Operator {
  package var findsMaximum: Bool
  package var axis: Int
  package var keepsAxis: Bool
  package var selectsLast: Bool
  package static let name = "ArgExtreme"

  package init(findsMaximum: Bool, axis: Int, keepsAxis: Bool = true, selectsLast: Bool = false) {
    self.findsMaximum = findsMaximum
    self.axis = axis
    self.keepsAxis = keepsAxis
    self.selectsLast = selectsLast
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard inputs[0].shape[axis] > 0 else { throw TypeError("ArgExtreme.empty", "axis \(axis) is empty") }
    var extents = inputs[0].shape.extents
    if keepsAxis { extents[axis] = 1 } else { extents.remove(at: axis) }
    return [TensorType(.int64, Shape(extents))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let view = AxisView(inputs[0].shape, axis: axis)
    let values = inputs[0].doubles
    var result: [Int64] = []
    view.forEachLine { start in
      var best = 0
      for k in 1..<max(view.axis, 1) {
        let (a, b) = (values[start + k * view.inner], values[start + best * view.inner])
        if (findsMaximum ? a > b : a < b) || (selectsLast && a == b) { best = k }
      }
      result.append(Int64(best))
    }
    var extents = inputs[0].shape.extents
    if keepsAxis { extents[axis] = 1 } else { extents.remove(at: axis) }
    return [Tensor(result, shape: Shape(extents))]
  }
}

extension ArgExtreme: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .reducing([axis], keepsAxes: keepsAxis, types.inputs[0].shape.rank)
  }
}
