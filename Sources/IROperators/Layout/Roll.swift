import IRGraph
import IRTensor

/// Element i along an axis of the result is element (i + offset) mod extent of the input: what leaves on one
/// side comes in on the other.
///
/// One offset for each axis, in 0 ..< extent.
package struct Roll: Operator {
  package var offsets: [Int]
  package static let name = "Roll"

  package init(offsets: [Int]) { self.offsets = offsets }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    guard offsets.count == shape.rank, zip(offsets, shape).allSatisfy({ $0 == 0 || (0..<$1).contains($0) })
    else {
      throw TypeError("Roll.offsets", "offsets \(offsets) for an input of shape \(shape)")
    }
    return inputs
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let places = IROperators.offsets(in: shape, of: shape) { index, axis in
      (index + offsets[axis]) % shape[axis]
    }
    return [inputs[0].gathered(places, shape: shape)]
  }

  /// The roll that undoes this one.
  package func inverse(_ shape: Shape) -> Roll {
    Roll(offsets: zip(offsets, shape).map { $0 == 0 ? 0 : $1 - $0 })
  }
}

extension Roll: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(offsets.count, mixing: offsets.indices.filter { offsets[$0] != 0 })
  }
}

extension Roll: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(inverse(g.shape(of: context.inputs[0])), [c])]
  }
}
