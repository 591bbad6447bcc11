import IRGraph
import IRTensor

/// x / max(‖x‖₂, epsilon) along one axis.
package struct L2Normalization: Operator {
  package var axis: Int
  package var epsilon: Float
  package static let name = "L2Normalization"

  package init(axis: Int, epsilon: Float = 1e-12) {
    self.axis = axis
    self.epsilon = epsilon
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      normalized(inputs, axes: [axis]) { line in
        let norm = line.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return line.map { $0 / max(norm, Double(epsilon)) }
      }
    ]
  }
}

extension L2Normalization: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    normalizedAxes([axis], input, types.inputs[0].shape.rank)
  }
}

extension L2Normalization: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    // Below ε the divisor is a constant.
    let (x, y) = (context.inputs[0], context.outputs[0])
    let norm = try g.value(Reduce(.l2, axes: [axis]), [x])
    let least = g.constant(Tensor(TensorType(g.type(of: x).elementType, .scalar), repeating: Double(epsilon)))
    let isLonger = try g.isPositive(try g.difference(norm, least))
    let dot = try g.product(isLonger, try g.summed(try g.product(c, y), over: [axis]))
    let back = try g.difference(c, try g.product(y, dot))
    return [try g.quotient(back, try g.binary(.maximum, norm, least))]
  }
}
