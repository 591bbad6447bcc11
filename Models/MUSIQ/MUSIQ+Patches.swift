import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// The picture, with zeros around it up to whole patches, cut into them, row by row: `[rows · columns, 3,
  /// 32, 32]`.
  mutating func musiqPatches(
    _ x: ValueID, _ name: String
  ) throws(GraphError) -> (patches: ValueID, rows: Int, columns: Int) {
    let side = MUSIQ.patchSide
    let shape = shape(of: x)
    let rests = [2, 3].map { (side - shape[$0] % side) % side }
    let pad = Pad(before: [0, 0] + rests.map { $0 / 2 }, after: [0, 0] + rests.map { $0 - $0 / 2 })
    let padded = try apply(pad, x, name: "\(name).padded")
    let (rows, columns) = ((shape[2] + rests[0]) / side, (shape[3] + rests[1]) / side)
    let cut = try apply(
      Reshape(shape: [3, rows, side, columns, side]), padded, name: "\(name).cut")
    let moved = try apply(Transpose(permutation: [1, 3, 0, 2, 4]), cut, name: "\(name).moved")
    let patches = try apply(
      Reshape(shape: [rows * columns, 3, side, side]), moved, name: "\(name).patches")
    return (patches, rows, columns)
  }

  /// Every patch to one token `[T, width]`: the root and one bottleneck of a ResNet of standardized
  /// convolutions.
  mutating func musiqPatchNetwork(_ patches: ValueID, to width: Int) throws(GraphError) -> ValueID {
    let epsilon: Float = 1e-4
    func normalized(
      _ x: ValueID, _ name: String, _ b: inout NetworkBuilder
    ) throws(GraphError) -> ValueID {
      try b.groupNormalization(x, name, groups: 32, epsilon: epsilon)
    }
    var x = try standardized(patches, "conv_root", to: 64, kernel: 7, stride: 2, pads: (2, 3))
    x = try groupNormalization(x, "gn_root", groups: 32, epsilon: 1e-6)
    x = try apply(Unary(.relu), x, name: "root.relu")
    let window = PoolingWindow(
      kernel: [3, 3], strides: [2, 2], dilations: [1, 1], padsBefore: [0, 0], padsAfter: [1, 1])
    x = try apply(MaxPool(window: window), x, name: "root.pool")
    let root = x
    for (index, size) in [(1, 64), (2, 64)] {
      let kernel = index == 2 ? 3 : 1
      x = try standardized(
        x, "block1.conv\(index)", to: size, kernel: kernel, pads: (kernel / 2, kernel / 2))
      x = try apply(
        Unary(.relu), try normalized(x, "block1.gn\(index)", &self), name: "block1.relu\(index)")
    }
    x = try normalized(
      try standardized(x, "block1.conv3", to: 256, kernel: 1, pads: (0, 0)), "block1.gn3", &self)
    let skip = try standardized(root, "block1.conv_proj", to: 256, kernel: 1, pads: (0, 0))
    let sum = try sum(x, try normalized(skip, "block1.gn_proj", &self), "block1.sum")
    x = try apply(Unary(.relu), sum, name: "block1")
    // Channels last, as the original flattens.
    let moved = try apply(Transpose(permutation: [0, 2, 3, 1]), x, name: "flat.moved")
    let count = shape(of: x)
    let flat = try apply(
      Reshape(shape: [count[0], count[1] * count[2] * count[3]]), moved, name: "flat")
    return try linear(flat, "embedding", to: width, bias: true)
  }

  /// A convolution whose weights are standardized for each channel of the result: minus their mean, over the
  /// root of their unbiased variance + 1e-5.
  private mutating func standardized(
    _ x: ValueID, _ name: String, to count: Int, kernel: Int, stride: Int = 1, pads: (before: Int, after: Int)
  ) throws(GraphError) -> ValueID {
    let size = channels(x) * kernel * kernel
    let weight = try parameter("\(name).weight", [count, channels(x), kernel, kernel], .fanIn(size))
    let mean = try apply(Reduce(.mean, axes: [1, 2, 3]), weight, name: "\(name).mean")
    let centred = try apply(Binary(.subtract), weight, mean, name: "\(name).centred")
    let square = try product(centred, centred, "\(name).square")
    let spread = try apply(Reduce(.sum, axes: [1, 2, 3]), square, name: "\(name).spread")
    let divisor = constant([Float(max(size - 1, 1))], [1], "\(name).count")
    let variance = try apply(Binary(.divide), spread, divisor, name: "\(name).variance")
    let deviation = try apply(Unary(.sqrt), variance, name: "\(name).deviation")
    let shifted = try apply(
      Activation(.affine, alpha: 1, beta: 1e-5), deviation, name: "\(name).shifted")
    let standard = try apply(Binary(.divide), centred, shifted, name: "\(name).standard")
    let convolution = Convolution(
      strides: [stride, stride], padsBefore: [pads.before, pads.before],
      padsAfter: [pads.after, pads.after], dilations: [1, 1])
    return try apply(convolution, x, standard, name: name)
  }
}
