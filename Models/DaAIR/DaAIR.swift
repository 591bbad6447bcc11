import IRGraph
import IROperators
import IRTensor

/// DaAIR (Zamfir et al., 2024): a small U of Restormer's blocks, in front of whose attention a router sends
/// each picture to the expert of its degradation.
///
/// The paper came without code; what it leaves open is settled in the folder's README.
package struct DaAIR: RestorationNetwork {
  package static let name = "daair"
  package static let card = NetworkCard(
    title: "DaAIR", paper: "Zamfir et al., 2024, arXiv 2405.15475 (a reconstruction: no code was published)",
    task: "noise, rain, haze (and motion blur, low light), blind, with the network's opinion of which",
    licence: "no weights published", trainingData: "BSD400, WED, Rain100L, OTS (and GoPro, LOLv1)",
    published: "of the authors' own: 3 tasks 32.51 dB PSNR, 0.913 SSIM; 5 tasks 30.24 dB, 0.910")
  package static let presets = [
    ("3-task", DaAIRConfiguration()),
    ("5-task", DaAIRConfiguration(tasks: ["noise", "rain", "haze", "blur", "low light"])),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: DaAIRConfiguration
  package var taskNames: [String] { configuration.tasks }

  package init(_ configuration: DaAIRConfiguration) { self.configuration = configuration }

  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    try configuration.verify()
    let c = configuration
    var router = Router(tasks: c.tasks.count)
    if c.takesTask {
      router.task = b.input("task", TensorType(.int64, [b.shape(of: image)[0]]))
    }
    let padded = try b.padded(image, toMultipleOf: 8, .reflect)
    let shallow = try b.convolution(padded, "patch_embed.proj", to: c.dim, kernel: 3, bias: false)
    var x = shallow
    var skips: [ValueID] = []
    for level in 0..<3 {
      x = try encoderBlocks(x, "enc.\(level).0.layers", level, &router, &b)
      skips.append(x)
      x = try b.halved(x, "enc.\(level).1")
    }
    x = try encoderBlocks(x, "latent.layers", 3, &router, &b)
    for (index, level) in [2, 1, 0].enumerated() {
      x = try b.concatenation(try b.doubled(x, "dec.\(index).0"), skips[level], "dec.\(index).cat")
      x = try b.pointwise(x, "dec.\(index).1", to: c.dim << level, bias: false)
      for block in 0..<c.decoderBlocks[level] {
        x = try decoderBlock(x, "dec.\(index).2.layers.\(block)", level, &router, &b)
      }
    }
    x = try b.blocks(x, "refinement.layers", count: c.refinement, c.block(0))
    x = try b.convolution(try b.sum(x, shallow, "shallow"), "output", to: 3, kernel: 3, bias: false)
    if c.imageResidual { x = try b.sum(x, padded, "sum") }
    if c.givesRouting, !router.opinions.isEmpty {
      b.output(try b.stacked(router.opinions, "routing"), name: "routing")
    }
    return try b.cropped(x, like: image)
  }

  private func encoderBlocks(
    _ x: ValueID, _ name: String, _ level: Int, _ router: inout Router, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    var x = x
    for index in 0..<configuration.blocks[level] {
      let name = "\(name).\(index)"
      let normal = try b.channelNormalization(x, "\(name).norms.0.body")
      let learned = try degradationAware(normal, "\(name).dale", &router, &b)
      let mixed = try b.transposedAttention(
        learned, "\(name).mixer", heads: configuration.heads[level], bias: false)
      x = try b.withFeedForward(try b.sum(x, mixed, "\(name).sum1"), name, configuration.block(level))
    }
    return x
  }

  /// As the encoder's, but keys come of the controller, an expert that follows the encoder's agnostic one.
  private func decoderBlock(
    _ x: ValueID, _ name: String, _ level: Int, _ router: inout Router, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let normal = try b.channelNormalization(x, "\(name).norms.0.body")
    let learned = try degradationAware(normal, "\(name).dale", &router, &b)
    let control = try expert(normal, "\(name).dale.controller", &b)
    let count = b.channels(x)
    let mixer = "\(name).mixer"
    let wide = try b.pointwise(learned, "\(mixer).qv", to: 2 * count, bias: false)
    let parts = try b.chunks(try b.depthwise(wide, "\(mixer).qv_dwconv", bias: false), 2, "\(mixer).split")
    let key = try b.depthwise(
      try b.pointwise(control, "\(mixer).k", to: count, bias: false), "\(mixer).k_dwconv", bias: false)
    let mixed = try b.channelAttention(
      query: parts[0], key: key, value: parts[1], mixer, heads: configuration.heads[level])
    let y = try b.sum(
      x, try b.pointwise(mixed, "\(mixer).project_out", to: count, bias: false), "\(name).sum1")
    return try b.withFeedForward(y, name, configuration.block(level))
  }

  /// The degradation-aware learner: x + up(expert(x) · agnostic(x)), the expert chosen by the router.
  private func degradationAware(
    _ x: ValueID, _ name: String, _ router: inout Router, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let chosen = try router.choice(x, "\(name).router", &b)
    let special =
      configuration.computesAllExperts
      ? try everyExpert(x, chosen, name, &b) : try chosenExpert(x, chosen, name, &b)
    let both = try b.product(special, try expert(x, "\(name).agnostic", &b), "\(name).modulated")
    return try b.sum(x, try b.pointwise(both, "\(name).up", to: b.channels(x), bias: false), "\(name).sum")
  }
}

/// Routers of a network: each has an opinion, and a task that is given overrules it.
struct Router {
  let tasks: Int
  /// The input that says the task; negative numbers leave it to the router.
  var task: ValueID?
  /// Softmax of the logits, `[N, tasks]` of each learner in order.
  var opinions: [ValueID] = []

  init(tasks: Int) { self.tasks = tasks }

  /// The expert's index, `[N]` int64.
  mutating func choice(
    _ x: ValueID, _ name: String, _ b: inout NetworkBuilder
  ) throws(GraphError) -> ValueID {
    let mean = try b.apply(Reduce(.mean, axes: [2, 3], keepsAxes: false), x, name: "\(name).mean")
    let logits = try b.linear(mean, name, to: tasks, bias: false)
    opinions.append(try b.apply(Softmax(axis: 1), logits, name: "\(name).opinion"))
    let best = try b.apply(
      ArgExtreme(findsMaximum: true, axis: 1, keepsAxis: false), logits, name: "\(name).best")
    guard let task else { return best }
    let zero = b.integers([0], "\(name).zero")
    let isFree = try b.apply(Binary(.less), task, zero, name: "\(name).isFree")
    return try b.apply(Select(), isFree, best, task, name: "\(name).chosen")
  }
}
