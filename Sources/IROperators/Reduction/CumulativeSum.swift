import IRGraph
import IRTensor

/// Running sums along an axis, each without its own element where exclusive, from the end where reversed.
package struct CumulativeSum: Operator {
  package var axis: Int
  package var isExclusive: Bool
  package var isReversed: Bool
  package static let name = "CumulativeSum"

  package init(axis: Int, isExclusive: Bool = false, isReversed: Bool = false) {
    self.axis = axis
    self.isExclusive = isExclusive
    self.isReversed = isReversed
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard inputs[0].elementType != .bool else { throw TypeError("CumulativeSum.numeric", "sums of bool") }
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    if x.elementType.isFloatingPoint {
      return [Tensor(x.type, doubles: summed(x.doubles, x.shape, 0, +))]
    }
    return [Tensor(x.type, integers: summed(x.integers, x.shape, 0, &+))]
  }

  private func summed<T>(_ values: [T], _ shape: Shape, _ zero: T, _ add: (T, T) -> T) -> [T] {
    let view = AxisView(shape, axis: axis)
    var result = values
    view.forEachLine { start in
      var sum = zero
      for step in 0..<view.axis {
        let index = start + (isReversed ? view.axis - 1 - step : step) * view.inner
        let next = add(sum, values[index])
        result[index] = isExclusive ? sum : next
        sum = next
      }
    }
    return result
  }
}

extension CumulativeSum: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.inputs[0].shape.rank, mixing: [axis])
  }
}

extension CumulativeSum: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(CumulativeSum(axis: axis, isExclusive: isExclusive, isReversed: !isReversed), [c])]
  }
}
