import IRDegradation
import IRDiffusion
import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The source of a diffusion model's batches: photographs, degraded by one task alone each, as latents with
/// noise. A batch is a pure function of the seed, the step and the phase.
package struct DiffusionData: Sendable {
  /// The weights that learn from a batch.
  package enum Phase: Hashable, Sendable {
    /// The network that all tasks begin as.
    case trunk
    /// The networks of the tasks, one of which is drawn for each step.
    case experts
  }

  package struct Batch: Sendable {
    /// The inputs of each image.
    package var images: [[String: Tensor]]
    /// The prompt of the expert that learns; nil is the trunk.
    package var expert: Int?
    /// The numbers of the images' prompts, before any were dropped.
    package var prompts: [Int]
    package var draws: [DiffusionObjective.Draw]
  }

  package let codec: LinearCodec
  package let objective: DiffusionObjective
  /// The prompts of the tasks that are trained, in rising order.
  package let prompts: [Int]
  /// The weight of each latent channel in the loss; their mean is 1.
  package let channelWeights: [Float]
  private let mixture: TrainingData
  /// By prompt.
  private let own: [Int: TrainingData]
  private let shares: [Int: Double]
  private let promptOfCategory: [Int]
  private let emptyPrompt: Int

  /// - Parameters:
  ///   - clean: Photographs to degrade.
  ///   - tasks: Degradations, whose classes are components with a prompt of their own: sr, md, dd, dn.
  ///   - seed: Everything random follows from it.
  ///   - batch: Crops of a step; sides are multiples of the codec's factor.
  ///   - codec: The autoencoder.
  ///   - objective: The question of each image and its answer.
  ///   - emptyPrompt: The prompt that stands for no text.
  ///   - channelExponent: Latent channels weigh in the loss by this power of their variance in pixels: 0 is
  ///     each alike, 1 is as in the pixels' mean square.
  /// - Throws: `TrainingError.data` for a class that is no task, sides that do not fit, or no photographs.
  package init(
    clean: ImageSet, tasks: [TrainingTask], seed: UInt64, batch: TrainingGraph.Batch, codec: LinearCodec,
    objective: DiffusionObjective, emptyPrompt: Int, channelExponent: Double
  ) throws(TrainingError) {
    guard batch.height % codec.factor == 0, batch.width % codec.factor == 0 else {
      throw .data(
        detail: "crops of \(batch.height)×\(batch.width) pixels, must be multiples of \(codec.factor)")
    }
    mixture = try TrainingData(clean: clean, tasks: tasks, seed: seed, batch: batch)
    promptOfCategory = try Self.prompts(of: mixture.categories)
    var (own, shares) = ([Int: TrainingData](), [Int: Double]())
    for (category, prompt) in zip(mixture.categories, promptOfCategory) {
      let mine = tasks.filter { $0.category == category }
      own[prompt] = try TrainingData(clean: clean, tasks: mine, seed: seed, batch: batch)
      shares[prompt] = mine.reduce(0) { $0 + $1.weight }
    }
    (self.own, self.shares) = (own, shares)
    prompts = promptOfCategory.sorted()
    self.codec = codec
    self.objective = objective
    self.emptyPrompt = emptyPrompt
    let weights = codec.deviations.map { pow($0, 2 * channelExponent) }
    let mean = weights.reduce(0, +) / Double(max(weights.count, 1))
    channelWeights = weights.map { Float($0 / mean) }
  }

  /// The number of each task's prompt by its class.
  package var promptsByCategory: [String: Int] {
    Dictionary(uniqueKeysWithValues: zip(mixture.categories, promptOfCategory))
  }

  private static func prompts(of categories: [String]) throws(TrainingError) -> [Int] {
    let tasks: [Component] = [.superResolution, .motionDeblurring, .defocusDeblurring, .denoising]
    var result: [Int] = []
    for category in categories {
      guard let task = tasks.first(where: { $0.rawValue == category }) else {
        throw .data(
          detail: "a degradation is of the class \(category), must be of one of "
            + tasks.map(\.rawValue).joined(separator: ", ") + ", as in noise5-50=dn")
      }
      result.append(task.prompt)
    }
    return result
  }

  /// The batch of a step, the steps counted from 0.
  /// - Throws: `TrainingError.data` if a photograph cannot be used.
  package func batch(at step: Int, _ phase: Phase) throws(TrainingError) -> Batch {
    // Streams of their own, so that they do not repeat the draws of the crops.
    var random = RandomSource(seed: ~mixture.seed, stream: UInt64(step))
    var expert: Int?
    if phase == .experts { expert = drawnExpert(&random) }
    let pictures = try (expert.flatMap { own[$0] } ?? mixture).batch(at: step)
    var batch = Batch(images: [], expert: expert, prompts: [], draws: [])
    for index in pictures.tasks.indices {
      let prompt = expert ?? promptOfCategory[pictures.tasks[index]]
      var draw = objective.draw(&random)
      // Without a text there is no expert to ask.
      if expert != nil { draw.dropsText = false }
      batch.images.append(inputs(pictures, index, draw.dropsText ? emptyPrompt : prompt, draw, &random))
      batch.prompts.append(prompt)
      batch.draws.append(draw)
    }
    return batch
  }

  private func drawnExpert(_ random: inout RandomSource) -> Int {
    var rest = random.uniform() * prompts.reduce(0) { $0 + (shares[$1] ?? 0) }
    for prompt in prompts {
      rest -= shares[prompt] ?? 0
      if rest < 0 { return prompt }
    }
    return prompts[prompts.count - 1]
  }

  private func inputs(
    _ pictures: TrainingData.Batch, _ index: Int, _ prompt: Int, _ draw: DiffusionObjective.Draw,
    _ random: inout RandomSource
  ) -> [String: Tensor] {
    let (height, width) = (mixture.batch.height, mixture.batch.width)
    func latents(_ images: Tensor) -> [Float] {
      let size = 3 * height * width
      return images.withElements(as: Float.self) { all in
        codec.latents(Array(all[(index * size)..<((index + 1) * size)])[...], height: height, width: width)
      }
    }
    let clean = latents(pictures.targets)
    let shown = draw.dropsPicture ? [Float](repeating: 0, count: clean.count) : latents(pictures.images)
    let noise = clean.indices.map { _ in Float(random.normal()) }
    let (noisy, target) = objective.question(clean: clean, noise: noise, timestep: draw.timestep)
    let shape: Shape = [1, codec.channelCount, height / codec.factor, width / codec.factor]
    return [
      DiffusionGraph.sampleName: Tensor(
        noisy + shown, shape: [1, 2 * codec.channelCount, shape[2], shape[3]]),
      DiffusionGraph.timestepName: Tensor([Float(draw.timestep)], shape: [1]),
      DiffusionGraph.promptName: Tensor([Int64(prompt)], shape: [1]),
      TrainingGraph.targetName: Tensor(target, shape: shape),
      DiffusionGraph.weightName: Tensor(
        channelWeights.map { $0 * Float(draw.weight) }, shape: [1, codec.channelCount, 1, 1]),
    ]
  }
}
