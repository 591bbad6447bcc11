import IRGraph
import IROperators
import IRTensor
import Testing

/// Convolutions of 3×3 wide enough for Winograd's form, one behind the other, rectified, with a slope and
/// with a residual, between pointwise steps; the second one's result is a result as well.
package struct ConvolutionChain: CustomTestStringConvertible, Sendable {
  package var batch, channels, height, width: Int

  package init(batch: Int = 1, channels: Int = 32, height: Int, width: Int) {
    (self.batch, self.channels, self.height, self.width) = (batch, channels, height, width)
  }

  package var testDescription: String { "\(batch)×\(channels) channels, \(height)×\(width)" }

  package func graph() throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: UInt64(height * 1000 + width))
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [batch, 3, height, width]))
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape, in: -0.2...0.2)) }
    let window = Convolution(padding: 1)
    func wide(_ input: ValueID) throws(GraphError) -> ValueID {
      try b.value(window, [input, weight([channels, channels, 3, 3]), weight([channels])])
    }
    let first = try b.value(Convolution.pointwise, [x, weight([channels, 3, 1, 1])])
    let second = try b.value(Unary(.relu), [try wide(first)])
    let third = try b.value(Activation(.leakyRelu, alpha: 0.2), [try wide(second)])
    let fourth = try b.value(Binary(.add), [try wide(third), first])
    b.output(second, name: "second")
    b.output(try b.value(window, [fourth, weight([3, channels, 3, 3])]), name: "y")
    return try b.finished()
  }

  package func input() -> Tensor {
    var generator = SeededGenerator(seed: 96)
    return generator.tensor([batch, 3, height, width])
  }
}
