import IRGraph
import IROperators
import IRTensor
import Testing

/// A gated step with channel attention, as in NAFNet: the gate's means over all pixels scale its channels.
/// The gate is a result as well, and so are the sums of a part of what it is made of.
package struct ChannelAttention: CustomTestStringConvertible, Sendable {
  package var batch, channels, height, width: Int

  package init(batch: Int = 1, channels: Int, height: Int, width: Int) {
    (self.batch, self.channels, self.height, self.width) = (batch, channels, height, width)
  }

  package var testDescription: String { "\(batch)×\(channels) channels, \(height)×\(width)" }

  package func graph() throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: UInt64(height * 1000 + width))
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [batch, channels, height, width]))
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape, in: -0.5...0.5)) }
    let window = Convolution(padding: 1, groupCount: 2 * channels)
    let wide = try b.value(Convolution.pointwise, [x, weight([2 * channels, channels, 1, 1])])
    let local = try b.value(window, [wide, weight([2 * channels, 1, 3, 3])])
    let halves = try b.apply(Split(axis: 1, sizes: [channels, channels]), [local])
    let gate = try b.value(Binary(.multiply), halves)
    let mean = try b.value(Reduce(.mean, axes: [2, 3]), [gate])
    let gain = try b.value(Convolution.pointwise, [mean, weight([channels, channels, 1, 1])])
    let scaled = try b.value(Binary(.multiply), [gate, gain])
    let narrow = try b.value(Convolution.pointwise, [scaled, weight([channels, channels, 1, 1])])
    b.output(try b.value(Binary(.add), [narrow, x]), name: "y")
    b.output(gate, name: "gate")
    b.output(mean, name: "mean")
    b.output(try b.value(Reduce(.sum, axes: [3, 2], keepsAxes: false), [halves[1]]), name: "sum")
    return try b.finished()
  }

  package func input() -> Tensor {
    var generator = SeededGenerator(seed: 97)
    return generator.tensor([batch, channels, height, width])
  }
}
