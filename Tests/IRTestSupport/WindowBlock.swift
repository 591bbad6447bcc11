import IRGraph
import IROperators
import IRTensor

/// Attention in the windows of a picture, with its normalization, projections, terms and residual, as
/// exporters write it: with windows moved up and left or not, in the forms of this package's builders or of
/// PyTorch's exporter.
package struct WindowBlock: Sendable {
  package var heads: Int
  package var side: Int
  package var shift = 0
  /// A term that differs from window to window.
  package var hasMask = false
  /// Tokens `[N, H · W, C]` between blocks, q, k and v in one axis, and masks added to scores of five axes.
  package var isPyTorch = false

  package init(heads: Int, side: Int, shift: Int = 0, hasMask: Bool = false, isPyTorch: Bool = false) {
    (self.heads, self.side, self.shift) = (heads, side, shift)
    (self.hasMask, self.isPyTorch) = (hasMask, isPyTorch)
  }

  /// The block of a picture `[N, C, H, W]` whose sides are multiples of the windows'.
  package func value(
    _ x: ValueID, _ b: inout GraphBuilder, _ generator: inout SeededGenerator
  ) throws(GraphError) -> ValueID {
    let shape = b.shape(of: x)
    let (batch, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    let (area, windows) = (side * side, batch * (height / side) * (width / side))
    let size = channels / heads
    var pixels: ValueID
    if isPyTorch {
      let flat = try b.value(Reshape(shape: [batch, channels, height * width]), [x])
      pixels = try b.value(Transpose(permutation: [0, 2, 1]), [flat])
    } else {
      pixels = try b.value(Transpose(permutation: [0, 2, 3, 1]), [x])
    }
    let rank = b.shape(of: pixels).rank
    var y = try b.value(LayerNormalization(axes: [rank - 1], epsilon: 1e-3), [pixels])
    y = try b.value(Reshape(shape: [batch, height, width, channels]), [y])
    y = try rolled(y, by: shift, &b)
    y = try b.value(
      Reshape(shape: [batch, height / side, side, width / side, side, channels]), [y])
    y = try b.value(Transpose(permutation: [0, 1, 3, 2, 4, 5]), [y])
    y = try b.value(Reshape(shape: [windows, area, channels]), [y])
    y = try linear(y, to: 3 * channels, &b, &generator)
    let parts = try operands(y, windows, area, size, &b)
    let factor = b.constant(Tensor(TensorType(.float32, [1]), repeating: 0.7))
    let q = try b.value(Binary(.multiply), [parts[0], factor])
    var scores = try b.value(MatrixMultiply(transposesB: true), [q, parts[1]])
    scores = try b.value(Binary(.add), [scores, b.constant(generator.tensor([heads, area, area]))])
    if hasMask { scores = try masked(scores, windows / batch, area, &b, &generator) }
    let weights = try b.value(Softmax(axis: 3), [scores])
    y = try b.value(MatrixMultiply(), [weights, parts[2]])
    y = try b.value(Transpose(permutation: [0, 2, 1, 3]), [y])
    y = try b.value(Reshape(shape: [windows, area, channels]), [y])
    y = try linear(y, to: channels, &b, &generator)
    y = try b.value(
      Reshape(shape: [batch, height / side, width / side, side, side, channels]), [y])
    y = try b.value(Transpose(permutation: [0, 1, 3, 2, 4, 5]), [y])
    y = try b.value(Reshape(shape: [batch, height, width, channels]), [y])
    y = try rolled(y, by: -shift, &b)
    y = try b.value(Reshape(shape: b.shape(of: pixels)), [y])
    y = try b.value(Binary(.add), [pixels, y])
    guard isPyTorch else { return try b.value(Transpose(permutation: [0, 3, 1, 2]), [y]) }
    y = try b.value(Transpose(permutation: [0, 2, 1]), [y])
    return try b.value(Reshape(shape: shape), [y])
  }

  private func rolled(_ x: ValueID, by shift: Int, _ b: inout GraphBuilder) throws(GraphError) -> ValueID {
    guard shift != 0 else { return x }
    var x = x
    for axis in 1...2 {
      let shape = b.shape(of: x)
      let cut = shift > 0 ? shift : shape[axis] + shift
      func part(_ range: Range<Int>, _ b: inout GraphBuilder) throws(GraphError) -> ValueID {
        var (starts, extents) = ([0, 0, 0, 0], shape.extents)
        (starts[axis], extents[axis]) = (range.lowerBound, range.count)
        return try b.value(Slice(starts: starts, steps: [1, 1, 1, 1], extents: extents), [x])
      }
      let parts = [try part(cut..<shape[axis], &b), try part(0..<cut, &b)]
      x = try b.value(Concatenate(axis: axis), parts)
    }
    return x
  }

  private func linear(
    _ x: ValueID, to channels: Int, _ b: inout GraphBuilder, _ generator: inout SeededGenerator
  ) throws(GraphError) -> ValueID {
    let count = b.shape(of: x).last ?? 1
    let weight = b.constant(generator.tensor([count, channels], in: -0.5...0.5))
    let product = try b.value(MatrixMultiply(), [x, weight])
    return try b.value(Binary(.add), [b.constant(generator.tensor([channels])), product])
  }

  private func operands(
    _ x: ValueID, _ windows: Int, _ area: Int, _ size: Int, _ b: inout GraphBuilder
  ) throws(GraphError) -> [ValueID] {
    var result: [ValueID] = []
    if isPyTorch {
      let cut = try b.value(Reshape(shape: [windows, area, 3, heads, size]), [x])
      let moved = try b.value(Transpose(permutation: [2, 0, 3, 1, 4]), [cut])
      for index in 0..<3 {
        let place = b.constant(Tensor([Int64(index)], shape: .scalar))
        result.append(try b.value(Gather(axis: 0), [moved, place]))
      }
      return result
    }
    let channels = heads * size
    for part in try b.apply(Split(axis: 2, sizes: [channels, channels, channels]), [x]) {
      let cut = try b.value(Reshape(shape: [windows, area, heads, size]), [part])
      result.append(try b.value(Transpose(permutation: [0, 2, 1, 3]), [cut]))
    }
    return result
  }

  private func masked(
    _ scores: ValueID, _ windows: Int, _ area: Int, _ b: inout GraphBuilder,
    _ generator: inout SeededGenerator
  ) throws(GraphError) -> ValueID {
    let shape = b.shape(of: scores)
    guard isPyTorch else {
      return try b.value(Binary(.add), [scores, b.constant(generator.tensor([shape[0], 1, area, area]))])
    }
    let mask = b.constant(generator.tensor([1, windows, 1, area, area]))
    let cut = try b.value(Reshape(shape: [shape[0] / windows, windows, heads, area, area]), [scores])
    let sum = try b.value(Binary(.add), [cut, mask])
    return try b.value(Reshape(shape: shape), [sum])
  }
}
