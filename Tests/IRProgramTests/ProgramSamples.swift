import IRAutodiff
import IRCompiler
import IRGraph
import IROperators
import IRTensor
import IRTestSupport

/// A network whose program is kept as text.
struct ProgramSample: Sendable {
  var name: String
  /// Memory that the program may take, and whether feature maps may be float16 for it.
  var memoryByteCount: Int?
  var allowsFloat16Storage = false
  var hasNearSharedCache = false
  var threadCount = 2
  var precision = Precision.float32
  var graph: @Sendable () throws -> Graph

  init(
    _ name: String, memoryByteCount: Int? = nil, allowsFloat16Storage: Bool = false,
    hasNearSharedCache: Bool = false, threadCount: Int = 2, precision: Precision = .float32,
    _ graph: @escaping @Sendable () throws -> Graph
  ) {
    self.name = name
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
    self.hasNearSharedCache = hasNearSharedCache
    self.threadCount = threadCount
    self.precision = precision
    self.graph = graph
  }

  static let all: [ProgramSample] =
    [
      ProgramSample("gated-block") {
        try GatedBlock(batch: 2, channels: 9, hidden: 13, height: 40, width: 70).graph()
      },
      ProgramSample("gated-block-near-cache", hasNearSharedCache: true, threadCount: 3) {
        try GatedBlock(channels: 24, hidden: 31, height: 200, width: 330).graph()
      },
      ProgramSample("gated-block-bfloat16", precision: .bfloat16) {
        try GatedBlock(channels: 24, hidden: 31, height: 40, width: 70).graph()
      },
      ProgramSample("dilated-block") {
        try GatedBlock(height: 65, width: 48, kernel: 3, dilation: 2).graph()
      },
      ProgramSample("gated-block-winograd") {
        try GatedBlock(channels: 32, hidden: 20, height: 37, width: 43).graph()
      },
      ProgramSample("gated-block-winograd-bfloat16", precision: .bfloat16) {
        try GatedBlock(channels: 32, hidden: 20, height: 37, width: 43).graph()
      },
      ProgramSample("channel-attention-bfloat16", precision: .bfloat16) {
        try ChannelAttention(batch: 2, channels: 18, height: 70, width: 33).graph()
      },
      ProgramSample("winograd-chain") { try ConvolutionChain(height: 90, width: 133).graph() },
      ProgramSample("transposed-attention") {
        try TransposedAttention(heads: 2, size: 20, height: 33, width: 70).graph()
      },
      ProgramSample("transposed-attention-recomputed", memoryByteCount: 1) {
        try TransposedAttention(heads: 3, size: 5, height: 80, width: 144).graph()
      },
      ProgramSample("window-attention") {
        try onePicture([1, 12, 24, 16]) { (b, x, generator) throws(GraphError) in
          try WindowBlock(heads: 3, side: 8, shift: 4, hasMask: true).value(x, &b, &generator)
        }
      },
      ProgramSample("window-attention-pytorch") {
        try onePicture([1, 8, 8, 12]) { (b, x, generator) throws(GraphError) in
          try WindowBlock(heads: 2, side: 4, isPyTorch: true).value(x, &b, &generator)
        }
      },
      ProgramSample("channel-attention") {
        try ChannelAttention(batch: 2, channels: 18, height: 70, width: 33).graph()
      },
      ProgramSample("blocks") {
        try BlockLevel(channels: 6, side: 2, height: 32, width: 70, mode: .depthColumnRow, hasWindow: true)
          .graph()
      },
      ProgramSample("blocks-float16") {
        try BlockLevel(batch: 2, channels: 3, side: 2, height: 40, width: 16, isHalf: true).graph()
      },
      ProgramSample("skips") { try SkipNetwork.sample().graph },
      ProgramSample("skips-float16", memoryByteCount: 1, allowsFloat16Storage: true) {
        try SkipNetwork.sample().graph
      },
      ProgramSample("dense-block") { try denseBlock() },
      ProgramSample("grouped-convolutions") { try groupedBlock() },
      ProgramSample("training") { try trainingStep() },
    ]
    + (0..<12).map { seed in
      ProgramSample("random-\(seed)") { try RandomGraph(seed: seed, hasWindows: seed % 2 == 1).graph }
    }

  private static func onePicture(
    _ shape: Shape,
    _ body: (inout GraphBuilder, ValueID, inout SeededGenerator) throws(GraphError) -> ValueID
  ) throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: 3)
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, shape))
    b.output(try body(&b, x, &generator), name: "y")
    return try b.finished()
  }

  /// Convolutions that read all before them, as RRDB has them: rectified with a slope, concatenated where
  /// they lie.
  private static func denseBlock() throws(GraphError) -> Graph {
    try onePicture([1, 32, 60, 92]) { (b, x, generator) throws(GraphError) in
      var values = [x]
      for index in 0..<4 {
        let joined = values.count == 1 ? x : try b.value(Concatenate(axis: 1), values)
        let channels = b.shape(of: joined)[1]
        let weight = b.constant(generator.tensor([32, channels, 3, 3], in: -0.1...0.1))
        let next = try b.value(window(), [joined, weight, b.constant(generator.tensor([32]))])
        values.append(index < 3 ? try b.value(Activation(.leakyRelu, alpha: 0.2), [next]) : next)
      }
      return try b.value(Binary(.add), [values[4], x])
    }
  }

  /// Windows of several groups, of more channels than vectors have rows and of fewer, with bias, residual and
  /// relu.
  private static func groupedBlock() throws(GraphError) -> Graph {
    try onePicture([2, 12, 21, 35]) { (b, x, generator) throws(GraphError) in
      func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape, in: -0.3...0.3)) }
      let wide = try b.value(Convolution.pointwise, [x, weight([44, 12, 1, 1])])
      let first = try b.value(window(groups: 4), [wide, weight([24, 11, 3, 3]), weight([24])])
      let second = try b.value(
        window(groups: 2), [try b.value(Unary(.relu), [first]), weight([12, 12, 3, 3])])
      let third = try b.value(
        Convolution(groupCount: 3),
        [try b.value(Binary(.add), [second, x]), weight([33, 4, 1, 1])])
      return try b.value(Unary(.tanh), [third])
    }
  }

  /// A small network, its mean absolute error and the gradients of its weights.
  private static func trainingStep() throws -> Graph {
    let shape: Shape = [2, 8, 24, 36]
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, shape))
    let target = b.input("target", TensorType(.float32, shape))
    let weights = [[16, 8, 1, 1], [16, 1, 3, 3], [8, 16, 1, 1], [8, 8, 3, 3]].enumerated().map {
      b.input("weight\($0)", TensorType(.float32, Shape($1)))
    }
    let normal = try b.value(LayerNormalization(axes: [1]), [x])
    let wide = try b.value(Convolution.pointwise, [normal, weights[0]])
    let local = try b.value(window(groups: 16), [wide, weights[1]])
    let narrow = try b.value(Convolution.pointwise, [try b.value(Unary(.relu), [local]), weights[2]])
    let y = try b.value(Binary(.add), [try b.value(window(), [narrow, weights[3]]), x])
    let error = try b.value(Unary(.abs), [try b.value(Binary(.subtract), [y, target])])
    let loss = try b.value(Reduce(.mean, axes: [0, 1, 2, 3], keepsAxes: false), [error])
    b.output(loss, name: "loss")
    let (graph, gradients) = try b.finished().gradients(of: loss, withRespectTo: weights)
    var larger = GraphBuilder(extending: graph)
    for (index, gradient) in gradients.enumerated() {
      if let gradient { larger.output(gradient, name: "gradient\(index)") }
    }
    return try larger.finished()
  }

  private static func window(groups: Int = 1) -> Convolution {
    Convolution(padding: 1, groupCount: groups)
  }
}
