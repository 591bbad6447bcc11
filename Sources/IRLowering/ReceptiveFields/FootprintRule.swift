import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// The footprint of one node's outputs from those of its inputs.
struct FootprintRule {
  struct Reason: Error { var text: String }
  typealias Outcome = Result<Footprint, Reason>

  let node: Node
  let graph: Graph
  /// Nil for inputs that the image does not reach.
  let sources: [Footprint?]
  let winograd: WinogradForm?

  /// The side of the squares of results that are rounded together, counted from the first row and column.
  var grid: Int {
    guard let convolution = node.operator as? Convolution,
      let form = winograd, form.applies(to: convolution, weight: graph[node.inputs[1]].type.shape)
    else { return 1 }
    return form.tile
  }

  private var shape: Shape { graph[node.inputs[0]].type.shape }
  private var outputShape: Shape { graph[node.outputs[0]].type.shape }

  private func refused(_ text: String) -> Outcome { .failure(Reason(text: text)) }
  private var global: Outcome { refused("makes every output depend on the whole picture") }

  var result: Outcome {
    switch node.operator {
    case let c as Convolution:
      return window(
        c.dilatedExtents(graph[node.inputs[1]].type.shape), c.strides, c.padsBefore, roundedWithin: grid)
    case let c as ConvolutionTranspose: return transposed(c)
    case let pool as MaxPool: return pooling(pool.window)
    case let pool as AveragePool: return pooling(pool.window)
    case let pool as LpPool: return pooling(pool.window)
    case let block as DepthToSpace:
      let b = block.blockSize
      return spatial { span, _ in span.through(1, over: b, first: -Double(b - 1) / Double(b), last: 0) }
    case let block as SpaceToDepth:
      let b = block.blockSize
      return spatial { span, _ in span.through(b, first: 0, last: Double(b - 1)) }
    case let resize as Resize: return resized(resize)
    case let pad as Pad: return padded(pad)
    case let slice as Slice: return sliced(slice)
    case let transpose as Transpose: return transposedAxes(transpose)
    case is Reshape: return reshaped
    case is Unary, is Activation, is Cast, is IsInfinite, is Binary, is Select, is ElementwiseChain,
      is Expand:
      return pointwise
    case is BatchNormalization: return sources[1...].allSatisfy { $0 == nil } ? single : global
    case let n as LayerNormalization: return alone(n.axes)
    case let n as RMSNormalization: return alone(n.axes)
    case let n as L2Normalization: return alone([n.axis])
    case let s as Softmax: return alone([s.axis])
    case let s as LogSoftmax: return alone([s.axis])
    case let s as CumulativeSum: return alone([s.axis])
    case let s as Split: return alone([s.axis])
    case let concatenate as Concatenate: return concatenated(concatenate.axis)
    case let tile as Tile: return alone(tile.repeats.indices.filter { tile.repeats[$0] != 1 })
    case let reduce as Reduce: return reduced(reduce)
    case let product as MatrixMultiply: return multiplied(product)
    case let gather as Gather: return gathered(gather)
    default: return global
    }
  }

  /// The first input's footprint, where no other input has one.
  private var single: Outcome {
    guard let source = sources[0], sources.dropFirst().allSatisfy({ $0 == nil }) else {
      return refused("takes more than one input from the picture")
    }
    return .success(source)
  }

  /// As `single`, for operators that mix elements along `axes` only.
  private func alone(_ axes: [Int]) -> Outcome {
    single.flatMap { source in axes.contains(where: source.axes.contains) ? global : .success(source) }
  }

  /// For operators on `[N, C, H, W]`.
  private func spatial(_ change: (Footprint.Span, Int) -> Footprint.Span) -> Outcome {
    single.flatMap { source in
      guard source.axes == [2, 3], source.merged == nil, shape.rank == 4 else {
        return refused("works on axes that are not height and width")
      }
      var result = source
      result.spans = [change(source.spans[0], 0), change(source.spans[1], 1)]
      return .success(result)
    }
  }

  private func window(
    _ extents: [Int], _ strides: [Int], _ pads: [Int], roundedWithin grid: Int = 1
  ) -> Outcome {
    guard extents.count == 2 else { return refused("is not a window over height and width") }
    // A result's bits depend on the windows of all results of its square.
    let neighbours = grid - 1
    return spatial { span, axis in
      span.through(
        strides[axis], first: -Double(pads[axis] + neighbours * strides[axis]),
        last: Double(extents[axis] - 1 - pads[axis] + neighbours * strides[axis]))
    }
  }

  private func pooling(_ window: PoolingWindow) -> Outcome {
    let extents = zip(window.kernel, window.dilations).map { ($0 - 1) * $1 + 1 }
    // A window over the whole axis gives one value: there is nothing to tile by.
    if extents.count == 2, outputShape.suffix(2).allSatisfy({ $0 == 1 }),
      shape.suffix(2).contains(where: { $0 > 1 })
    {
      return global
    }
    return self.window(extents, window.strides, window.padsBefore)
  }

  private func transposed(_ c: ConvolutionTranspose) -> Outcome {
    let kernel = Array(graph[node.inputs[1]].type.shape.dropFirst(2))
    guard kernel.count == 2 else { return refused("is not a window over height and width") }
    return spatial { span, axis in
      let (stride, pad) = (Double(c.strides[axis]), Double(c.padsBefore[axis]))
      let extent = Double((kernel[axis] - 1) * c.dilations[axis])
      return span.through(1, over: c.strides[axis], first: (pad - extent) / stride, last: pad / stride)
    }
  }

  private func resized(_ resize: Resize) -> Outcome {
    guard [.halfPixel, .pytorchHalfPixel, .asymmetric].contains(resize.coordinates), shape.rank == 4 else {
      return refused("places its samples by the size of the whole picture")
    }
    let output = outputShape
    guard output[0] == shape[0], output[1] == shape[1] else {
      return refused("resizes other axes than height and width")
    }
    for axis in 2..<4 where resize.scales.indices.contains(axis) {
      guard abs(resize.scales[axis] * Double(shape[axis]) - Double(output[axis])) < 1e-6 else {
        return refused("scales by other than the sizes' ratio")
      }
    }
    return spatial { span, axis in
      let (from, to) = (shape[axis + 2], output[axis + 2])
      guard from != to else { return span }
      let ratio = Double(from) / Double(to)
      let taps: Double = resize.mode == .cubic ? 2 : 1
      let reach = taps * (resize.isAntialiased ? max(1, ratio) : 1) + ratio / 2 + 0.5
      return span.through(from, over: to, first: -reach, last: reach)
    }
  }

  private func padded(_ pad: Pad) -> Outcome {
    single.flatMap { source in
      if source.merged != nil, pad.before[source.axes[0]] != 0 || pad.after[source.axes[0]] != 0 {
        return global
      }
      if pad.mode == .wrap, source.axes.contains(where: { pad.before[$0] != 0 || pad.after[$0] != 0 }) {
        return global
      }
      var result = source
      for (index, axis) in source.axes.enumerated() where source.merged == nil {
        let (before, after) = (Double(pad.before[axis]), Double(pad.after[axis]))
        // A mirror at a border looks as far inside as it reaches outside.
        let isMirror = pad.mode != .constant
        result.spans[index] = source.spans[index].through(
          1, first: -before - (isMirror ? 2 * max(0, after) : 0),
          last: -before + (isMirror ? 2 * max(0, before) : 0))
      }
      return .success(result)
    }
  }

  private func sliced(_ slice: Slice) -> Outcome {
    single.flatMap { source in
      var result = source
      for (index, axis) in source.axes.enumerated() {
        let isWhole = slice.starts[axis] == 0 && slice.steps[axis] == 1
        if source.merged != nil {
          guard isWhole, slice.extents[axis] == shape[axis] else { return global }
          continue
        }
        guard slice.steps[axis] > 0 else { return global }
        let start = Double(slice.starts[axis])
        result.spans[index] = source.spans[index].through(slice.steps[axis], first: start, last: start)
      }
      return .success(result)
    }
  }

  private func transposedAxes(_ transpose: Transpose) -> Outcome {
    single.map { source in
      var result = source
      result.axes = source.axes.map { axis in transpose.permutation.firstIndex(of: axis) ?? axis }
      return result
    }
  }

  private var reshaped: Outcome {
    single.flatMap { source in
      let (old, new) = (shape, outputShape)
      /// The axis of the new shape that holds what `extent` elements after `outer` others are.
      func place(outer: Int, extent: Int) -> Int? {
        new.indices.first { new[$0] == extent && new.elementCount(in: 0..<$0) == outer }
      }
      func outer(_ axis: Int) -> Int { old.elementCount(in: 0..<axis) }
      var result = source
      if let merged = source.merged {
        let axis = source.axes[0]
        if let same = place(outer: outer(axis), extent: old[axis]), merged.allSatisfy({ $0 > 1 }) {
          result.axes = [same, same]
          return .success(result)
        }
        guard let first = place(outer: outer(axis), extent: merged[0]),
          let second = place(outer: outer(axis) * merged[0], extent: merged[1])
        else { return global }
        (result.axes, result.merged) = ([first, second], nil)
        return .success(result)
      }
      let (h, w) = (source.axes[0], source.axes[1])
      if let first = place(outer: outer(h), extent: old[h]),
        let second = place(outer: outer(w), extent: old[w]),
        first != second
      {
        result.axes = [first, second]
        return .success(result)
      }
      guard w == h + 1, let one = place(outer: outer(h), extent: old[h] * old[w]) else { return global }
      (result.axes, result.merged) = ([one, one], [old[h], old[w]])
      return .success(result)
    }
  }

  /// Axes of an input in the result's terms: shapes are aligned at their ends.
  private func aligned(_ source: Footprint, _ input: Int) -> Footprint {
    let shift = outputShape.rank - graph[node.inputs[input]].type.shape.rank
    var result = source
    result.axes = source.axes.map { $0 + shift }
    return result
  }

  private func joined(_ footprints: [Footprint]) -> Outcome {
    guard var result = footprints.first else { return global }
    for other in footprints.dropFirst() {
      guard let union = result.union(other) else {
        return refused("meets parts of the picture of other sizes or orders")
      }
      result = union
    }
    return .success(result)
  }

  private var pointwise: Outcome {
    joined(sources.indices.compactMap { index in sources[index].map { aligned($0, index) } }).flatMap {
      result in
      for (index, source) in sources.enumerated() where source == nil {
        let shape = graph[node.inputs[index]].type.shape
        let shift = outputShape.rank - shape.rank
        for axis in result.axes where axis - shift >= 0 && shape[axis - shift] > 1 {
          return refused("has a constant of the picture's size")
        }
      }
      return .success(result)
    }
  }

  private func concatenated(_ axis: Int) -> Outcome {
    joined(sources.compactMap { $0 }).flatMap { result in
      guard !result.axes.contains(axis) else { return global }
      guard sources.allSatisfy({ $0 != nil }) else { return refused("has a constant of the picture's size") }
      return .success(result)
    }
  }

  private func reduced(_ reduce: Reduce) -> Outcome {
    alone(reduce.axes).map { source in
      guard !reduce.keepsAxes else { return source }
      var result = source
      result.axes = source.axes.map { axis in axis - reduce.axes.count { $0 < axis } }
      return result
    }
  }

  private func multiplied(_ product: MatrixMultiply) -> Outcome {
    var parts: [Footprint] = []
    for (index, source) in sources.enumerated() {
      guard let source else { continue }
      let rank = graph[node.inputs[index]].type.shape.rank
      let isTransposed = index == 0 ? product.transposesA : product.transposesB
      // The contracted axis is the last of A and the last but one of B.
      let contracted = (index == 0) != isTransposed ? rank - 1 : rank - 2
      guard !source.axes.contains(contracted) else { return global }
      var part = aligned(source, index)
      let free = (index == 0) != isTransposed ? rank - 2 : rank - 1
      let place = outputShape.rank - (index == 0 ? 2 : 1)
      part.axes = source.axes.map { $0 == free ? place : $0 + outputShape.rank - rank }
      parts.append(part)
    }
    return joined(parts)
  }

  private func gathered(_ gather: Gather) -> Outcome {
    alone([gather.axis]).map { source in
      var result = source
      let change = graph[node.inputs[1]].type.shape.rank - 1
      result.axes = source.axes.map { $0 > gather.axis ? $0 + change : $0 }
      return result
    }
  }
}

extension Convolution {
  /// How many positions the kernel spans on each spatial axis.
  fileprivate func dilatedExtents(_ weight: Shape) -> [Int] {
    zip(weight.dropFirst(2), dilations).map { ($0 - 1) * $1 + 1 }
  }
}
