import Foundation
import IRDiffusion
import IRFiles
import IRGraph
import IRModels
import IRONNX
import IRRuntime
import IRTensor
import ImageRestoration
import Testing

@testable import IRPipelines

/// The oracle's composed restoration, from frozen files and through the whole pipeline.
@Test(arguments: ["plain", "six"])
func pipelinesAreDiffusers(_ name: String) throws {
  guard let ddim = oracle("ddim"), let unetFolder = oracle("unet-sd2"), let vaeFolder = oracle("vae") else {
    return
  }
  let io = try tensors("\(ddim)/io.safetensors")
  func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
  try withFolder { folder in
    var unet = DenoisingUNet(
      try decoded(DenoisingUNetConfiguration.self, text("\(unetFolder)/config.json")))
    unet.prompts = try tensors("\(unetFolder)/io.safetensors")["context"]
    try freezeWeights(unet, try tensors("\(unetFolder)/weights.safetensors"), "unet", folder)
    let vae = try decoded(AutoencoderConfiguration.self, text("\(vaeFolder)/config.json"))
    let weights = try tensors("\(vaeFolder)/weights.safetensors")
    try freezeWeights(AutoencoderEncoder(vae), weights, "vae_encoder", folder)
    try freezeWeights(AutoencoderDecoder(vae), weights, "vae_decoder", folder)
    try write("{}", "\(folder)/scheduler/scheduler_config.json")
    try write(#"{"scaling_factor": 0.18215}"#, "\(folder)/model_index.json")
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    var settings = PipelineSettings(
      try Composition(name == "plain" ? "sr=1" : "sr=.4,md=.2,dd=.2,dn=-.2,d2=.2,d4=.2"))
    (settings.stepCount, settings.spacing) = (10, .leading)
    var steps: [Int] = []
    let found = try runner.restored(
      try #require(io["condition.lq"]), settings, start: io["initial_noise"]
    ) { progress in steps.append(progress.done) }
    let expected = try #require(io["\(name).restored"])
    #expect(found.shape == expected.shape)
    #expect(steps == Array(1...(10 * settings.composition.parts.count)))
    let worst = zip(found.doubles, expected.doubles).map { ($0 - $1).magnitude }.max() ?? .infinity
    #expect(worst < 2e-4, "\(worst)")
  }
}

/// The same bytes whatever the number of threads; sides that are not multiples come back; each setting
/// matters.
@Test func resultsFollowFromSettings() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let pipeline = try RestorationPipeline(contentsOf: folder)
    let runner = PipelineRunner(pipeline)
    func restored(_ image: Tensor, _ settings: PipelineSettings, threads: Int) throws -> Tensor {
      try PipelineRunner(pipeline, options: RuntimeOptions(threadCount: threads)).restored(image, settings)
    }
    let image = picture(height: 50, width: 70)
    var settings = PipelineSettings(try Composition("md=.8,d2=.4,notext=-.2"))
    settings.stepCount = 3
    let first = try restored(image, settings, threads: 1)
    #expect(first.shape == image.shape && first.doubles.allSatisfy { (0...1).contains($0) })
    for threads in [2, 3] {
      #expect(try restored(image, settings, threads: threads) == first)
    }
    var tiled = settings
    (tiled.tileSide, tiled.overlap) = (64, 32)
    let large = picture(height: 100, width: 70)
    let whole = try restored(large, settings, threads: 1)
    let tiles = try restored(large, tiled, threads: 1)
    #expect(tiles != whole && tiles.shape == whole.shape)
    for threads in [2, 3] { #expect(try restored(large, tiled, threads: threads) == tiles) }
    let changes: [(String, (inout PipelineSettings) -> Void)] = [
      ("seed", { $0.seed = 2 }), ("steps", { $0.stepCount = 2 }), ("eta", { $0.method = .ddim(eta: 1) }),
      ("sampler", { $0.method = .dpmSolver2M }), ("spacing", { $0.spacing = .leading }),
      ("colours", { $0.colours = .none }), ("blend", { $0.colourBlend = 0.5 }),
      ("wavelet", { $0.colours = .wavelet }), ("scale", { $0.scale = 2 }),
    ]
    for (name, change) in changes {
      var other = settings
      change(&other)
      #expect(try runner.restored(image, other) != first, "\(name)")
    }
    struct Stop: Error {}
    #expect(throws: Stop.self) { try runner.restored(image, settings) { _ in throw Stop() } }
    #expect(throws: PipelineError.self) {
      try runner.restored(Tensor(zeros: TensorType(.float32, [1, 1, 8, 8])), settings)
    }
  }
}

/// Embeddings computed by a text tower in the folder stand for constants of the same prompts.
@Test func textsAreEmbeddedWhereTheUNetAsksForThem() throws {
  try withFolder { folder in
    try writeSmall(folder, prompts: false)
    #expect(throws: PipelineError.self) { try RestorationPipeline(contentsOf: folder) }
    var configuration = TextTowerConfiguration()
    (configuration.width, configuration.hidden, configuration.layers, configuration.heads) = (8, 16, 1, 2)
    let tower = TextTower(configuration)
    let weights = InitialWeights.check(try tower.parameters())
    let graph = try tower.graph(weights: weights, shape: [5, 77])
    try FileManager.default.createDirectory(
      atPath: "\(folder)/text_encoder", withIntermediateDirectories: true)
    try ONNXModel(graph).write(to: "\(folder)/text_encoder/model.onnx")
    let pipeline = try RestorationPipeline(contentsOf: folder)
    let ids = Tensor(TaskPrompts.tokens(padding: .end).flatMap { $0 }, shape: [5, 77])
    let expected = try #require(try GraphInterpreter(graph).run(["input_ids": ids])["last_hidden_state"])
    let found = try #require(pipeline.texts)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { ($0 - $1).magnitude < 1e-5 })
    var settings = PipelineSettings(try Composition("sr=1"))
    settings.stepCount = 1
    let image = picture(height: 64, width: 64)
    #expect(try PipelineRunner(pipeline).restored(image, settings).shape == image.shape)
  }
}

@Test func foldersThatAreNoRestorersAreNamed() throws {
  func message(_ change: (String) throws -> Void) throws -> String {
    var text = ""
    try withFolder { folder in
      try change(folder)
      do { _ = try RestorationPipeline(contentsOf: folder) } catch { text = "\(error)" }
    }
    return text
  }
  #expect(try message { _ in }.contains("model_index.json: is missing"))
  #expect(try message { try writeSmall($0, channels: 4) }.contains("is not shown one"))
  #expect(try message { try writeSmall($0, channels: 9) }.contains("takes 9 channels"))
  for part in ["unet", "vae_encoder", "vae_decoder"] {
    let text = try message {
      try writeSmall($0)
      try FileManager.default.removeItem(atPath: "\($0)/\(part)/model.onnx")
    }
    #expect(text.contains("\(part)/model.onnx: the part is missing"), "\(text)")
  }
  #expect(
    try message { try writeSmall($0, scheduler: #"{"beta_start": "x"}"#) }.contains("scheduler_config.json"))
  #expect(try message { try writeSmall($0, scheduler: #"{"beta_end": 2}"#) }.contains("beta_end 2.0"))
  #expect(
    try message {
      try writeSmall($0)
      try write(#"{"scaling_factor": -1}"#, "\($0)/model_index.json")
    }.contains("a scaling factor of -1.0"))
  #expect(
    try message {
      try writeSmall($0)
      try write(String(repeating: "[", count: 100_000), "\($0)/model_index.json")
    }.contains("model_index.json"))
  #expect(
    try message {
      try writeSmall($0)
      try write(#"{"prompts": ["a cat"]}"#, "\($0)/model_index.json")
    }.contains("none of the prompts"))
  #expect(
    try message { try writeSmall($0, scheduler: #"{"beta_start": NaN}"#) }.contains("scheduler_config.json"))
  #expect(
    try message { try writeSmall($0, scheduler: #"{"num_train_timesteps": 1e300}"#) }.contains(
      "scheduler_config.json"))
  // Parts that do not belong together.
  let swapped = try message { folder in
    try writeSmall(folder)
    try FileManager.default.removeItem(atPath: "\(folder)/vae_encoder/model.onnx")
    try FileManager.default.copyItem(
      atPath: "\(folder)/unet/model.onnx", toPath: "\(folder)/vae_encoder/model.onnx")
  }
  #expect(swapped.contains("vae_encoder/model.onnx takes no sample"), "\(swapped)")
}

@Test func pipelinesAreFoundAndDescribed() throws {
  try withFolder { folder in
    try writeSmall("\(folder)/UniRes/small")
    try writeSmall("\(folder)/broken", channels: 9)
    #expect(
      PipelineCatalogue.pipelines(in: folder) == [
        "small": "\(folder)/UniRes/small", "broken": "\(folder)/broken",
      ])
    #expect(try PipelineCatalogue.path(of: "\(folder)/broken") == "\(folder)/broken")
    #expect(try PipelineCatalogue.path(of: folder) == nil)
    let good = PipelineListing("small", "\(folder)/UniRes/small")
    let bytes = FileManager.default.contents(atPath: "\(folder)/UniRes/small/unet/model.onnx")?.count
    #expect(try #require(good.byteCount) > (try #require(bytes)) && good.state == .unlisted)
    #expect(good.problem == nil && good.components == ["sr", "md", "dd", "dn", "d2", "d4"])
    let bad = PipelineListing("broken", "\(folder)/broken")
    #expect(bad.problem?.contains("takes 9 channels") ?? false)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: "\(folder)/UniRes/small"))
    var settings = PipelineSettings(try Composition("sr=.5,d2=.5"))
    settings.stepCount = 3
    let description = try PipelineDescription(runner, height: 64, width: 100, settings)
    let parts = description.parts.map(\.multiplyAdds)
    // Two pictures are encoded, two components asked for three times.
    #expect(description.multiplyAdds == 2 * parts[0] + 6 * parts[1] + parts[2])
    #expect(description.memory >= description.parts.map(\.memory).max() ?? 0)
    #expect(try #require(good.parameters) > 0 && description.parts.allSatisfy { $0.parameters > 0 })
    #expect(description.multiplyAddsPerSecond > 1e8 && description.seconds > 0)
    #expect(
      (description.seconds * description.multiplyAddsPerSecond / Double(description.multiplyAdds) - 1)
        .magnitude
        < 1e-9)
    for word in ["unet", "vae_encoder", "whole", "3 steps", "time "] {
      #expect(description.text.contains(word))
    }
  }
}

@Test func aReleasedPipelineHasTheReleasedNetworks() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let parts = ["unet", "vae_decoder", "vae_encoder"].map { "\($0)/model.onnx" }
    let released = try parts.map {
      (path: "UniRes/small/\($0)", digest: try SHA256.hexadecimal(contentsOf: "\(folder)/\($0)"))
    }
    let settings = (path: "UniRes/small/model_index.json", digest: "0")
    func state(_ name: String = "small") -> ReleaseState {
      PipelineCatalogue.state(of: folder, named: name, among: released + [settings])
    }
    #expect(state() == .published && state("large") == .unlisted)
    try PipelineCatalogue.verify(folder, isReleased: "small", among: released + [settings])
    try write("another", "\(folder)/unet/model.onnx")
    #expect(state() == .changed)
    // Of another name, anything goes.
    try PipelineCatalogue.verify(folder, isReleased: "large", among: released)
    let error = #expect(throws: PipelineError.self) {
      try PipelineCatalogue.verify(folder, isReleased: "small", among: released)
    }
    #expect("\(try #require(error))".contains("unet/model.onnx: not of the pipeline small"))
    try FileManager.default.removeItem(atPath: "\(folder)/unet/model.onnx")
    #expect(throws: PipelineError.self) {
      try PipelineCatalogue.verify(folder, isReleased: "small", among: released)
    }
  }
}
