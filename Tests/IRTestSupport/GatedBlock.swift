import IRGraph
import IROperators
import IRTensor
import Testing

/// Much that a region may hold, in one graph: a gated block as in Restormer, a dense window, a concatenation,
/// numbers for each channel, and results that are read inside and outside.
package struct GatedBlock: CustomTestStringConvertible, Sendable {
  package var batch, channels, hidden, height, width, kernel, dilation: Int

  package init(
    batch: Int = 1, channels: Int = 5, hidden: Int = 7, height: Int, width: Int, kernel: Int = 3,
    dilation: Int = 1
  ) {
    (self.batch, self.channels, self.hidden) = (batch, channels, hidden)
    (self.height, self.width, self.kernel, self.dilation) = (height, width, kernel, dilation)
  }

  package var testDescription: String {
    "\(batch)×\(channels)×\(height)×\(width), window \(kernel), dilation \(dilation)"
  }

  package func graph() throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: UInt64(height * 1000 + width))
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [batch, channels, height, width]))
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape)) }
    func window(_ kernel: Int, dilation: Int = 1, groups: Int = 1) -> Convolution {
      let reach = (kernel - 1) * dilation
      return Convolution(
        strides: [1, 1], padsBefore: [reach / 2, reach / 2],
        padsAfter: [reach - reach / 2, reach - reach / 2],
        dilations: [dilation, dilation], groupCount: groups)
    }
    let normalized = try b.value(
      LayerNormalization(axes: [1]), [x, weight([channels]), weight([channels])])
    let wide = try b.value(
      window(1), [normalized, weight([2 * hidden, channels, 1, 1]), weight([2 * hidden])])
    let local = try b.value(
      window(kernel, dilation: dilation, groups: 2 * hidden),
      [wide, weight([2 * hidden, 1, kernel, kernel])])
    let halves = try b.apply(Split(axis: 1, sizes: [hidden, hidden]), [local])
    let gate = try b.value(Binary(.multiply), [try b.value(Activation(.gelu), [halves[0]]), halves[1]])
    let narrow = try b.value(window(1), [gate, weight([channels, hidden, 1, 1])])
    let sum = try b.value(Binary(.add), [narrow, x])
    let scaled = try b.value(Binary(.multiply), [sum, weight([1, channels, 1, 1])])
    let dense = try b.value(
      window(kernel, dilation: dilation),
      [scaled, weight([channels, channels, kernel, kernel]), weight([channels])])
    let joined = try b.value(Concatenate(axis: 1), [try b.value(Unary(.relu), [dense]), sum])
    b.output(try b.value(window(1), [joined, weight([3, 2 * channels, 1, 1])]), name: "y")
    b.output(sum, name: "sum")
    b.output(halves[1], name: "half")
    return try b.finished()
  }

  package func input() -> Tensor {
    var generator = SeededGenerator(seed: 99)
    return generator.tensor([batch, channels, height, width])
  }
}
