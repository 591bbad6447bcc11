import IRGraph
import IROperators
import IRTensor
import Testing

/// Attention between channels, as in Restormer: what is multiplied and measured over all pixels comes from
/// windows. One of the three wide pictures is a result as well.
package struct TransposedAttention: CustomTestStringConvertible, Sendable {
  package var batch, heads, size, height, width: Int

  /// `size` channels in each of `heads` heads.
  package init(batch: Int = 1, heads: Int, size: Int, height: Int, width: Int) {
    (self.batch, self.heads, self.size, self.height, self.width) = (batch, heads, size, height, width)
  }

  package var testDescription: String { "\(batch)×\(heads) heads of \(size), \(height)×\(width)" }

  package func graph() throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: UInt64(height * 1000 + width))
    let channels = heads * size
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, [batch, channels, height, width]))
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape)) }
    let normalized = try b.value(
      LayerNormalization(axes: [1]), [x, weight([channels]), weight([channels])])
    let wide = try b.convolution(normalized, weight: weight([3 * channels, channels, 1, 1]))
    let local = try b.convolution(
      wide, weight: weight([3 * channels, 1, 3, 3]), bias: weight([3 * channels]), padding: 1,
      groupCount: 3 * channels)
    let parts = try b.apply(Split(axis: 1, sizes: [channels, channels, channels]), [local])
    var rows: [ValueID] = []
    for part in parts {
      rows.append(try b.value(Reshape(shape: [batch, heads, size, height * width]), [part]))
    }
    let q = try b.value(L2Normalization(axis: 3, epsilon: 1e-12), [rows[0]])
    let k = try b.value(L2Normalization(axis: 3, epsilon: 1e-12), [rows[1]])
    let scores = try b.value(MatrixMultiply(transposesB: true), [q, k])
    let scaled = try b.value(Binary(.multiply), [scores, weight([heads, 1, 1])])
    let mixed = try b.value(MatrixMultiply(), [try b.value(Softmax(axis: 3), [scaled]), rows[2]])
    let picture = try b.value(Reshape(shape: [batch, channels, height, width]), [mixed])
    let narrow = try b.convolution(picture, weight: weight([channels, channels, 1, 1]))
    b.output(try b.value(Binary(.add), [narrow, x]), name: "y")
    b.output(parts[1], name: "k")
    return try b.finished()
  }

  package func input() -> Tensor {
    var generator = SeededGenerator(seed: 99)
    return generator.tensor([batch, heads * size, height, width])
  }
}
