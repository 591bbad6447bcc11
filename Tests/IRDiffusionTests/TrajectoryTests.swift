import Foundation
import IRCompiler
import IRModels
import IRRuntime
import IRTensor
import Testing

@testable import IRDiffusion

/// A run of the oracle `ddim`.
private struct Run: Decodable {
  struct Part: Decodable {
    var weight: Double
    var prompt: Int
    var condition: String

    var component: Component? {
      switch (prompt, condition) {
      case (0, "down2"): .halved
      case (0, "down4"): .quartered
      default: Component.six.first { $0.prompt == prompt && $0.condition == .picture(factor: 1) }
      }
    }
  }
}

private struct Settings: Decodable {
  var runs: [String: [Run.Part]]
  var steps: Int
  var scalingFactor: Double
  var scheduler: SchedulerConfiguration

  enum CodingKeys: String, CodingKey {
    case runs, steps, scheduler
    case scalingFactor = "scaling_factor"
  }
}

private struct Part {
  var network: any PartNetwork
  var weights: [String: Tensor]

  init<N: PartNetwork>(_ network: N, _ folder: String) throws {
    self.network = network
    let file = try tensors("\(folder)/weights.safetensors").map { (name: $0.key, tensor: $0.value) }
    weights = try network.match([file]).weights
  }

  func session(_ shape: Shape) throws -> Session {
    let graph = try network.graph(weights: weights, shape: shape)
    return try Session(Compiler(threadCount: 2).compile(graph), options: RuntimeOptions(threadCount: 2))
  }
}

private func configuration<C: NetworkConfiguration>(_: C.Type, _ folder: String) throws -> C {
  try JSONDecoder().decode(C.self, from: Data(contentsOf: URL(fileURLWithPath: "\(folder)/config.json")))
}

/// Whole restorations: conditions encoded, ten composed steps, decoded, and given the picture's colours.
@Test(arguments: ["plain", "composed", "down", "six", "v_prediction"])
func trajectoriesAreDiffusers(_ name: String) throws {
  guard let folder = oracle("ddim"), let unetFolder = oracle("unet-sd2"), let vaeFolder = oracle("vae") else {
    return
  }
  let io = try tensors("\(folder)/io.safetensors")
  let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/config.json"))
  var settings = try JSONDecoder().decode(Settings.self, from: data)
  if name == "v_prediction" { settings.scheduler.prediction = .velocity }
  let parts = try #require(settings.runs[name])
  var weights: [Component: Double] = [:]
  for part in parts { weights[try #require(part.component)] = part.weight }
  let composition = try Composition(weights)

  var unet = DenoisingUNet(try configuration(DenoisingUNetConfiguration.self, unetFolder))
  unet.prompts = try tensors("\(unetFolder)/io.safetensors")["context"]
  let vae = try configuration(AutoencoderConfiguration.self, vaeFolder)
  let picture = try #require(io["condition.lq"])
  let encoder = try Part(AutoencoderEncoder(vae), vaeFolder).session(picture.shape)
  var conditions: [Component.Condition: Tensor] = [:]
  for condition in composition.conditions {
    guard case .picture(let factor) = condition else { continue }
    let shown = try LowQuality.reduced(picture, by: factor)
    let centred = Tensor(shown.type, doubles: shown.doubles.map { 2 * $0 - 1 })
    let mode = try #require(try encoder.run(["sample": centred])["latent_sample"])
    let latents = Tensor(mode.type, doubles: mode.doubles.map { $0 * settings.scalingFactor })
    let expected = try #require(io["z.\(factor == 1 ? "lq" : "down\(factor)")"])
    #expect(distance(latents, expected) < 1e-5)
    conditions[condition] = latents
  }

  let path = try #require(io["\(name).latents"])
  let denoiser = try Part(unet, unetFolder).session([1, 8, path.shape[2], path.shape[3]])
  var sampler = try Sampler(
    NoiseSchedule(settings.scheduler), method: .ddim(eta: 0), stepCount: settings.steps)
  var latents = sampler.start(try #require(io["initial_noise"]))
  while !sampler.isFinished {
    latents = try sampler.step(latents, composition) { question in
      let condition = try #require(conditions[question.component.condition])
      let inputs = [
        "sample": try Component.sample(question.latents, condition),
        "timestep": Tensor([Float(question.timestep)], shape: [1]),
        "prompt": Tensor([Int64(question.component.prompt)], shape: [1]),
      ]
      return try #require(try denoiser.run(inputs)["out_sample"])
    }
    #expect(distance(latents, path.row(sampler.index)) < 2e-4, "step \(sampler.index)")
  }

  let unscaled = Tensor(latents.type, doubles: latents.doubles.map { $0 / settings.scalingFactor })
  let decoder = try Part(AutoencoderDecoder(vae), vaeFolder).session(unscaled.shape)
  let sample = try #require(try decoder.run(["latent_sample": unscaled])["sample"])
  let decoded = Tensor(sample.type, doubles: sample.doubles.map { ($0 + 1) / 2 })
  #expect(distance(decoded, try #require(io["\(name).decoded"])) < 2e-4)
  let clipped = Tensor(decoded.type, doubles: decoded.doubles.map { min(max($0, 0), 1) })
  let coloured = try ColourFix.statistics(clipped, like: picture)
  let restored = Tensor(coloured.type, doubles: coloured.doubles.map { min(max($0, 0), 1) })
  #expect(distance(restored, try #require(io["\(name).restored"])) < 2e-4)
}
