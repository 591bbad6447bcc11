import IRGraph
import IRTensor

/// The input read as if its extents of 1 were stretched to `shape`.
package struct Expand: Operator {
  package var shape: Shape
  package static let name = "Expand"

  package init(shape: Shape) { self.shape = shape }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard inputs[0].shape.broadcast(with: shape) == shape, shape.checkedElementCount != nil else {
      throw TypeError("Expand.broadcast", "\(inputs[0].shape) does not stretch to \(shape)")
    }
    return [inputs[0].with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].broadcast(to: shape)] }
}

extension Expand: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .broadcasting(types.inputs[input].shape, to: types.outputs[output].shape)
  }
}

extension Expand: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.summed(c, to: g.shape(of: context.inputs[0]))]
  }
}
