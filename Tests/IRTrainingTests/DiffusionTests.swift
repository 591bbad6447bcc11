import Foundation
import IRDegradation
import IRDiffusion
import IRGraph
import IRImage
import IRModels
import IROperators
import IRRuntime
import IRTensor
import Testing

@testable import IRTraining

private let batch = TrainingGraph.Batch(count: 8, height: 16, width: 16)

private func photographs() throws -> ImageSet {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID())").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  for index in 0..<3 {
    var random = RandomSource(seed: UInt64(index))
    let (a, b) = (random.uniform(3...9), random.uniform(3...9))
    var pixels: [Float] = []
    for i in 0..<(3 * 64 * 48) {
      let (x, y) = (Double(i % 64), Double(i / 64 % 48))
      pixels.append(Float(0.5 + 0.3 * sin(x / a) * cos(y / b + Double(i / 3072)) + 0.1 * random.uniform()))
    }
    try ImageFile.write(
      Image(width: 64, height: 48, channelCount: 3, pixels: pixels), to: "\(folder)/\(index).png")
  }
  return try ImageSet(paths: try ImageSet.images(in: folder), channelCount: 3)
}

private func schedule(_ prediction: Prediction) throws -> NoiseSchedule {
  var configuration = SchedulerConfiguration()
  configuration.prediction = prediction
  configuration.hasZeroTerminalSNR = prediction != .epsilon
  return try NoiseSchedule(configuration)
}

private func data(
  _ tasks: String, _ set: ImageSet, channels: Int = 4, options: DiffusionObjective.Options = .init(),
  exponent: Double = 0.5
) throws -> DiffusionData {
  try DiffusionData(
    clean: set, tasks: try TrainingTask.list(tasks), seed: 5, batch: batch,
    codec: try LinearCodec(fitting: set, channelCount: channels, factor: 4),
    objective: DiffusionObjective(try schedule(.velocity), options), emptyPrompt: TaskPrompts.empty,
    channelExponent: exponent)
}

/// w · latents + u · picture: the gradient of mean(2 (prediction - target)²) by hand.
@Test func theLossIsTheWeightedSquare() throws {
  var g = GraphBuilder(name: "unet")
  let sample = g.input("sample", TensorType(.float32, [1, 2, 1, 2]))
  let (w, u) = (g.input("w", TensorType(.float32, [1])), g.input("u", TensorType(.float32, [1])))
  let parts = try g.apply(Split(axis: 1, sizes: [1, 1]), [sample])
  let first = try g.value(Binary(.multiply), [parts[0], w])
  let second = try g.value(Binary(.multiply), [parts[1], u])
  g.output(try g.value(Binary(.add), [first, second]), name: "out_sample")
  let training = try DiffusionGraph(try g.finished())
  #expect(training.parameters == ["w", "u"])
  let options = Trainer.Options(
    optimizer: AdamW(), schedule: LearningRateSchedule(peak: 0.01, stepCount: 10))
  let trainer = try DiffusionTrainer(
    training,
    weights: ["w": Tensor([0.5] as [Float], shape: [1]), "u": Tensor([0.1] as [Float], shape: [1])],
    count: 1, options: options)
  trainer.keepsGradients = true
  let images: [String: Tensor] = [
    "sample": Tensor([1, 2, 3, -1] as [Float], shape: [1, 2, 1, 2]),
    TrainingGraph.targetName: Tensor([0.5, 1] as [Float], shape: [1, 1, 1, 2]),
    DiffusionGraph.weightName: Tensor([2] as [Float], shape: [1, 1, 1, 1]),
  ]
  let report = try trainer.step(
    DiffusionData.Batch(images: [images], expert: nil, prompts: [0], draws: []))
  // Predictions 0.8 and 0.9, differences 0.3 and -0.1.
  #expect((report.loss - 0.1).magnitude < 1e-6)
  #expect((try #require(trainer.gradients["w"]).doubles[0] - 0.2).magnitude < 1e-6)
  #expect((try #require(trainer.gradients["u"]).doubles[0] - 2).magnitude < 1e-6)
  // Adam's first step is as long as the rate, against the gradient.
  #expect((trainer.state.trunk.values[0].doubles[0] - 0.49).magnitude < 1e-6)
}

/// Questions and answers are those of the samplers: from a right answer, the clean latents follow at every
/// time step.
@Test(arguments: Prediction.allCases)
func rightAnswersGiveTheCleanLatents(_ prediction: Prediction) throws {
  let schedule = try schedule(prediction)
  let objective = DiffusionObjective(schedule)
  let (clean, noise): ([Float], [Float]) = ([0.5, -2, 1], [1.5, 0.25, -1])
  var sampler = try Sampler(schedule, method: .ddim(eta: 0), stepCount: 5)
  while !sampler.isFinished {
    let (latents, target) = objective.question(
      clean: clean, noise: noise, timestep: Int(sampler.timestep))
    let (z, y) = (Tensor(latents, shape: [3]), Tensor(target, shape: [3]))
    for (found, expected) in zip(try sampler.estimate(z, prediction: y).floats, clean) {
      #expect((found - expected).magnitude < 2e-5, "\(sampler.timestep)")
    }
    _ = try sampler.advance(z, prediction: y)
  }
  let (latents, target) = objective.question(clean: clean, noise: noise, timestep: 999)
  switch prediction {
  case .epsilon: #expect(target == noise)
  case .velocity: #expect(latents == noise && target == clean.map { -$0 })
  case .sample: #expect(latents == noise && target == clean)
  }
}

/// min(SNR, γ) for the clean picture's error, and by what each prediction's error is of that.
@Test func timeStepsWeighByTheirSignal() throws {
  for prediction in Prediction.allCases {
    let schedule = try schedule(prediction)
    var options = DiffusionObjective.Options()
    let weighted = DiffusionObjective(schedule, options)
    for step in [0, 100, 400, 700, 950] {
      let share = schedule.cumulative[step]
      let ratio = share / (1 - share)
      let factor: Double =
        switch prediction {
        case .epsilon: 1 / ratio
        case .velocity: 1 / (ratio + 1)
        case .sample: 1
        }
      let expected = min(ratio, 5) * factor
      #expect((weighted.weight(at: step) - expected).magnitude < 1e-9 * max(expected, 1))
    }
    options.gamma = nil
    #expect(DiffusionObjective(schedule, options).weight(at: 400) == 1)
  }
  #expect(DiffusionObjective(try schedule(.velocity)).weight(at: 999) == 0)
}

/// Shares of 4000 crops lie within four deviations of what was asked for.
@Test func tasksAndDropsHaveTheirShares() throws {
  let data = try data("noise5=sr:.32,noise6=md:.28,noise7=dd:.18,noise8=dn:.22", try photographs())
  func isNear(_ count: Int, _ share: Double, of total: Int) -> Bool {
    (Double(count) - share * Double(total)).magnitude < 4 * (Double(total) * share * (1 - share)).squareRoot()
  }
  var (tasks, total) = ([Int: Int](), 0)
  var (pictures, texts, last, lastWeights) = (0, 0, 0, Set<Double>())
  for step in 0..<500 {
    let batch = try data.batch(at: step, .trunk)
    #expect(batch.expert == nil && batch.images.count == 8)
    for (index, draw) in batch.draws.enumerated() {
      total += 1
      tasks[batch.prompts[index], default: 0] += 1
      pictures += draw.dropsPicture ? 1 : 0
      texts += draw.dropsText ? 1 : 0
      if draw.timestep == 999 {
        last += 1
        lastWeights.insert(draw.weight)
      }
      let prompt = try #require(batch.images[index]["prompt"]).integers
      #expect(prompt == [Int64(draw.dropsText ? TaskPrompts.empty : batch.prompts[index])])
      let sample = try #require(batch.images[index]["sample"]).floats
      #expect(sample[64...].allSatisfy { $0 == 0 } == draw.dropsPicture)
    }
  }
  #expect(total == 4000)
  for (prompt, share) in [0.32, 0.28, 0.18, 0.22].enumerated() {
    #expect(isNear(tasks[prompt] ?? 0, share, of: total), "\(tasks)")
  }
  #expect(isNear(pictures, 0.1, of: total) && isNear(texts, 0.1, of: total), "\(pictures), \(texts)")
  #expect(isNear(last, 0.9 * 0.5 + 0.001 * 0.55, of: total) && lastWeights.contains(1), "\(last)")

  var experts: [Int: Int] = [:]
  for step in 0..<500 {
    let batch = try data.batch(at: step, .experts)
    let expert = try #require(batch.expert)
    experts[expert, default: 0] += 1
    #expect(batch.prompts.allSatisfy { $0 == expert } && batch.draws.allSatisfy { !$0.dropsText })
  }
  for (prompt, share) in [0.32, 0.28, 0.18, 0.22].enumerated() {
    #expect(isNear(experts[prompt] ?? 0, share, of: 500), "\(experts)")
  }
}

@Test func classesThatAreNoTasksAreRefused() throws {
  let set = try photographs()
  let error = #expect(throws: TrainingError.self) { try data("noise25,noise5=sr", set) }
  #expect("\(try #require(error))".contains("the class noise"))
}

/// The codec is what the networks of a pipeline compute; with all components nothing is lost, and each has
/// variance 1.
@Test func latentsAreThoseOfTheNetworks() throws {
  let set = try photographs()
  let codec = try LinearCodec(fitting: set, channelCount: 48, factor: 4)
  #expect(codec.deviations == codec.deviations.sorted(by: >))
  let picture = try set.crop(0, left: 0, top: 0, width: 64, height: 48)
  let latents = codec.latents(picture.pixels[...], height: 48, width: 64)
  for (found, expected) in zip(codec.pixels(latents, height: 12, width: 16), picture.pixels) {
    #expect((found - expected).magnitude < 1e-4)
  }
  var configuration = LinearAutoencoderConfiguration()
  configuration.latentChannels = 48
  let encoder = try LinearEncoder(configuration).graph(weights: codec.weights, shape: [1, 3, 48, 64])
  let sample = Tensor(picture.pixels.map { 2 * $0 - 1 }, shape: [1, 3, 48, 64])
  let encoded = try #require(try GraphInterpreter(encoder).run(["sample": sample])["latent_sample"])
  for (found, expected) in zip(latents, encoded.floats) {
    #expect((found - expected).magnitude < 1e-3 * max(1, expected.magnitude))
  }
  let decoder = try LinearDecoder(configuration).graph(weights: codec.weights, shape: encoded.shape)
  let decoded = try #require(try GraphInterpreter(decoder).run(["latent_sample": encoded])["sample"])
  for (found, expected) in zip(decoded.floats, sample.floats) { #expect((found - expected).magnitude < 1e-3) }
  // Over the blocks that it was fitted to, every second one.
  var (sums, squares, count) = ([Double](repeating: 0, count: 4), [Double](repeating: 0, count: 4), 0.0)
  for index in 0..<3 {
    let picture = try set.crop(index, left: 0, top: 0, width: 64, height: 48)
    let latents = codec.latents(picture.pixels[...], height: 48, width: 64)
    for row in stride(from: 0, to: 12, by: 2) {
      for column in stride(from: 0, to: 16, by: 2) {
        count += 1
        for channel in 0..<4 {
          let value = Double(latents[(channel * 12 + row) * 16 + column])
          sums[channel] += value
          squares[channel] += value * value
        }
      }
    }
  }
  for channel in 0..<4 {
    let mean = sums[channel] / count
    #expect((squares[channel] / count - mean * mean - 1).magnitude < 1e-3)
  }
}

@Test func eigenvectorsAreKnownOnes() {
  let (values, vectors) = symmetricEigenvectors([2, 1, 0, 1, 2, 0, 0, 0, 5], size: 3)
  for (found, expected) in zip(values, [5.0, 3, 1]) { #expect((found - expected).magnitude < 1e-12) }
  let half = 0.5.squareRoot()
  let known: [[Double]] = [[0, 0, 1], [half, half, 0], [half, -half, 0]]
  for (found, expected) in zip(vectors, known) {
    let product = zip(found, expected).reduce(0) { $0 + $1.0 * $1.1 }
    #expect((product.magnitude - 1).magnitude < 1e-12, "\(found)")
  }
}

private var small: DenoisingUNetConfiguration {
  get throws {
    try JSONDecoder().decode(
      DenoisingUNetConfiguration.self,
      from: Data(
        (#"{"in_channels": 8, "out_channels": 4, "block_out_channels": [8, 8], "layers_per_block": 1, "#
          + #""attention_head_dim": 2, "cross_attention_dim": 4, "norm_num_groups": 4, "#
          + #""down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "#
          + #""up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}"#).utf8))
  }
}

private func trainer(threads: Int = 1, rate: Double = 2e-3, stepCount: Int = 8) throws -> DiffusionTrainer {
  let network = TaskUNet(try small)
  return try DiffusionTrainer(
    try DiffusionGraph(try network.graph(shape: [1, 8, 4, 4])),
    weights: InitialWeights.fresh(try network.parameters(), seed: 3), count: 8,
    options: Trainer.Options(
      optimizer: AdamW(), schedule: LearningRateSchedule(peak: rate, stepCount: stepCount), clipNorm: 1,
      average: ParameterAverage(decay: 0.9)), runtime: RuntimeOptions(threadCount: threads))
}

private func run(_ trainer: DiffusionTrainer, _ data: DiffusionData, to end: Int, trunk: Int) throws
  -> [Double]
{
  var losses: [Double] = []
  while trainer.state.step < end {
    if trainer.state.step >= trunk, trainer.state.experts.isEmpty { trainer.part(into: data.prompts) }
    let phase = trainer.state.experts.isEmpty ? DiffusionData.Phase.trunk : .experts
    losses.append(try trainer.step(try data.batch(at: trainer.state.step, phase)).loss)
  }
  return losses
}

private let twoTasks = "noise25=dn:1,down2=sr:1"

/// A run that stops within the trunk, and one that stops after the tasks were parted, end with the same
/// bytes, whatever the number of threads.
@Test func resumedDiffusionRunsHaveTheSameBytes() throws {
  let data = try data(twoTasks, try photographs())
  let whole = try trainer()
  _ = try run(whole, data, to: 8, trunk: 3)
  #expect(whole.state.trunk.step == 3 && Set(whole.state.experts.keys) == [0, 3])
  let path = NSTemporaryDirectory() + "irkit-\(UUID()).checkpoint"
  defer { try? FileManager.default.removeItem(atPath: path) }
  for (stop, threads) in [(2, 2), (3, 1), (6, 3)] {
    let first = try trainer(threads: threads)
    _ = try run(first, data, to: stop, trunk: 3)
    try DiffusionCheckpoint(first.state, codec: data.codec, settings: ["tasks": "some"]).write(to: path)
    let second = try trainer()
    let found = try DiffusionCheckpoint(contentsOf: path, names: second.training.parameters)
    #expect(found.settings == ["tasks": "some"] && found.codec.weights == data.codec.weights)
    try second.resume(found.state, path: path)
    #expect(second.state.step == stop)
    _ = try run(second, data, to: 8, trunk: 3)
    #expect(Set(second.state.experts.keys) == [0, 3])
    for expert in [nil, 0, 3] as [Int?] {
      let a = try #require(expert.map { second.state.experts[$0] } ?? second.state.trunk)
      let b = try #require(expert.map { whole.state.experts[$0] } ?? whole.state.trunk)
      #expect(a.step == b.step && a.values == b.values && a.averages == b.averages)
      #expect(a.firstMoments == b.firstMoments && a.secondMoments == b.secondMoments)
    }
  }
  #expect(throws: TrainingError.self) { try DiffusionCheckpoint(contentsOf: path, names: ["other"]) }
}

/// The loss falls, and after the parting only the drawn task's copy moves.
@Test func stepsMakeTheLossSmallerAndTasksStayApart() throws {
  var options = DiffusionObjective.Options()
  options.lastStepShare = 1
  options.pictureDrop = 0
  let data = try data(twoTasks, try photographs(), options: options)
  let trainer = try trainer(rate: 5e-3, stepCount: 200)
  let losses = try run(trainer, data, to: 120, trunk: 120)
  let (first, last) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
  #expect(last < 0.7 * first, "\(first / 10) to \(last / 10)")
  trainer.part(into: data.prompts)
  #expect(trainer.state.experts[0]?.values == trainer.state.trunk.averages)
  let before = trainer.state
  let made = try data.batch(at: 120, .experts)
  _ = try trainer.step(made)
  let expert = try #require(made.expert)
  for prompt in data.prompts {
    #expect((trainer.state.experts[prompt]?.values == before.experts[prompt]?.values) == (prompt != expert))
  }
  #expect(trainer.state.trunk.values == before.trunk.values)
  // The rows of the frozen network: experts where there are some, else the trunk.
  let rows = trainer.state.rows(count: 5)
  let name = trainer.training.parameters[0]
  let index = try #require(rows[name]).elementCount / 5
  let floats = try #require(rows[name]).floats
  #expect(Array(floats[(4 * index)..<(5 * index)]) == trainer.state.trunk.averages[0].floats)
  #expect(Array(floats[..<index]) == trainer.state.experts[0]?.averages[0].floats)
}
