import Foundation
import IRDegradation
import IRGraph
import IRImage
import IRONNX
import IROperators
import IRTensor
import Testing

@testable import IRTraining

private let batch = TrainingGraph.Batch(count: 2, height: 16, width: 16)

/// image + w · sigma, w for each channel.
private func model(_ sigma: TensorType = TensorType(.float32, [1, 1, 1, 1])) throws -> ONNXModel {
  var g = GraphBuilder(name: "level")
  let (image, level) = (
    g.input("image", TensorType(.float32, [1, 3, 16, 16])), g.input("sigma", sigma)
  )
  let weight = g.constant(Tensor([0.5, -1, 2] as [Float], shape: [1, 3, 1, 1]), name: "w")
  let number = try g.value(Cast(to: .float32), [level])
  let shift = try g.value(Binary(.multiply), [weight, number])
  g.output(try g.value(Binary(.add), [image, shift]), name: "restored")
  return try ONNXModel(try g.finished())
}

private func photographs(_ folder: String) throws -> ImageSet {
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  for index in 0..<2 {
    let pixels = (0..<(3 * 24 * 20)).map { Float(($0 * 7 + index * 40) % 200) / 255 }
    try ImageFile.write(
      Image(width: 24, height: 20, channelCount: 3, pixels: pixels), to: "\(folder)/\(index).png")
  }
  return try ImageSet(paths: try ImageSet.images(in: folder), channelCount: 3)
}

private func data(_ tasks: String, batch: TrainingGraph.Batch = batch) throws -> TrainingData {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID())").path
  return try TrainingData(
    clean: try photographs(folder), tasks: try TrainingTask.list(tasks), seed: 5, batch: batch)
}

/// The gradient of mean (x + w σ - t)² by w is 2 σ (x + w σ - t), summed over a channel's pixels and divided
/// by all samples.
@Test func gradientsFollowFromEachImagesLevel() throws {
  let file = try model()
  let graph = try TrainingGraph(
    model: file, path: "level", batch: batch, loss: Loss(pixel: .l2, fourierWeight: 0))
  #expect(graph.noise?.name == "sigma" && graph.parameters == ["w"])
  let options = Trainer.Options(
    optimizer: AdamW(), schedule: LearningRateSchedule(peak: 1e-3, stepCount: 1))
  let trainer = try Trainer(graph, weights: try file.initializers(named: ["w"]), options: options)
  trainer.keepsGradients = true
  let made = try data("noise25,noise0-55,clean").batch(at: 3)
  let levels = [51.0, 12.75]
  _ = try trainer.step(
    images: made.images, targets: made.targets, tasks: made.tasks, noiseLevels: levels)
  let (x, t) = (made.images.doubles, made.targets.doubles)
  let found = try #require(trainer.gradients["w"]).doubles
  for (channel, weight) in [0.5, -1, 2].enumerated() {
    var expected = 0.0
    for (image, level) in levels.enumerated() {
      let start = (image * 3 + channel) * 256
      for index in start..<(start + 256) {
        expected += 2 * level / 255 * (x[index] + weight * level / 255 - t[index]) / (2 * 3 * 256)
      }
    }
    #expect(abs(found[channel] - expected) < 1e-6 + 1e-4 * abs(expected), "\(found[channel]), \(expected)")
  }
}

@Test func batchesStateTheirLevels() throws {
  let large = TrainingGraph.Batch(count: 8, height: 20, width: 20)
  let made = try data("noise25:3,camera800:2,tone,jpeg30", batch: large)
  var seen: Set<String> = []
  for step in 0..<6 {
    let batch = try made.batch(at: step)
    #expect(batch.noiseLevels.count == 8)
    let (x, t) = (batch.images.doubles, batch.targets.doubles)
    for (index, level) in batch.noiseLevels.enumerated() {
      let part = (index * 1200)..<((index + 1) * 1200)
      let square = zip(x[part], t[part]).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      let measured = 255 * (square / 1200).squareRoot()
      let task = made.categories[batch.tasks[index]]
      seen.insert(task)
      switch task {
      case "noise": #expect(level == 25 && abs(measured - 25) < 2.5)
      case "tone": #expect(level == 0 && measured == 0)
      default: #expect(level > 0.5 && abs(measured - level) < 1e-3)
      }
    }
  }
  #expect(seen == ["noise", "camera", "tone", "jpeg"])
}

/// Images that state less keep the rest of their noise; those that state more are to become clean. The
/// degraded images are the same as without.
@Test func otherLevelsMoveTheTargets() throws {
  let plain = try data("noise40")
  var other = plain
  other.otherLevelShare = 1
  var (less, more) = (0, 0)
  for step in 0..<12 {
    let (a, b) = (try plain.batch(at: step), try other.batch(at: step))
    #expect(a.images == b.images && a.noiseLevels == [40, 40])
    let (x, clean, target) = (a.images.doubles, a.targets.doubles, b.targets.doubles)
    for image in 0..<2 {
      let level = b.noiseLevels[image]
      let share = min(level / 40, 1)
      if level < 40 { less += 1 } else { more += 1 }
      #expect(level < 82)
      for index in stride(from: image * 768, to: (image + 1) * 768, by: 37) {
        #expect(abs(target[index] - (x[index] + share * (clean[index] - x[index]))) < 1e-6)
      }
    }
  }
  #expect(less > 4 && more > 4)
  other.otherLevelShare = 0
  #expect(try other.batch(at: 2).targets == plain.batch(at: 2).targets)
}

/// Images that state no level keep their targets, and the others are as without.
@Test func unstatedLevelsLeaveTheTargets() throws {
  let plain = try data("noise40")
  var unstated = plain
  unstated.unstatedLevels = (0.5, -25.5)
  var count = 0
  for step in 0..<12 {
    let (a, b) = (try plain.batch(at: step), try unstated.batch(at: step))
    #expect(a.images == b.images && a.targets == b.targets)
    #expect(b.noiseLevels.allSatisfy { $0 == 40 || $0 == -25.5 })
    count += b.noiseLevels.count { $0 < 0 }
  }
  #expect((6...18).contains(count), "\(count) of 24")
}

@Test func levelsThatCannotBeTrainedAreRefused() throws {
  func graph(_ model: ONNXModel) throws -> TrainingGraph {
    try TrainingGraph(model: model, path: "level", batch: batch, loss: Loss())
  }
  #expect { try graph(try model(TensorType(.float64, [1]))) } throws: {
    "\($0)".contains("sigma is not float32")
  }
  var g = GraphBuilder(name: "map")
  let image = g.input("image", TensorType(.float32, [1, 4, 16, 16]))
  g.output(try g.value(Unary(.neg), [image]), name: "restored")
  let map = try ONNXModel(try g.finished())
  #expect { try graph(map) } throws: { "\($0)".contains("4 channels") }
}
