import IRGraph
import IROperators
import IRTensor

/// A small random graph of the operators that rewriting cares about; the same for the same seed. All values
/// are `[1, C, H, W]` float32 with small even extents.
package struct RandomGraph: Sendable {
  package let graph: Graph
  package let feeds: [String: Tensor]

  /// `hasWindows`: attention in windows is among the steps.
  package init(seed: UInt64, nodeCount: Int = 24, hasWindows: Bool = false) throws(GraphError) {
    var generator = SeededGenerator(seed: seed)
    var builder = GraphBuilder(name: "random-\(seed)")
    let x = builder.input("x", TensorType(.float32, [1, 4, 4, 6]))
    var values = [x, try builder.value(Unary(.tanh), [x])]
    for _ in 0..<nodeCount {
      let from = values[Int.random(in: max(0, values.count - 5)..<values.count, using: &generator)]
      values.append(try Self.step(from, values, hasWindows ? 18 : 17, &builder, &generator))
    }
    for (index, value) in values.suffix(2).enumerated() { builder.output(value, name: "y\(index)") }
    graph = try builder.finished()
    feeds = ["x": generator.tensor([1, 4, 4, 6])]
  }

  private static func step(
    _ x: ValueID, _ values: [ValueID], _ kinds: Int, _ b: inout GraphBuilder,
    _ generator: inout SeededGenerator
  ) throws(GraphError) -> ValueID {
    let shape = b.shape(of: x)
    func scalar(_ value: Double, _ b: inout GraphBuilder) -> ValueID {
      b.constant(Tensor(TensorType(.float32, .scalar), doubles: [value]))
    }
    switch Int.random(in: 0..<kinds, using: &generator) {
    case 0:
      return try b.value(Unary([.sigmoid, .tanh, .abs, .neg].randomElement(using: &generator) ?? .neg), [x])
    case 1, 2:
      let others = values.filter { b.shape(of: $0) == shape }
      let function: BinaryFunction =
        [.add, .multiply, .subtract, .maximum].randomElement(using: &generator) ?? .add
      return try b.value(Binary(function), [x, others.randomElement(using: &generator) ?? x])
    case 3:
      let constant = b.constant(generator.tensor([shape[1], 1, 1]))
      return try b.value(Binary(Bool.random(using: &generator) ? .multiply : .add), [x, constant])
    case 4:
      let weight = b.constant(generator.tensor([4, shape[1], 1, 1], in: -0.5...0.5))
      let gain = try b.value(Unary(.sigmoid), [try b.value(Reduce(.mean, axes: [2, 3]), [x])])
      let scaled = try b.value(Binary(.multiply), [x, gain])
      let y = try b.value(Convolution.pointwise, [Bool.random(using: &generator) ? x : scaled, weight])
      guard Bool.random(using: &generator) else { return y }
      let statistics = [0.5, 0.1, 0.2, 1.0].map {
        b.constant(Tensor(TensorType(.float32, [4]), repeating: $0))
      }
      return try b.value(BatchNormalization(), [y] + statistics)
    case 5: return try normalized(x, &b, scalar(1e-5, &b))
    case 6:
      let erf = try b.value(Unary(.erf), [try b.value(Binary(.divide), [x, scalar(2.0.squareRoot(), &b)])])
      let sum = try b.value(Binary(.add), [erf, scalar(1, &b)])
      return try b.value(Binary(.multiply), [try b.value(Binary(.multiply), [x, sum]), scalar(0.5, &b)])
    case 7:
      let norm = try b.value(Binary(.maximum), [try b.value(Reduce(.l2, axes: [3]), [x]), scalar(1e-6, &b)])
      return try b.value(Binary(.divide), [x, try b.value(Expand(shape: shape), [norm])])
    case 8:
      let flat = try b.value(Reshape(shape: [1, shape[1], shape[2] * shape[3]]), [x])
      let moved = try b.value(Transpose(permutation: [0, 2, 1]), [flat])
      let normal = try b.value(LayerNormalization(axes: [2]), [moved])
      return try b.value(Reshape(shape: shape), [try b.value(Transpose(permutation: [0, 2, 1]), [normal])])
    case 9:
      let moved = try b.value(Transpose(permutation: [0, 1, 3, 2]), [x])
      let product = try b.value(MatrixMultiply(), [x, moved])
      return try b.value(MatrixMultiply(), [product, x])
    case 10:
      let split = try b.value(Reshape(shape: [1, shape[1], shape[2] / 2, 2, shape[3] / 2, 2]), [x])
      let moved = try b.value(Transpose(permutation: [0, 1, 3, 5, 2, 4]), [split])
      let deep = try b.value(Reshape(shape: [1, shape[1] * 4, shape[2] / 2, shape[3] / 2]), [moved])
      let shuffled = try b.value(DepthToSpace(blockSize: 2), [deep])
      return shape[2] % 4 == 0 ? try b.value(Binary(.add), [x, shuffled]) : shuffled
    case 11: return try transposedAttention(x, &b, &generator)
    case 15:
      let mean = try b.value(Reduce(Bool.random(using: &generator) ? .mean : .sum, axes: [2, 3]), [x])
      return try b.value(Binary(.multiply), [x, try b.value(Unary(.tanh), [mean])])
    case 17: return try WindowBlock(heads: shape[1] % 2 == 0 ? 2 : 1, side: 2).value(x, &b, &generator)
    case 12, 13:
      let isDepthwise = Bool.random(using: &generator)
      let weight = b.constant(
        generator.tensor([isDepthwise ? shape[1] : 4, isDepthwise ? 1 : shape[1], 3, 3], in: -0.5...0.5))
      let window = Convolution(padding: 1, groupCount: isDepthwise ? shape[1] : 1)
      return try b.value(window, [x, weight])
    case 14:
      let parts = try b.apply(Split(axis: 1, sizes: [shape[1] / 2, shape[1] / 2]), [x])
      let gate = try b.value(Binary(.multiply), [try b.value(Unary(.sigmoid), [parts[0]]), parts[1]])
      return try b.value(Concatenate(axis: 1), [gate, parts[0]])
    default:
      let parts = try b.apply(Split(axis: 1, sizes: [shape[1] / 2, shape[1] - shape[1] / 2]), [x])
      return try b.value(Concatenate(axis: 1), [parts[1], parts[0]])
    }
  }

  /// Attention between channels, two heads, with its projection and residual.
  private static func transposedAttention(
    _ x: ValueID, _ b: inout GraphBuilder, _ generator: inout SeededGenerator
  ) throws(GraphError) -> ValueID {
    let shape = b.shape(of: x)
    let flat: Shape = [1, 2, shape[1] / 2, shape[2] * shape[3]]
    func rows(_ b: inout GraphBuilder) throws(GraphError) -> ValueID {
      let picture = try b.value(Unary(.tanh), [x])
      return try b.value(Reshape(shape: flat), [picture])
    }
    let q = try b.value(L2Normalization(axis: 3), [try rows(&b)])
    let k = try b.value(L2Normalization(axis: 3, epsilon: 1e-6), [try b.value(Reshape(shape: flat), [x])])
    let weights = try b.value(Softmax(axis: 3), [try b.value(MatrixMultiply(transposesB: true), [q, k])])
    let product = try b.value(MatrixMultiply(), [weights, try b.value(Reshape(shape: flat), [x])])
    let projection = b.constant(generator.tensor([shape[1], shape[1], 1, 1], in: -0.5...0.5))
    let plain = Convolution()
    let y = try b.value(plain, [try b.value(Reshape(shape: shape), [product]), projection])
    return try b.value(Binary(.add), [x, y])
  }

  /// A layer normalization over channels as exporters decompose it.
  private static func normalized(_ x: ValueID, _ b: inout GraphBuilder, _ epsilon: ValueID) throws(GraphError)
    -> ValueID
  {
    let centred = try b.value(Binary(.subtract), [x, try b.value(Reduce(.mean, axes: [1]), [x])])
    let again = try b.value(Binary(.subtract), [x, try b.value(Reduce(.mean, axes: [1]), [x])])
    let variance = try b.value(Reduce(.mean, axes: [1]), [try b.value(Binary(.multiply), [again, again])])
    let root = try b.value(Unary(.sqrt), [try b.value(Binary(.add), [variance, epsilon])])
    return try b.value(Binary(.divide), [centred, root])
  }
}
