import IRGraph
import IRTensor

/// Slices of `data` along an axis picked by integer indices of any shape; negative ones count from the
/// end, those outside are clamped.
package struct Gather: Operator {
  package var axis: Int
  package static let name = "Gather"

  package init(axis: Int) { self.axis = axis }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    let (data, indices) = (inputs[0].shape, inputs[1].shape)
    try requireAxis(axis, data, Self.name)
    try requireIndices(inputs[1], data[axis], Self.name)
    return [inputs[0].with(shape: Shape(Array(data[..<axis]) + indices.extents + Array(data[(axis + 1)...])))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let data = inputs[0]
    let view = AxisView(data.shape, axis: axis)
    let picks = inputs[1].integers.map { clampedIndex($0, view.axis) }
    var positions: [Int] = []
    positions.reserveCapacity(view.outer * picks.count * view.inner)
    for o in 0..<view.outer {
      for pick in picks {
        let start = (o * view.axis + pick) * view.inner
        positions += start..<(start + view.inner)
      }
    }
    let shape = Shape(
      Array(data.shape[..<axis]) + inputs[1].shape.extents + Array(data.shape[(axis + 1)...]))
    return [data.gathered(positions, shape: shape)]
  }
}

/// Elements of `data` whose index along one axis is given for each.
package struct GatherElements: Operator {
  package var axis: Int
  package static let name = "GatherElements"

  package init(axis: Int) { self.axis = axis }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireElementIndices(inputs[0].shape, inputs[1], axis, Self.name)
    return [inputs[0].with(shape: inputs[1].shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [inputs[0].gathered(elementOffsets(inputs[0].shape, inputs[1], axis), shape: inputs[1].shape)]
  }
}

/// Slices of `data` at the index tuples in the last axis of `indices`, within the first
/// `batchAxisCount` axes.
package struct GatherND: Operator {
  package var batchAxisCount: Int
  package static let name = "GatherND"

  package init(batchAxisCount: Int = 0) { self.batchAxisCount = batchAxisCount }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    let (data, indices) = (inputs[0].shape, inputs[1].shape)
    guard inputs[1].elementType.isInteger, indices.rank >= 1, batchAxisCount >= 0,
      batchAxisCount < indices.rank, batchAxisCount <= data.rank
    else { throw TypeError("GatherND.rank", "\(data) by \(inputs[1]) with \(batchAxisCount) batch axes") }
    let width = indices[indices.rank - 1]
    guard width <= data.rank - batchAxisCount,
      data.prefix(batchAxisCount).elementsEqual(indices.prefix(batchAxisCount))
    else {
      throw TypeError("GatherND.indices", "\(data) by tuples of \(width) in \(indices)")
    }
    guard !data[batchAxisCount..<(batchAxisCount + width)].contains(0) || indices.contains(0) else {
      throw TypeError("GatherND.empty", "an index into \(data)")
    }
    return [
      inputs[0].with(
        shape: Shape(Array(indices.extents.dropLast()) + Array(data[(batchAxisCount + width)...])))
    ]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let data = inputs[0].shape
    let indices = inputs[1].shape
    let width = indices[indices.rank - 1]
    let inner = data.elementCount(in: (batchAxisCount + width)..<data.rank)
    let tuples = indices.elementCount(in: batchAxisCount..<(indices.rank - 1))
    let batch = data.elementCount(in: 0..<batchAxisCount)
    let starts = tupleOffsets(inputs[1], data, firstAxis: batchAxisCount, width: width)
    let batchSize = data.elementCount(in: batchAxisCount..<data.rank)
    var positions: [Int] = []
    for b in 0..<batch {
      for t in 0..<tuples {
        let start = b * batchSize + starts[b * tuples + t]
        positions += start..<(start + inner)
      }
    }
    let shape = Shape(Array(indices.extents.dropLast()) + Array(data[(batchAxisCount + width)...]))
    return [inputs[0].gathered(positions, shape: shape)]
  }
}

func clampedIndex(_ index: Int64, _ extent: Int) -> Int {
  let wrapped = index < 0 ? Int(clamping: index) &+ extent : Int(clamping: index)
  return min(max(wrapped, 0), max(extent - 1, 0))
}

func requireIndices(_ indices: TensorType, _ extent: Int, _ name: String) throws(TypeError) {
  guard indices.elementType.isInteger else { throw TypeError("\(name).indices", "indices are \(indices)") }
  guard extent > 0 || indices.shape.elementCount == 0 else {
    throw TypeError("\(name).empty", "indices into an empty axis")
  }
}

func requireElementIndices(_ data: Shape, _ indices: TensorType, _ axis: Int, _ name: String)
  throws(TypeError)
{
  try requireAxis(axis, data, name)
  try requireIndices(indices, data[axis], name)
  guard indices.shape.rank == data.rank,
    data.indices.allSatisfy({ $0 == axis || indices.shape[$0] <= data[$0] })
  else { throw TypeError("\(name).indicesShape", "indices \(indices.shape) into \(data)") }
}

/// For each index element: the offset in `data` where the index along `axis` replaces its own.
func elementOffsets(_ data: Shape, _ indices: Tensor, _ axis: Int) -> [Int] {
  let strides = data.strides
  var masked = strides
  masked[axis] = 0
  let bases = StridedWalk(indices.shape, strides: masked).offsets
  return zip(bases, indices.integers).map { $0 + clampedIndex($1, data[axis]) * strides[axis] }
}

/// For each index tuple: its offset in `data` from `firstAxis` on.
func tupleOffsets(_ indices: Tensor, _ data: Shape, firstAxis: Int, width: Int) -> [Int] {
  let strides = data.strides
  let values = indices.integers
  guard width > 0 else { return [Int](repeating: 0, count: indices.shape.dropLast().reduce(1, *)) }
  return stride(from: 0, to: values.count, by: width).map { start in
    (0..<width).reduce(0) {
      $0 + clampedIndex(values[start + $1], data[firstAxis + $1]) * strides[firstAxis + $1]
    }
  }
}

extension Gather: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let (data, indices) = (types.inputs[0].shape.rank, types.inputs[1].shape.rank)
    let picked = axis..<(axis + indices)
    return (0..<(data + indices - 1)).map { position in
      if picked.contains(position) { return input == 0 ? .mixed : .same(position - axis) }
      return input == 0 ? .same(position < axis ? position : position - indices + 1) : .new
    }
  }
}

extension Gather: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let gradient = GatherGradient(axis: axis, extent: g.shape(of: context.inputs[0])[axis])
    return [try g.value(gradient, [c, context.inputs[1]]), nil]
  }
}

extension GatherElements: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank, mixing: input == 0 ? [axis] : [])
  }
}

extension GatherElements: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let zeros = g.zeros(g.type(of: context.inputs[0]))
    return [try g.value(ScatterElements(axis: axis, reduction: .add), [zeros, context.inputs[1], c]), nil]
  }
}

extension GatherND: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let indices = types.inputs[1].shape
    let (tuples, width) = (indices.rank - 1, indices[indices.rank - 1])
    return (0..<types.outputs[output].shape.rank).map { position in
      if input == 1 { return position < tuples ? .same(position) : .new }
      if position < batchAxisCount { return .same(position) }
      return position < tuples ? .mixed : .same(position - tuples + batchAxisCount + width)
    }
  }
}

extension GatherND: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    guard batchAxisCount == 0 else {
      // The batch's axes as indices would be needed.
      throw .type(node: "gradient", operator: Self.name, TypeError("GatherND.gradient", "has batch axes"))
    }
    let zeros = g.zeros(g.type(of: context.inputs[0]))
    return [try g.value(ScatterND(reduction: .add), [zeros, context.inputs[1], c]), nil]
  }
}
