import IRGraph
import IRTensor

/// The input repeated along each axis.
package struct Tile: Operator {
  package var repeats: [Int]
  package static let name = "Tile"

  package init(repeats: [Int]) { self.repeats = repeats }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard repeats.count == inputs[0].shape.rank, repeats.allSatisfy({ (0...(1 << 30)).contains($0) }) else {
      throw TypeError("Tile.repeats", "repeats \(repeats) for an input of rank \(inputs[0].shape.rank)")
    }
    let shape = zip(inputs[0].shape, repeats).map { $0.multipliedReportingOverflow(by: $1) }
    guard !shape.contains(where: \.overflow) else {
      throw TypeError("Tile.extent", "repeats \(repeats) overflow")
    }
    return [inputs[0].with(shape: Shape(shape.map(\.partialValue)))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    let shape = Shape(zip(x.shape, repeats).map { $0 * $1 })
    return [
      x.gathered(offsets(in: x.shape, of: shape) { index, axis in index % x.shape[axis] }, shape: shape)
    ]
  }
}

extension Tile: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(repeats.count, mixing: repeats.indices.filter { repeats[$0] != 1 })
  }
}

extension Tile: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    // Each axis as (repeat, extent), summed over the repeats.
    let shape = g.shape(of: context.inputs[0])
    let split = zip(repeats, shape).flatMap { [$0, $1] }
    let parts = try g.reshaped(c, to: Shape(split))
    return [try g.reshaped(try g.summed(parts, over: shape.indices.map { 2 * $0 }), to: shape)]
  }
}
