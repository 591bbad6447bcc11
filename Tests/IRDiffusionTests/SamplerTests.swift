import Foundation
import IRTensor
import Testing

@testable import IRDiffusion

/// One walk that diffusers took.
private struct Walk {
  var method: SamplingMethod
  var configuration = SchedulerConfiguration()
  var steps: Int

  /// Reads a name of `walks.safetensors`.
  init(_ name: String) throws {
    let words = name.split(separator: " ").map(String.init)
    method = try #require(SamplingMethod(words[0]))
    if case .ddim = method { method = .ddim(eta: try #require(Double(words[5]))) }
    configuration.spacing = try #require(TimestepSpacing(rawValue: words[1]))
    configuration.prediction = try #require(Prediction(rawValue: words[2]))
    configuration.hasZeroTerminalSNR = words[3] == "zero"
    steps = try #require(Int(words[4]))
  }
}

/// Every scheduler, spacing and kind of prediction, step by step.
@Test func walksAreDiffusers() throws {
  let tensors = try fixture("walks.safetensors")
  let names = tensors.keys.filter { $0.hasSuffix("/latents") }.map { String($0.dropLast(8)) }.sorted()
  #expect(names.count == 38)
  let (noise, offset) = (try #require(tensors["noise"]), try #require(tensors["offset"]).doubles)
  let fresh = try #require(tensors["fresh"])
  for name in names {
    let walk = try Walk(name)
    let path = try #require(tensors["\(name)/latents"])
    var sampler = try Sampler(
      NoiseSchedule(walk.configuration), method: walk.method, stepCount: walk.steps)
    let times = try #require(tensors["\(name)/timesteps"]).doubles
    #expect(zip(sampler.timesteps, times).allSatisfy { ($0 - $1).magnitude < 1e-3 }, "\(name): \(times)")
    let tolerance = 2e-5 * path.doubles.reduce(1) { max($0, $1.magnitude) }
    var latents = sampler.start(noise)
    for index in 0..<walk.steps {
      #expect(distance(latents, path.row(index)) < tolerance, "\(name), step \(index)")
      let time = sampler.timestep
      let values = zip(latents.doubles, offset).map { z, c in
        (0.5 + time / 2000) * z / (1 + z.magnitude) + 0.1 * c
      }
      latents = try sampler.advance(
        latents, prediction: Tensor(latents.type, doubles: values),
        noise: sampler.needsNoise ? fresh.row(index) : nil)
    }
    #expect(sampler.isFinished)
    #expect(distance(latents, path.row(walk.steps)) < tolerance, "\(name), the end")
  }
}

@Test func schedulesAreDiffusers() throws {
  guard let folder = oracle("ddim") else { return }
  let io = try tensors("\(folder)/io.safetensors")
  let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/config.json"))
  struct Configuration: Decodable { var scheduler: SchedulerConfiguration }
  let configuration = try JSONDecoder().decode(Configuration.self, from: data).scheduler
  let schedule = try NoiseSchedule(configuration)
  let expected = try #require(io["alphas_cumprod"])
  #expect(distance(Tensor(expected.type, doubles: schedule.cumulative), expected) < 1e-6)
  for count in [10, 20, 50] {
    let sampler = try Sampler(schedule, method: .ddim(eta: 0), stepCount: count)
    #expect(sampler.timesteps == (try #require(io["timesteps.\(count)"])).doubles)
  }
}

@Test func settingsThatMakeNoScheduleAreRefused() throws {
  func message(_ change: (inout SchedulerConfiguration) -> Void) -> String {
    var configuration = SchedulerConfiguration()
    change(&configuration)
    do { _ = try NoiseSchedule(configuration) } catch { return "\(error)" }
    return ""
  }
  #expect(message { $0.betaEnd = .nan }.contains("beta_end nan"))
  #expect(message { $0.betaStart = -1 }.contains("beta_start -1.0"))
  #expect(message { $0.trainingStepCount = 0 }.contains("num_train_timesteps is 0"))
  #expect(message { $0.trainingStepCount = 1 << 40 }.contains("must be 1 to 100000"))
  #expect(message { $0.stepsOffset = 1000 }.contains("steps_offset is 1000"))
  #expect(message { $0.clipsSample = true }.contains("clip_sample"))
  #expect(message { $0.betaEnd = 0.99 }.contains("noise alone"))
  #expect(message { $0.hasZeroTerminalSNR = true }.contains("rescale_betas_zero_snr"))
  let schedule = try NoiseSchedule(SchedulerConfiguration())
  #expect(throws: DiffusionError.self) { try Sampler(schedule, method: .euler, stepCount: 0) }
  #expect(throws: DiffusionError.self) { try Sampler(schedule, method: .euler, stepCount: 1001) }
  #expect(throws: DiffusionError.self) { try Sampler(schedule, method: .ddim(eta: .nan), stepCount: 4) }
  // The most steps there are, in every spacing.
  for spacing in TimestepSpacing.allCases {
    var configuration = SchedulerConfiguration()
    configuration.spacing = spacing
    for method in [SamplingMethod.ddim(eta: 0), .dpmSolver2M, .euler] {
      let sampler = try Sampler(NoiseSchedule(configuration), method: method, stepCount: 1000)
      #expect(sampler.timesteps.allSatisfy { (0...999).contains($0) })
    }
  }
}

@Test func tensorsThatDoNotFitAreRefused() throws {
  let schedule = try NoiseSchedule(SchedulerConfiguration())
  var sampler = try Sampler(schedule, method: .ddim(eta: 1), stepCount: 4)
  let latents = Tensor(zeros: TensorType(.float32, [1, 4, 2, 2]))
  #expect(throws: DiffusionError.self) {
    try sampler.advance(latents, prediction: Tensor(zeros: TensorType(.float32, [1, 4, 2, 3])))
  }
  #expect(throws: DiffusionError.self) { try sampler.advance(latents, prediction: latents) }
}

@Test func noiseIsAFunctionOfItsPlace() throws {
  // The numbers that its authors publish.
  let zeros = SeededNoise.philox(counter: (0, 0, 0, 0), key: (0, 0))
  #expect(zeros == (0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
  let digits = SeededNoise.philox(
    counter: (0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), key: (0xA409_3822, 0x299F_31D0))
  #expect(digits == (0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1))

  let noise = SeededNoise(seed: 7)
  let whole = noise.tensor(channels: 3, height: 40, width: 50)
  let part = noise.tensor(channels: 3, height: 10, width: 20, row: 13, column: 9)
  for channel in 0..<3 {
    for y in 0..<10 {
      let from = (channel * 40 + 13 + y) * 50 + 9
      let to = (channel * 10 + y) * 20
      #expect(Array(whole.doubles[from..<(from + 20)]) == Array(part.doubles[to..<(to + 20)]))
    }
  }
  let values = whole.doubles
  let mean = values.reduce(0, +) / Double(values.count)
  let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
  #expect(mean.magnitude < 0.04 && (variance - 1).magnitude < 0.06, "\(mean) \(variance)")
  #expect(whole != SeededNoise(seed: 8).tensor(channels: 3, height: 40, width: 50))
  #expect(whole != noise.tensor(channels: 3, height: 40, width: 50, stream: 1))
}
