import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRFiles
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// One run of `irexport`.
struct Export {
  let options: IRExport
  /// A pipeline's weights of more bytes lie beside its model.
  private static let mappedByteCount = 64 << 20

  func run() throws {
    if options.isPipeline {
      try PipelineExport(options: options).run()
    } else if options.darktable {
      try DarktableExport(options: options).run()
    } else if options.isFile {
      try rewrite()
    } else {
      try freeze()
    }
  }

  private func freeze() throws {
    var source = try NetworkSource(options.source, config: options.config)
    if options.card { Terminal.say(try source.card()) }
    guard let output = options.output else { return }
    let sides = source.sides(options.size)
    let frozen = try source.freeze(
      weights: options.weights, fresh: options.fresh, seed: options.seed,
      shape: [options.batch, source.network.channelCount, sides.height, sides.width],
      isReproducible: options.reproducible)
    note(frozen.notes)
    var graph = try Rewriter().reduced(frozen.graph)
    graph.metadata = frozen.graph.metadata.merging(given) { $1 }
    let open: [String: [Int: String]] = options.size == .dynamic ? ["image": [2: "H", 3: "W"]] : [:]
    let model = try ONNXModel(graph, opset: options.opset ?? 18, openSizes: open)
    try write(model, to: output, source.summary(frozen.graph))
    let written = try ModelSource(output)
    try verify { round in
      let image = graph.inputs.first { graph[$0].name == "image" }
      guard let image else { return [] }
      var type = graph[image].type
      if options.size == .dynamic {
        // Odd sides where the network pads, else odd multiples of what it takes.
        let multiple = source.network.multiple
        type.shape[2] = multiple == 1 ? 33 + 4 * round : multiple * (3 + 2 * round)
        type.shape[3] = multiple == 1 ? 47 + 2 * round : multiple * (5 + 2 * round)
      }
      let binding = ONNXBinding(dimensions: ["H": type.shape[2], "W": type.shape[3]])
      return [
        ("graph", try frozen.graph.rebound(to: ["image": type])), ("file", try written.graph(binding)),
      ]
    }
  }

  private func rewrite() throws {
    guard let output = options.output else { return }
    let source = try ModelSource(options.source)
    var (model, notes) = try source.rewritten(options.size, opset: options.opset)
    note(notes)
    for (key, value) in given.sorted(by: { $0.key < $1.key }) {
      model.metadata.removeAll { $0.key == key }
      model.metadata.append(ONNXProperty(key, value))
    }
    try write(model, to: output, "\(source.path), \(model.graph.nodes.count) nodes")
    let written = try ModelSource(output)
    try verify { round in
      let binding = source.binding(options.size, factor: options.size == .dynamic ? round : 1)
      return [("original", try source.graph(binding)), ("file", try written.graph(binding))]
    }
  }

  var given: [String: String] {
    let pairs = options.meta.map {
      $0.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    }
    return Dictionary(pairs.map { ($0[0], $0[1]) }, uniquingKeysWith: { $1 })
  }

  func note(_ notes: [String]) {
    for note in notes { Terminal.warn(note) }
  }

  func write(_ model: ONNXModel, to output: String, _ summary: String) throws {
    var model = model
    var halved = ""
    if options.halfWeights {
      let count: Int
      (model, count) = model.storingHalfWeights()
      halved = ", \(count) weights in half precision"
    }
    // Runs map large weights of pipelines from a file of their own.
    let isLarge = options.isPipeline && model.weightByteCount > Self.mappedByteCount
    try model.write(to: output, options: .init(isExternal: options.external || isLarge))
    let size = FilePath(output).byteCount.map { $0 + (FilePath(output + ".data").byteCount ?? 0) }
    let bytes = size.map { ", \($0) bytes" } ?? ""
    Terminal.say("\(output): \(summary), operator set \(model.opset)\(halved)\(bytes)")
  }

  /// Runs the graphs that `make` gives for each round, the first being the truth.
  func verify(_ make: (Int) throws -> [(name: String, graph: Graph)]) throws {
    guard options.verify > 0 else { return }
    var verification = Verification(
      tolerance: options.halfWeights ? 2e-2 : 1e-4, threadCount: options.threads.count)
    for round in 1...options.verify {
      try verification.compare(make(round), round: round, of: options.verify)
    }
    guard verification.isFine else {
      note(["the largest difference, \(verification.worst) of the range, is over \(verification.tolerance)"])
      throw ExitCode.differs
    }
  }
}
