import Foundation
import IRCompiler
import IRDegradation
import IRDiffusion
import IRGraph
import IRImage
import IRModels
import IRRuntime
import IRTensor
import IRTraining

/// Restores centre crops of a few photographs by each task in one step, while a run goes on.
struct UniResValidator {
  private struct Case {
    var task: String
    var prompt: Int
    var degraded: Image
    var clean: Image
  }

  private let cases: [Case]
  private let codec: LinearCodec
  private let sampler: Sampler
  private let session: Session

  private static let side = 128
  private static let photographCount = 6
  /// Samples of each task on a page.
  private static let sampleLimit = 2

  /// Makes the pictures and compiles the network; `prompts` are the numbers of the prompts of tasks' classes.
  /// - Throws: `ImageError` for a photograph that cannot be read, `ModelError`, `CompilerError`,
  ///   `RuntimeError`.
  init(
    photographs: [String], tasks: [TrainingTask], prompts: [String: Int], seed: UInt64, codec: LinearCodec,
    schedule: NoiseSchedule, unet: DenoisingUNetConfiguration, runtime: RuntimeOptions
  ) throws {
    self.codec = codec
    sampler = try Sampler(schedule, method: .ddim(eta: 0), stepCount: 1)
    let side = Self.side / codec.factor
    let graph = try TaskUNet(unet).graph(shape: [1, 2 * codec.channelCount, side, side])
    session = try Session(
      try Compiler(threadCount: runtime.threadCount).compile(graph), options: runtime)
    var cases: [Case] = []
    for task in tasks {
      guard let degradation = task.degradation, let prompt = prompts[task.category] else { continue }
      for path in photographs.prefix(Self.photographCount) {
        let image = try ImageFile.read(path).with(channelCount: 3)
        guard image.width >= Self.side, image.height >= Self.side else { continue }
        let clean = image.cut(
          left: (image.width - Self.side) / 2, top: (image.height - Self.side) / 2, width: Self.side,
          height: Self.side)
        let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let pair = degradation.pair(
          of: clean, seed: Degradation.seed(seed, forFile: stem), minimumScale: 1)
        cases.append(Case(task: task.category, prompt: prompt, degraded: pair.degraded, clean: pair.clean))
      }
    }
    self.cases = cases
  }

  /// Mean PSNR in dB by task, of pictures clamped to 0...1.
  func measure(_ state: DiffusionState) throws -> [String: Double] {
    var sums: [String: (Double, Int)] = [:]
    for entry in cases {
      let value = try psnr(try restored(entry, state), entry.clean)
      let before = sums[entry.task] ?? (0, 0)
      sums[entry.task] = (before.0 + min(value, 100), before.1 + 1)
    }
    return sums.mapValues { $0.0 / Double($0.1) }
  }

  /// The first pictures of each task: degraded, restored, clean, beside each other.
  func samples(_ state: DiffusionState) throws -> [(name: String, image: Image)] {
    var counts: [String: Int] = [:]
    var result: [(String, Image)] = []
    for entry in cases where counts[entry.task, default: 0] < Self.sampleLimit {
      counts[entry.task, default: 0] += 1
      let row = try Image.sideBySide([entry.degraded, try restored(entry, state), entry.clean])
      result.append((entry.task, row))
    }
    return result
  }

  private func restored(_ entry: Case, _ state: DiffusionState) throws -> Image {
    let side = Self.side / codec.factor
    let shape: Shape = [1, codec.channelCount, side, side]
    let shown = codec.latents(entry.degraded.pixels[...], height: Self.side, width: Self.side)
    let noise = SeededNoise(seed: 1).tensor(channels: shape[1], height: side, width: side)
    let latents = sampler.start(noise)
    var inputs = state.averages(of: entry.prompt)
    inputs[DiffusionGraph.sampleName] = try Component.sample(latents, Tensor(shown, shape: shape))
    inputs[DiffusionGraph.timestepName] = Tensor([Float(sampler.timestep)], shape: [1])
    inputs[DiffusionGraph.promptName] = Tensor([Int64(entry.prompt)], shape: [1])
    guard let prediction = try session.run(inputs)["out_sample"] else {
      preconditionFailure("a UNet predicts")
    }
    let clean = try sampler.estimate(latents, prediction: prediction)
    let pixels = codec.pixels(clean.floats, height: side, width: side)
    return Image(
      width: Self.side, height: Self.side, channelCount: 3, pixels: pixels.map { min(max($0, 0), 1) })
  }
}
