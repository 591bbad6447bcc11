import IRGraph
import IROperators
import IRTensor

/// A UNet of two levels, a normalised gated step on each, pictures of 8 channels.
package enum SkipNetwork {
  package static func sample() throws(GraphError) -> (graph: Graph, input: Tensor) {
    var generator = SeededGenerator(seed: 21)
    var b = GraphBuilder()
    let shape: Shape = [1, 8, 128, 192]
    let x = b.input("x", TensorType(.float32, shape))
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape, in: -0.3...0.3)) }
    func step(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
      let count = b.shape(of: x)[1]
      let window = Convolution(padding: 1, groupCount: 2 * count)
      let normal = try b.value(LayerNormalization(axes: [1]), [x])
      let wide = try b.value(Convolution.pointwise, [normal, weight([2 * count, count, 1, 1])])
      let halves = try b.apply(
        Split(axis: 1, sizes: [count, count]), [try b.value(window, [wide, weight([2 * count, 1, 3, 3])])])
      let gate = try b.value(Binary(.multiply), [try b.value(Unary(.sigmoid), [halves[0]]), halves[1]])
      let mean = try b.value(Reduce(.mean, axes: [2, 3]), [gate])
      let scaled = try b.value(Binary(.multiply), [gate, mean])
      let narrow = try b.value(Convolution.pointwise, [scaled, weight([count, count, 1, 1])], name: name)
      return try b.value(Binary(.add), [narrow, x])
    }
    let down = Convolution(stride: 2)
    let skip = try step(try step(x, "first"), "skip")
    var middle = try b.value(down, [skip, weight([48, 8, 2, 2])])
    for index in 0..<2 { middle = try step(middle, "middle\(index)") }
    let wide = try b.value(Convolution.pointwise, [middle, weight([32, 48, 1, 1])])
    let up = try b.value(Binary(.add), [try b.value(DepthToSpace(blockSize: 2), [wide]), skip], name: "up")
    b.output(try step(up, "last"), name: "y")
    return (try b.finished(), generator.tensor(shape))
  }
}
