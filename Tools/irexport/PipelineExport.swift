import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRDiffusion
import IRFiles
import IRGraph
import IRModels
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles

/// Writes UniRes in the layout of diffusers' ONNX pipelines: a folder for each part, and `model_index.json`
/// at last, so that a folder without it is not finished.
struct PipelineExport {
  let options: IRExport
  let export: Export

  init(options: IRExport) {
    self.options = options
    export = Export(options: options)
  }

  func run() throws {
    guard let output = options.output else { return }
    guard let path = options.weights.first else {
      throw ValidationError("unires needs --weights: diffusers' folder of a model, or one file of all parts")
    }
    var source = try PipelineSource(path, config: options.config, prediction: options.prediction)
    try source.prepare()
    export.note(source.notes)
    var updates = try options.lora.map { (file: $0, update: try LowRankUpdate($0.weights())) }

    var text = try matched(TextTower(source.text.configuration), source.text.weights)
    try merge(
      &updates, into: &text, ["text_encoder.text_model", "text_encoder", "lora_te_text_model", "lora_te"])
    let prompts = try embeddings(source, text)
    (text, source.text.weights) = ([:], [])

    try createFolder(output)
    try? FileManager.default.removeItem(atPath: "\(output)/model_index.json")
    let encoder = AutoencoderEncoder(source.autoencoder.configuration)
    try write(encoder, try matched(encoder, source.autoencoder.weights), output)
    let decoder = AutoencoderDecoder(source.autoencoder.configuration)
    try write(decoder, try matched(decoder, source.autoencoder.weights), output)

    try writeSmallDecoder(output, latentChannels: source.autoencoder.configuration.latentChannels)

    let network = DenoisingUNet(source.unet.configuration, prompts: prompts)
    var unet = try matched(network, source.unet.weights)
    // They are gigabytes: only one form of them is kept.
    source.unet.weights = []
    try merge(&updates, into: &unet, ["unet", "lora_unet"])
    for (file, update) in updates {
      guard update.unused.isEmpty else {
        throw ModelError.configuration(
          "\(file.path) changes \(update.unused.count) modules that the model does not have: "
            + update.unused.prefix(8).joined(separator: ", "))
      }
      export.note(["\(file.path) changes \(update.mergedCount) modules, at \(file.strength)"])
    }
    try write(network, unet, output)
    try writeJSON(source.scheduler, to: "\(output)/scheduler/scheduler_config.json")
    try writeJSON(index(source), to: "\(output)/model_index.json")
    Terminal.say(
      "\(output): UniRes of \(source.unet.configuration.inputChannels) channels, prompts as constants")
  }

  /// TAESD's decoder, where its weights are given; one of an earlier export is removed.
  private func writeSmallDecoder(_ output: String, latentChannels: Int) throws {
    try? FileManager.default.removeItem(atPath: "\(output)/\(TinyAutoencoderDecoder.name)")
    guard let file = options.taesd else { return }
    let configuration = TinyAutoencoderConfiguration()
    guard configuration.latentChannels == latentChannels else {
      throw ModelError.configuration(
        "TAESD decodes \(configuration.latentChannels) channels, the latents have \(latentChannels)")
    }
    let decoder = TinyAutoencoderDecoder(configuration)
    let weights = try TensorFile.readWeights(file).map { (name: $0.name, tensor: $0.tensor) }
    try write(decoder, try matched(decoder, weights), output)
  }

  private func matched(_ network: some PartNetwork, _ file: [NamedWeight]) throws -> [String: Tensor] {
    let match = try network.match([file])
    export.note(match.notes.map { "\(type(of: network).name): \($0)" })
    return match.weights
  }

  private func merge(
    _ updates: inout [(file: LowRankFile, update: LowRankUpdate)], into weights: inout [String: Tensor],
    _ prefixes: [String]
  ) throws {
    for index in updates.indices {
      try updates[index].update.merge(
        into: &weights, prefixes: prefixes, strength: updates[index].file.strength)
    }
  }

  /// The prompts' embeddings by the text tower, `[5, 77, D]`.
  private func embeddings(_ source: PipelineSource, _ weights: [String: Tensor]) throws -> Tensor {
    let tower = TextTower(source.text.configuration)
    let tokens = TaskPrompts.tokens(count: source.text.configuration.tokenCount, padding: source.padding)
    let ids = Tensor(tokens.flatMap { $0 }, shape: [tokens.count, source.text.configuration.tokenCount])
    let program = try Compiler().compile(try tower.graph(weights: weights, shape: ids.shape))
    guard let states = try Session(program).run(["input_ids": ids])["last_hidden_state"] else {
      throw ModelError.configuration("the text tower has no last_hidden_state")
    }
    guard states.doubles.allSatisfy(\.isFinite) else {
      throw ModelError.configuration("the text tower's states are not finite: its weights are damaged")
    }
    return states
  }

  private func write<N: PartNetwork>(_ network: N, _ weights: [String: Tensor], _ output: String) throws {
    let whole = try network.graph(weights: weights, shape: network.sampleShape)
    var graph = try Rewriter().reduced(whole)
    graph.metadata = [
      "network": N.name, "pipeline": "unires", "config": try text(of: network.configuration),
      "title": "UniRes' \(N.name)", "paper": "arXiv 2506.05599 (reconstruction)",
    ]
    let folder = "\(output)/\(N.name)"
    try createFolder(folder)
    // The first operator set whose group normalization is one operator.
    let model = try ONNXModel(graph, opset: options.opset ?? 21, openSizes: network.openSizes)
    let path = "\(folder)/model.onnx"
    try export.write(
      model, to: path, "\(graph.parameterCount) parameters, \(graph.nodeCount) nodes")
    try writeJSON(network.configuration, to: "\(folder)/config.json")
    let written = try ModelSource(path)
    try export.verify { round in
      var types: [String: TensorType] = [:]
      var sizes: [String: Int] = [:]
      for id in graph.inputs {
        var type = graph[id].type
        for (axis, symbol) in network.openSizes[graph[id].name] ?? [:] {
          if symbol == "N" {
            type.shape[axis] = 1 + round % 2
          } else {
            type.shape[axis] += 8 * axis * (round - 1)
          }
          sizes[symbol] = type.shape[axis]
        }
        types[graph[id].name] = type
      }
      return [
        ("graph", try whole.rebound(to: types)), ("file", try written.graph(ONNXBinding(dimensions: sizes))),
      ]
    }
  }

  private func index(_ source: PipelineSource) -> PipelineIndex {
    let factor = source.autoencoder.configuration.scalingFactor
    return PipelineIndex(
      scheduler: source.scheduler.className, scalingFactor: factor,
      conditionFactor: options.unscaledCondition ? 1 : factor)
  }

  private func text(of value: some Encodable) throws -> String {
    try JSONText.text(value)
  }

  private func writeJSON(_ value: some Encodable, to path: String) throws {
    try createFolder(FilePath(path).folder.text)
    do {
      let file = try AtomicFile(replacing: FilePath(path))
      try file.write(Array(try JSONText.text(value, isPretty: true).utf8) + [10])
      try file.synchronize()
      try file.replace()
    } catch let error as FileError { throw TensorFileError.file(path: error.path, reason: error.reason) }
  }

  private func createFolder(_ path: String) throws {
    guard !path.isEmpty else { return }
    do { try Folder.make(FilePath(path)) } catch {
      throw TensorFileError.file(path: error.path, reason: error.reason)
    }
  }
}

/// A file of low-rank updates and how strongly they count: `FILE` or `FILE:0.8`.
struct LowRankFile: ExpressibleByArgument {
  var path: String
  var strength = 1.0

  init?(argument: String) {
    path = argument
    guard let colon = argument.lastIndex(of: ":"),
      let strength = Double(argument[argument.index(after: colon)...])
    else { return }
    guard strength.magnitude <= 100 else { return nil }
    path = String(argument[..<colon])
    self.strength = strength
  }

  func weights() throws -> [NamedWeight] {
    try TensorFile.readWeights(path).map { (name: $0.name, tensor: $0.tensor) }
  }
}
