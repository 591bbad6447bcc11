import IRGraph
import IRTensor

package enum PadMode: String, Hashable, Sendable, Codable, CaseIterable {
  case constant
  /// Mirrored without repeating the edge.
  case reflect
  /// The edge repeated.
  case edge
  /// As if the input repeated itself.
  case wrap
}

/// Elements added around the input.
package struct Pad: Operator {
  package var before: [Int]
  package var after: [Int]
  package var mode: PadMode
  package var value: Double
  package static let name = "Pad"

  package init(before: [Int], after: [Int], mode: PadMode = .constant, value: Double = 0) {
    self.before = before
    self.after = after
    self.mode = mode
    self.value = value
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    guard before.count == shape.rank, after.count == shape.rank else {
      throw TypeError(
        "Pad.rank", "\(before.count) and \(after.count) pads for an input of rank \(shape.rank)")
    }
    var extents: [Int] = []
    for axis in shape.indices {
      guard (0...(1 << 40)).contains(before[axis]), (0...(1 << 40)).contains(after[axis]) else {
        throw TypeError("Pad.range", "pads \(before[axis]) and \(after[axis]) on axis \(axis)")
      }
      guard mode == .constant || shape[axis] > 0 || before[axis] + after[axis] == 0 else {
        throw TypeError("Pad.empty", "axis \(axis) is empty and cannot be continued")
      }
      extents.append(shape[axis] + before[axis] + after[axis])
    }
    return [inputs[0].with(shape: Shape(extents))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    let shape = Shape(zip(x.shape, zip(before, after)).map { $0 + $1.0 + $1.1 })
    if mode != .constant {
      return [x.gathered(sources(x.shape), shape: shape)]
    }
    var result = Tensor(x.type.with(shape: shape), repeating: value)
    let strides = shape.strides
    let first = zip(before, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let targets = StridedWalk(x.shape, strides: strides).offsets
    let size = x.elementType.byteCount
    x.withUnsafeBytes { source in
      result.withUnsafeMutableBytes { bytes in
        for (index, target) in targets.enumerated() {
          for byte in 0..<size { bytes[(target + first) * size + byte] = source[index * size + byte] }
        }
      }
    }
    return [result]
  }

  /// For each element of the result, the input's offset that it shows; not for `constant`.
  package func sources(_ shape: Shape) -> [Int] {
    let padded = Shape(zip(shape, zip(before, after)).map { $0 + $1.0 + $1.1 })
    return offsets(in: shape, of: padded) { index, axis in
      source(of: index - before[axis], extent: shape[axis])
    }
  }

  /// The index inside an axis that continues it at `index`.
  private func source(of index: Int, extent: Int) -> Int {
    switch mode {
    case .constant, .edge: return min(max(index, 0), extent - 1)
    case .wrap: return (index % extent + extent) % extent
    case .reflect:
      guard extent > 1 else { return 0 }
      let period = 2 * (extent - 1)
      let offset = (index % period + period) % period
      return offset < extent ? offset : period - offset
    }
  }
}

extension Pad: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    before.indices.map { axis in
      guard before[axis] > 0 || after[axis] > 0 else { return .same(axis) }
      let (start, end) = (Double(before[axis]), Double(after[axis]))
      switch mode {
      case .wrap: return .mixed
      case .constant: return .window(axis, .shift(-before[axis]))
      case .edge, .reflect:
        // A mirror at a border looks as far inside as it reaches outside.
        return .window(axis, AxisWindow(stride: 1, first: -start - 2 * end, last: start))
      }
    }
  }
}

extension Pad: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    guard mode == .constant else { return [try g.value(PadGradient(shape: shape, pad: self), [c])] }
    let steps = [Int](repeating: 1, count: shape.rank)
    return [try g.value(Slice(starts: before, steps: steps, extents: shape.extents), [c])]
  }
}
