import IRGraph
import IRTensor

/// e^x / Σ e^x along an axis.
package struct Softmax: Operator {
  package var axis: Int
  package static let name = "Softmax"

  package init(axis: Int) { self.axis = axis }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try checkSoftmax(inputs, axis: axis, Self.name)
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      softmax(inputs[0], axis: axis) { line, maximum in
        let powers = line.map { mathExp($0 - maximum) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
      }
    ]
  }
}

/// x - log Σ e^x along an axis.
package struct LogSoftmax: Operator {
  package var axis: Int
  package static let name = "LogSoftmax"

  package init(axis: Int) { self.axis = axis }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try checkSoftmax(inputs, axis: axis, Self.name)
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [
      softmax(inputs[0], axis: axis) { line, maximum in
        let logarithm = mathLog(line.reduce(0) { $0 + mathExp($1 - maximum) })
        return line.map { $0 - maximum - logarithm }
      }
    ]
  }
}

private func checkSoftmax(_ inputs: [TensorType], axis: Int, _ name: String) throws(TypeError) {
  try requireCount(inputs, 1...1, name)
  try requireFloating(inputs[0], name)
  try requireAxis(axis, inputs[0].shape, name)
}

private func softmax(_ x: Tensor, axis: Int, _ body: ([Double], Double) -> [Double]) -> Tensor {
  let view = AxisView(x.shape, axis: axis)
  var values = x.doubles
  view.forEachLine { start in
    let line = (0..<view.axis).map { values[start + $0 * view.inner] }
    let result = body(line, line.reduce(-.infinity) { max($0, $1) })
    for k in 0..<view.axis { values[start + k * view.inner] = result[k] }
  }
  return Tensor(x.type, doubles: values)
}

extension Softmax: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.inputs[0].shape.rank, mixing: [axis])
  }
}

extension Softmax: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let y = context.outputs[0]
    let mean = try g.summed(try g.product(c, y), over: [axis])
    return [try g.product(y, try g.difference(c, mean))]
  }
}

extension LogSoftmax: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.inputs[0].shape.rank, mixing: [axis])
  }
}

extension LogSoftmax: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let sum = try g.summed(c, over: [axis])
    return [try g.difference(c, try g.product(try g.unary(.exp, context.outputs[0]), sum))]
  }
}
