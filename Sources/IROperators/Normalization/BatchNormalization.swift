import IRGraph
import IRTensor

/// (x - mean) / √(variance + epsilon) · scale + bias with given statistics per channel (Ioffe and
/// Szegedy 2015, at inference).
///
/// Inputs x `[N, C, …]`, scale, bias, mean, variance `[C]`.
package struct BatchNormalization: Operator {
  package var epsilon: Float
  package static let name = "BatchNormalization"

  package init(epsilon: Float = 1e-5) { self.epsilon = epsilon }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 5...5, Self.name)
    try requireChannels(inputs, ["scale", "bias", "mean", "variance"], Self.name)
    return [inputs[0]]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let size = shape.elementCount(in: 2..<shape.rank)
    let parameters = inputs.dropFirst().map(\.doubles)
    var values = inputs[0].doubles
    for index in values.indices {
      let c = index / size % shape[1]
      let factor = parameters[0][c] / (parameters[3][c] + Double(epsilon)).squareRoot()
      values[index] = (values[index] - parameters[2][c]) * factor + parameters[1][c]
    }
    return [Tensor(inputs[0].type, doubles: values)]
  }
}

extension BatchNormalization: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.inputs[0].shape.rank
    return input == 0 ? .eachAlone(rank) : .only(1, from: 0, rank)
  }
}

extension BatchNormalization: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    let column = Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2))
    let mean = try g.reshaped(context.inputs[3], to: column)
    let variance = try g.affine(try g.reshaped(context.inputs[4], to: column), 1, Double(epsilon))
    let factor = try g.unary(.reciprocalSqrt, variance)
    let others = shape.indices.filter { $0 != 1 }
    var result = context.none
    let scale = try g.reshaped(context.inputs[1], to: column)
    if context.isWanted[0] { result[0] = try g.product(c, try g.product(scale, factor)) }
    if context.isWanted[1] {
      let normal = try g.product(try g.difference(context.inputs[0], mean), factor)
      result[1] = try g.reshaped(try g.summed(try g.product(c, normal), over: others), to: [shape[1]])
    }
    if context.isWanted[2] { result[2] = try g.reshaped(try g.summed(c, over: others), to: [shape[1]]) }
    if context.isWanted[3] {
      let sum = try g.summed(try g.product(c, try g.product(scale, factor)), over: others)
      result[3] = try g.reshaped(try g.unary(.neg, sum), to: [shape[1]])
    }
    if context.isWanted[4] {
      let centred = try g.product(c, try g.difference(context.inputs[0], mean))
      let slope = try g.product(scale, try g.product(factor, try g.unary(.square, factor)))
      let sum = try g.summed(try g.product(centred, try g.affine(slope, -0.5)), over: others)
      result[4] = try g.reshaped(sum, to: [shape[1]])
    }
    return result
  }
}
