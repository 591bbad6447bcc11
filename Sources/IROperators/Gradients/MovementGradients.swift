import IRGraph
import IRTensor

// The adjoints of operators that move elements; made by gradient rules only.

/// The adjoint of `Slice`: elements put where the slice took them, zero elsewhere.
package struct SliceGradient: Operator {
  /// Of the slice's input.
  package var shape: Shape
  package var starts: [Int]
  package var steps: [Int]
  package static let name = "SliceGradient"

  package init(shape: Shape, starts: [Int], steps: [Int]) {
    self.shape = shape
    self.starts = starts
    self.steps = steps
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let slice = Slice(starts: starts, steps: steps, extents: inputs[0].shape.extents)
    _ = try slice.outputTypes(for: [inputs[0].with(shape: shape)])
    return [inputs[0].with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let strides = shape.strides
    let first = zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let walk = StridedWalk(inputs[0].shape, strides: zip(steps, strides).map { $0 * $1 })
    return [scatterSum(inputs[0], walk.offsets.map { $0 + first }, shape)]
  }
}

/// The adjoint of a `Pad` that repeats elements: the sum of what each element was shown as.
package struct PadGradient: Operator {
  /// Of the pad's input.
  package var shape: Shape
  package var pad: Pad
  package static let name = "PadGradient"

  package init(shape: Shape, pad: Pad) {
    self.shape = shape
    self.pad = pad
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let type = inputs[0].with(shape: shape)
    guard try pad.outputTypes(for: [type]) == inputs, pad.mode != .constant else {
      throw TypeError("PadGradient.cotangent", "\(inputs[0]) is not a \(pad.mode) pad of \(shape)")
    }
    return [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    [scatterSum(inputs[0], pad.sources(shape), shape)]
  }
}

/// The adjoint of `Gather` by its data: slices added up at their index.
///
/// Inputs the cotangent and the indices.
package struct GatherGradient: Operator {
  package var axis: Int
  /// Of the data along the axis.
  package var extent: Int
  package static let name = "GatherGradient"

  package init(axis: Int, extent: Int) {
    self.axis = axis
    self.extent = extent
  }

  private func shape(_ c: Shape, _ indices: Shape) throws(TypeError) -> Shape {
    guard axis >= 0, axis + indices.rank <= c.rank,
      c[axis..<(axis + indices.rank)].elementsEqual(indices), (1...Graph.extentLimit).contains(extent)
    else { throw TypeError("GatherGradient.indices", "a cotangent of \(c) with indices of \(indices)") }
    return Shape(Array(c[..<axis]) + [extent] + Array(c[(axis + indices.rank)...]))
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireFloating(inputs[0], Self.name)
    guard inputs[1].elementType.isInteger else {
      throw TypeError("GatherGradient.indices", "indices are \(inputs[1])")
    }
    return [inputs[0].with(shape: try shape(inputs[0].shape, inputs[1].shape))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let shape = try? shape(inputs[0].shape, inputs[1].shape) else {
      preconditionFailure("checked by outputTypes")
    }
    let view = AxisView(shape, axis: axis)
    let picks = inputs[1].integers.map { clampedIndex($0, extent) }
    var places: [Int] = []
    for o in 0..<view.outer {
      for pick in picks {
        let start = (o * extent + pick) * view.inner
        places += start..<(start + view.inner)
      }
    }
    return [scatterSum(inputs[0], places, shape)]
  }
}

/// The adjoint of `Resize`: what each element gave to the result comes back by the same weights.
package struct ResizeGradient: Operator {
  package var resize: Resize
  /// Of the resize's input.
  package var shape: Shape
  package static let name = "ResizeGradient"

  package init(resize: Resize, shape: Shape) {
    self.resize = resize
    self.shape = shape
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    let type = inputs[0].with(shape: shape)
    guard try resize.outputTypes(for: [type]) == inputs else {
      throw TypeError("ResizeGradient.cotangent", "\(inputs[0]) is not \(shape) resized")
    }
    return [type]
  }

  /// For each coordinate of the input, the coordinates of the result that it gave to, with their weights.
  package func taps(axis: Int) -> [Resize.Taps] {
    var result = [Resize.Taps](repeating: [], count: shape[axis])
    for (position, taps) in resize.taps(axis: axis, length: shape[axis]).enumerated() {
      for tap in taps ?? [] where tap.weight != 0 { result[tap.index].append((position, tap.weight)) }
    }
    return result
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    var current = inputs[0].shape
    var values = inputs[0].doubles
    for axis in resize.changedAxes(shape) {
      let taps = taps(axis: axis)
      let view = AxisView(current, axis: axis)
      var next = [Double](repeating: 0, count: view.outer * taps.count * view.inner)
      for o in 0..<view.outer {
        for (position, taps) in taps.enumerated() {
          for tap in taps {
            for i in 0..<view.inner {
              next[(o * shape[axis] + position) * view.inner + i] +=
                tap.weight * values[(o * view.axis + tap.index) * view.inner + i]
            }
          }
        }
      }
      values = next
      current[axis] = shape[axis]
    }
    return [Tensor(inputs[0].type.with(shape: shape), doubles: values)]
  }
}

/// Zeros of `shape` with each element of `x` added at its offset.
func scatterSum(_ x: Tensor, _ offsets: [Int], _ shape: Shape) -> Tensor {
  var values = [Double](repeating: 0, count: shape.elementCount)
  for (offset, value) in zip(offsets, x.doubles) { values[offset] += value }
  return Tensor(x.type.with(shape: shape), doubles: values)
}
