import Foundation
import IRDegradation
import IRGraph
import IRImage
import IRONNX
import IROperators
import IRRuntime
import IRTensor
import Testing

@testable import IRTraining

/// x + W₂ gelu(LN(W₁ x)), for one image, with the names and the metadata of a file; more layers normalize and
/// activate again.
private func tinyModel(layers: Int = 1) throws -> ONNXModel {
  var g = GraphBuilder(name: "tiny")
  let x = g.input("image", TensorType(.float32, [1, 3, 16, 16]))
  func weight(_ name: String, _ shape: Shape, _ scale: Double) -> ValueID {
    var random = RandomSource(seed: UInt64(shape.elementCount))
    let values = (0..<shape.elementCount).map { _ in scale * random.normal() }
    return g.constant(Tensor(TensorType(.float32, shape), doubles: values), name: name)
  }
  let plain = Convolution(strides: [1, 1], padsBefore: [1, 1], padsAfter: [1, 1], dilations: [1, 1])
  let inner = try g.value(
    plain, [x, weight("first.weight", [8, 3, 3, 3], 0.2), weight("first.bias", [8], 0.1)])
  let normal = try g.value(
    LayerNormalization(axes: [1]), [inner, weight("norm.weight", [8], 1), weight("norm.bias", [8], 0.1)])
  var active = try g.value(Activation(.gelu), [normal])
  for index in 1..<layers {
    let scale = [weight("norm\(index).weight", [8], 1), weight("norm\(index).bias", [8], 0.1)]
    let again = try g.value(LayerNormalization(axes: [1]), [active] + scale)
    active = try g.value(Activation(.gelu), [again])
  }
  let flat = try g.value(Reshape(shape: [1, 8, 256]), [active])
  let back = try g.value(Reshape(shape: [1, 8, 16, 16]), [flat])
  let outer = try g.value(plain, [back, weight("second.weight", [3, 8, 3, 3], 0.05)])
  g.output(try g.value(Binary(.add), [outer, x]), name: "restored")
  var graph = try g.finished()
  graph.metadata = ["licence": "test"]
  return try ONNXModel(graph)
}

private let batch = TrainingGraph.Batch(count: 3, height: 16, width: 16)

private func folderOfPictures() throws -> [String] {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID())").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  for index in 0..<3 {
    var random = RandomSource(seed: UInt64(index))
    let (a, b) = (random.uniform(3...9), random.uniform(3...9))
    var pixels: [Float] = []
    for i in 0..<(3 * 24 * 20) {
      let (x, y) = (Double(i % 24), Double(i / 24 % 20))
      let wave: Double = sin(x / a) * cos(y / b + Double(i / 480))
      pixels.append(Float(0.5 + 0.4 * wave))
    }
    let image = Image(width: 24, height: 20, channelCount: 3, pixels: pixels)
    try ImageFile.write(image, to: "\(folder)/\(index).png")
  }
  return try ImageSet.images(in: folder)
}

private func trainer(
  _ model: ONNXModel, threads: Int = 1, stepCount: Int = 12, memoryByteCount: Int? = nil,
  precision: Precision = .float32
) throws -> Trainer {
  let graph = try TrainingGraph(model: model, path: "tiny", batch: batch, loss: Loss(fourierWeight: 0.1))
  let options = Trainer.Options(
    optimizer: AdamW(weightDecay: 1e-3), schedule: LearningRateSchedule(peak: 5e-3, stepCount: stepCount),
    clipNorm: 1, average: ParameterAverage(decay: 0.9))
  return try Trainer(
    graph, weights: try model.initializers(named: graph.parameters + graph.frozen), options: options,
    runtime: RuntimeOptions(
      threadCount: threads, memoryByteCount: memoryByteCount, precision: precision))
}

private func data(_ paths: [String]) throws -> TrainingData {
  let tasks = try TrainingTask.list("noise25,rain:2")
  return try TrainingData(
    clean: try ImageSet(paths: paths, channelCount: 3), tasks: tasks, seed: 7, batch: batch)
}

private func run(_ trainer: Trainer, _ data: TrainingData, to end: Int) throws -> [Double] {
  let loader = BatchLoader(data, from: trainer.state.step, to: end)
  defer { loader.stop() }
  var losses: [Double] = []
  while trainer.state.step < end {
    let batch = try loader.next()
    losses.append(try trainer.step(images: batch.images, targets: batch.targets, tasks: batch.tasks).loss)
  }
  return losses
}

@Test func trainingMakesTheLossSmaller() throws {
  let model = try tinyModel()
  let trainer = try trainer(model, stepCount: 60)
  let losses = try run(trainer, try data(try folderOfPictures()), to: 60)
  let (first, last) = (losses.prefix(10).reduce(0, +), losses.suffix(10).reduce(0, +))
  #expect(last < 0.8 * first, "\(first / 10) to \(last / 10)")
}

@Test func resumedRunsHaveTheSameBytes() throws {
  let (model, paths) = (try tinyModel(), try folderOfPictures())
  let whole = try trainer(model)
  _ = try run(whole, try data(paths), to: 12)
  let first = try trainer(model, threads: 2)
  _ = try run(first, try data(paths), to: 5)
  let path = paths[0] + ".checkpoint"
  try Checkpoint.write(first.state, settings: ["tasks": "some"], to: path)
  let second = try trainer(model, threads: 3)
  let (state, settings) = try Checkpoint.read(path, names: second.training.parameters)
  #expect(settings == ["tasks": "some"] && state.step == 5)
  try second.resume(state, path: path)
  _ = try run(second, try data(paths), to: 12)
  #expect(second.state.values == whole.state.values)
  #expect(second.state.firstMoments == whole.state.firstMoments)
  #expect(second.state.secondMoments == whole.state.secondMoments)
  #expect(second.state.averages == whole.state.averages)
  #expect(second.state.runningLoss == whole.state.runningLoss)
}

/// Products of bfloat16 move the weights nearly as those of float32 do, by bits that threads do not change.
@Test func halfPrecisionTrainsAlike() throws {
  let (model, paths) = (try tinyModel(), try folderOfPictures())
  let (exact, half) = (try trainer(model), try trainer(model, precision: .bfloat16))
  let losses = try run(exact, try data(paths), to: 6)
  let rounded = try run(half, try data(paths), to: 6)
  #expect(zip(losses, rounded).allSatisfy { abs($0 - $1) < 0.02 * $0 })
  #expect(half.state.values != exact.state.values)
  let shared = try trainer(model, threads: 3, precision: .bfloat16)
  _ = try run(shared, try data(paths), to: 6)
  #expect(shared.state.values == half.state.values)
}

/// With little memory the step computes values again, and the weights move by the same bits.
@Test func lessMemoryTrainsTheSame() throws {
  let (model, paths) = (try tinyModel(layers: 6), try folderOfPictures())
  let wide = try trainer(model)
  #expect(wide.recomputedCount == 0)
  let ports = (wide.program.inputs + wide.program.outputs).reduce(0) { $0 + $1.type.byteCount }
  let limit = ports + wide.program.memoryPlan.peakByteCount * 3 / 4
  let narrow = try trainer(model, memoryByteCount: limit)
  #expect(narrow.recomputedCount > 0)
  #expect(narrow.program.memoryPlan.peakByteCount + ports <= limit)
  _ = try run(wide, try data(paths), to: 4)
  _ = try run(narrow, try data(paths), to: 4)
  #expect(narrow.state.values == wide.state.values)
  #expect(throws: TrainingError.self) { try trainer(model, memoryByteCount: ports + 1000) }
}

/// In memory for one arena all threads share each image: the weights move by the same bits.
@Test func threadsShareImagesInLittleMemory() throws {
  let (model, paths) = (try tinyModel(layers: 6), try folderOfPictures())
  let wide = try trainer(model, threads: 2)
  #expect(wide.imagesAtOnce == 2)
  let ports = (wide.program.inputs + wide.program.outputs).reduce(0) { $0 + $1.type.byteCount }
  let narrow = try trainer(
    model, threads: 2, memoryByteCount: ports + wide.program.memoryPlan.peakByteCount * 5 / 4)
  #expect(narrow.imagesAtOnce == 1)
  _ = try run(wide, try data(paths), to: 4)
  _ = try run(narrow, try data(paths), to: 4)
  #expect(narrow.state.values == wide.state.values)
}

@Test func checkpointsOfOthersAreRefused() throws {
  let paths = try folderOfPictures()
  let path = paths[0] + ".checkpoint"
  let trainer = try trainer(try tinyModel())
  try Checkpoint.write(trainer.state, settings: [:], to: path)
  #expect(throws: TrainingError.self) { try Checkpoint.read(path, names: ["other"]) }
  #expect(throws: TrainingError.self) { try Checkpoint.read(paths[0], names: trainer.training.parameters) }
  var bytes = try #require(FileManager.default.contents(atPath: path))
  bytes.removeLast(100)
  _ = FileManager.default.createFile(atPath: path, contents: bytes)
  #expect(throws: TrainingError.self) { try Checkpoint.read(path, names: trainer.training.parameters) }
}

@Test func weightsGoBackByName() throws {
  var model = try tinyModel()
  let trainer = try trainer(model)
  _ = try run(trainer, try data(try folderOfPictures()), to: 2)
  try model.replaceInitializers(trainer.result)
  let bytes = try model.serialized()
  let again = try bytes.withUnsafeBytes { try ONNXModel(bytes: $0) }
  #expect(again.metadata.contains { $0.key == "licence" && $0.value == "test" })
  #expect(again.graph.initializers.map(\.name) == (try tinyModel()).graph.initializers.map(\.name))
  let weights = try again.initializers(named: trainer.training.parameters)
  #expect(weights == trainer.result)
  #expect(throws: ONNXError.self) { try model.replaceInitializers(["unknown": Tensor(scalar: 1)]) }
  #expect(throws: ONNXError.self) { try model.replaceInitializers(["first.bias": Tensor(scalar: 1)]) }
}

/// A step moves the weights by the mean of the gradients that the images have alone, whether threads take
/// images or share them.
@Test func aBatchIsTheMeanOfItsImages() throws {
  let model = try tinyModel()
  let made = try data(try folderOfPictures()).batch(at: 3)
  func gradients(_ images: Tensor, _ targets: Tensor, count: Int, threads: Int) throws -> [String: Tensor] {
    let size = TrainingGraph.Batch(count: count, height: 16, width: 16)
    let graph = try TrainingGraph(model: model, path: "tiny", batch: size, loss: Loss(fourierWeight: 0.1))
    let trainer = try Trainer(
      graph, weights: try model.initializers(named: graph.parameters),
      options: Trainer.Options(optimizer: AdamW(), schedule: LearningRateSchedule(peak: 1e-3, stepCount: 1)),
      runtime: RuntimeOptions(threadCount: threads))
    trainer.keepsGradients = true
    _ = try trainer.step(images: images, targets: targets, tasks: [Int](repeating: 0, count: count))
    return trainer.gradients
  }
  let whole = try gradients(made.images, made.targets, count: 3, threads: 1)
  for threads in [2, 3, 5] {
    #expect(try gradients(made.images, made.targets, count: 3, threads: threads) == whole)
  }
  var sums = whole.mapValues { [Double](repeating: 0, count: $0.elementCount) }
  for index in 0..<3 {
    func part(_ tensor: Tensor) -> Tensor {
      Tensor(Array(tensor.floats[(index * 768)..<((index + 1) * 768)]), shape: [1, 3, 16, 16])
    }
    let own = try gradients(part(made.images), part(made.targets), count: 1, threads: 2)
    for (name, gradient) in own { sums[name] = zip(sums[name] ?? [], gradient.doubles).map { $0 + $1 / 3 } }
  }
  for (name, gradient) in whole {
    let largest = gradient.doubles.map { abs($0) }.max() ?? 0
    for (found, expected) in zip(gradient.doubles, sums[name] ?? []) {
      #expect(abs(found - expected) <= 1e-6 * largest, "\(name)")
    }
  }
}

/// The sum of what images give does not depend on which of them is done first.
@Test func sumsHaveAnOrderOfTheirOwn() throws {
  let size = TrainingGraph.Batch(count: 5, height: 16, width: 16)
  let graph = try TrainingGraph(model: try tinyModel(), path: "tiny", batch: size, loss: Loss())
  let program = try trainer(try tinyModel()).program
  var random = RandomSource(seed: 3)
  let outputs = (0..<5).map { _ in
    program.outputs.map { port in (0..<port.type.shape.elementCount).map { _ in Float(random.normal()) } }
  }
  let sum = OrderedSum(graph.imageGradients, count: graph.batch.count, program)
  func mean(_ order: [Int], threads: Int) throws -> BatchGradients.Result {
    sum.start()
    for image in order {
      let tensors = outputs[image].map { Tensor($0, shape: [$0.count]) }
      sum.add(tensors.map { UnsafeRawPointer($0.storage.pointer) }, of: image)
      withExtendedLifetime(tensors) {}
    }
    return try sum.mean(count: 5, threadCount: threads)
  }
  let first = try mean([0, 1, 2, 3, 4], threads: 1)
  for order in [[4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
    let found = try mean(order, threads: 3)
    #expect(found.gradients == first.gradients && found.loss == first.loss && found.squares == first.squares)
  }
  for (index, name) in graph.parameters.enumerated() {
    let place = try #require(
      program.outputs.firstIndex { $0.name == TrainingGraph.gradientName(name) })
    let found = first.gradients[index].doubles
    for element in found.indices {
      let expected = outputs.reduce(0) { $0 + Double($1[place][element]) } / 5
      #expect((found[element] - expected).magnitude < 1e-6)
    }
    let square = found.reduce(0) { $0 + $1 * $1 }
    #expect((first.squares[index] - square).magnitude <= 1e-12 * square)
  }
  sum.start()
  sum.fail(.missingInput(name: "later"), of: 3)
  sum.fail(.missingInput(name: "earlier"), of: 1)
  #expect { try sum.mean(count: 5, threadCount: 1) } throws: { "\($0)".contains("earlier") }
}

@Test func batchesAreAFunctionOfTheStep() throws {
  let paths = try folderOfPictures()
  let (a, b) = (try data(paths).batch(at: 11), try data(paths).batch(at: 11))
  #expect(a.images == b.images && a.targets == b.targets && a.tasks == b.tasks)
  #expect(try data(paths).batch(at: 12).targets != a.targets)
  #expect(a.targets.floats.allSatisfy { (0...1).contains($0) })
  let small = TrainingGraph.Batch(count: 1, height: 40, width: 40)
  let tasks = try TrainingTask.list("noise25")
  let photographs = try ImageSet(paths: paths, channelCount: 3)
  #expect {
    try TrainingData(clean: photographs, tasks: tasks, seed: 1, batch: small).batch(at: 0)
  } throws: {
    "\($0)".contains("24×20 pixels, smaller than a crop of 40×40")
  }
}

/// Crops of shrunk photographs and pairs come in one batch, each with its class.
@Test func pairsAreATaskAmongOthers() throws {
  let paths = try folderOfPictures()
  let photographs = try ImageSet(paths: paths, channelCount: 3)
  let pairs = try TrainingData.Pairs(low: photographs, high: photographs)
  let tasks = try TrainingTask.list("camera+shrink=noise,noise5,pairs=noise:2,tone=clean,clean:0.5")
  #expect(tasks.map(\.name) == ["camera+shrink", "noise5", "pairs", "tone", "clean"])
  #expect(tasks.map(\.weight) == [1, 1, 2, 1, 0.5])
  let data = try TrainingData(clean: photographs, pairs: pairs, tasks: tasks, seed: 4, batch: batch)
  #expect(data.categories == ["noise", "clean"])
  for step in 0..<12 {
    let made = try data.batch(at: step)
    #expect(made.images.shape == [batch.count, 3, batch.height, batch.width])
    #expect(made.targets.floats.allSatisfy { (0...1).contains($0) })
    #expect(made.tasks.allSatisfy { (0...1).contains($0) })
  }
  #expect { try TrainingData(clean: photographs, tasks: tasks, seed: 4, batch: batch) } throws: {
    "\($0)".contains("needs pairs")
  }
  #expect { try TrainingData(clean: nil, pairs: pairs, tasks: tasks, seed: 4, batch: batch) } throws: {
    "\($0)".contains("camera+shrink needs clean photographs")
  }
}

@Test(arguments: ["noise5=:2", "noise5:0", "noise5:-1", "pairs:x", "=noise"])
func tasksThatCannotBeReadAreRefused(_ text: String) {
  #expect(throws: DegradationError.self) { try TrainingTask.list(text) }
}

@Test func patternsFindPairs() throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID())").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let picture = Image(width: 4, height: 4, channelCount: 3, pixels: [Float](repeating: 0.5, count: 48))
  for name in ["a_low.png", "a_high.jpg", "b_low.png", "b_high.jpg", "other.png"] {
    try ImageFile.write(picture, to: "\(folder)/\(name)")
  }
  let (low, high) = try ImageSet.pairs("\(folder)/*_low.png", "\(folder)/*_high.jpg")
  #expect(low == ["a", "b"].map { "\(folder)/\($0)_low.png" })
  #expect(high == ["a", "b"].map { "\(folder)/\($0)_high.jpg" })
  try FileManager.default.removeItem(atPath: "\(folder)/b_high.jpg")
  #expect { try ImageSet.pairs("\(folder)/*_low.png", "\(folder)/*_high.jpg") } throws: {
    "\($0)".contains("b_low.png")
  }
  #expect { try ImageSet.pairs("\(folder)/*_no.png", "\(folder)/*_high.jpg") } throws: {
    "\($0)".contains("no pictures match")
  }
  #expect { try ImageSet.pairs("\(folder)/*_*.png", "\(folder)/*_high.jpg") } throws: {
    "\($0)".contains("one *")
  }
}

@Test func whatDoesNotFitIsNamed() throws {
  let model = try tinyModel()
  #expect {
    try TrainingGraph(model: model, path: "tiny", batch: batch, loss: Loss(routerWeight: 0.1), taskCount: 3)
  } throws: {
    "\($0)".contains("it has no router of 3 tasks")
  }
  let large = TrainingGraph.Batch(count: 1, height: 32, width: 32)
  #expect {
    try TrainingGraph(model: model, path: "tiny", batch: large, loss: Loss())
  } throws: {
    "\($0)".contains("exported for pictures of 16×16 pixels")
  }
  #expect {
    try TrainingGraph(model: model, path: "tiny", batch: batch, loss: Loss()) { _ in false }
  } throws: {
    "\($0)".contains("there is nothing to train")
  }
}

@Test func followersMoveToTheirLeadersAndTakeNoGradient() throws {
  let model = try tinyModel()
  let graph = try TrainingGraph(model: model, path: "tiny", batch: batch, loss: Loss())
  let weights = try model.initializers(named: graph.parameters + graph.frozen)
  let options = Trainer.Options(
    optimizer: AdamW(), schedule: LearningRateSchedule(peak: 1e-2, stepCount: 1), followerDecay: 0.75)
  // The second has no such leader, the third one of another type.
  let leaders = ["norm.bias": "first.bias", "second.weight": "nobody", "norm.weight": "first.weight"]
  let trainer = try Trainer(graph, weights: weights, options: options, leader: { leaders[$0] })
  _ = try run(trainer, try data(try folderOfPictures()), to: 1)
  func values(_ name: String) throws -> (before: [Double], after: [Double]) {
    let index = try #require(trainer.state.names.firstIndex(of: name))
    return (try #require(weights[name]).doubles, trainer.state.values[index].doubles)
  }
  let (follower, leader) = (try values("norm.bias"), try values("first.bias"))
  for index in follower.after.indices {
    let expected = 0.75 * follower.before[index] + 0.25 * leader.after[index]
    #expect(abs(follower.after[index] - expected) < 1e-6)
  }
  #expect(leader.after != leader.before)
  for name in ["second.weight", "norm.weight"] {
    let own = try values(name)
    #expect(own.after != own.before)
  }
}
