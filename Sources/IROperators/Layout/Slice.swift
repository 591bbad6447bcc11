import IRGraph
import IRTensor

/// Element i along an axis of the result is element `starts + i · steps` of the input.
package struct Slice: Operator {
  package var starts: [Int]
  package var steps: [Int]
  package var extents: [Int]
  package static let name = "Slice"

  package init(starts: [Int], steps: [Int], extents: [Int]) {
    self.starts = starts
    self.steps = steps
    self.extents = extents
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    guard starts.count == shape.rank, steps.count == shape.rank, extents.count == shape.rank else {
      throw TypeError(
        "Slice.rank",
        "starts, steps, extents of \(starts.count), \(steps.count), \(extents.count) axes for rank \(shape.rank)"
      )
    }
    for axis in shape.indices {
      guard (0...Graph.extentLimit).contains(extents[axis]), starts[axis].magnitude <= Graph.extentLimit,
        steps[axis].magnitude <= Graph.extentLimit
      else {
        throw TypeError(
          "Slice.limits", "axis \(axis): \(extents[axis]) elements from \(starts[axis]) by \(steps[axis])")
      }
      let (span, overflow) = steps[axis].multipliedReportingOverflow(by: max(extents[axis] - 1, 0))
      let (last, overflow2) = starts[axis].addingReportingOverflow(span)
      guard !overflow, !overflow2,
        extents[axis] == 0 || ((0..<shape[axis]).contains(starts[axis]) && (0..<shape[axis]).contains(last))
      else {
        throw TypeError(
          "Slice.range",
          "axis \(axis): \(extents[axis]) elements from \(starts[axis]) by \(steps[axis]) of \(shape[axis])")
      }
    }
    return [inputs[0].with(shape: Shape(extents))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = Shape(extents)
    let strides = inputs[0].shape.strides
    let first = zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let walk = StridedWalk(shape, strides: zip(steps, strides).map { $0 * $1 })
    return [inputs[0].gathered(walk.offsets.map { $0 + first }, shape: shape)]
  }
}

extension Slice: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let shape = types.inputs[0].shape
    return shape.indices.map { axis in
      guard steps[axis] > 0 else { return .mixed }
      if starts[axis] == 0, steps[axis] == 1, extents[axis] == shape[axis] { return .same(axis) }
      let start = Double(starts[axis])
      return .window(axis, AxisWindow(stride: steps[axis], first: start, last: start))
    }
  }
}

extension Slice: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    guard steps.allSatisfy({ $0 == 1 }) else {
      return [try g.value(SliceGradient(shape: shape, starts: starts, steps: steps), [c])]
    }
    let after = shape.indices.map { shape[$0] - starts[$0] - extents[$0] }
    return [try g.value(Pad(before: starts, after: after), [c])]
  }
}
