import ArgumentParser
import Foundation
import IRDegradation
import IRONNX
import IRRestorers
import IRTraining

/// - Throws: `ValidationError` if a list of tasks cannot be read.
func checkTasks(_ text: String) throws {
  do { _ = try TrainingTask.list(text) } catch { throw ValidationError("--tasks: \(error)") }
}

/// The data that batches are made of.
struct DataOptions: ParsableArguments {
  @Option(help: "Folder of clean photographs.", completion: .directory)
  var clean: String?

  @Option(
    parsing: .upToNextOption,
    help: """
      Degraded and clean photographs of the same scenes: two folders with the same file names, or two patterns in which \
      * stands for the same text ('set/*_noisy.jpg' 'set/*_mean.jpg').
      """, completion: .file())
  var pairs: [String] = []

  @Option(
    help: """
      Tasks, separated by commas, with optional weights (noise25,camera+jpeg70-98:2,pairs). A class for routers follows \
      an equals sign (camera=noise:2). (default: noise15,noise25,noise50; without --clean: pairs)
      """)
  var tasks: String?

  @Option(
    help: """
      For models that take a noise level: share of crops, 0 to 1, that state another level than theirs. Half of them \
      state less, and their targets keep the rest of the noise, which makes the level a slider. Half of them state \
      more, and their targets are clean, which makes a high estimate harmless.
      """)
  var otherLevels = 0.0

  @Option(
    help: """
      For models that take a noise level and state noise_unstated in their metadata: share of crops, 0 to 1, that \
      state no level. The model learns to judge the noise by itself where no level is stated.
      """)
  var unstatedLevels = 0.0

  @Option(help: "Number of crops in a batch.")
  var batch = 8

  @Option(help: "Side of a crop in pixels.")
  var crop = 64

  @Option(help: .seed)
  var seed: UInt64 = 1

  func validate() throws {
    guard clean != nil || !pairs.isEmpty else {
      throw ValidationError("no photographs: name --clean, --pairs or both")
    }
    guard pairs.isEmpty || pairs.count == 2 else {
      throw ValidationError("--pairs takes two folders or patterns")
    }
    for (name, value) in [("batch", batch), ("crop", crop)] where value < 1 || value > 1 << 14 {
      throw ValidationError("--\(name) is \(value), must be in 1...\(1 << 14)")
    }
    for (name, share) in [("other", otherLevels), ("unstated", unstatedLevels)] {
      guard (0...1).contains(share) else {
        throw ValidationError("--\(name)-levels is \(share), must be 0 to 1")
      }
    }
    try checkTasks(taskText)
    for task in try taskList() {
      if task.source == .pairs, pairs.isEmpty {
        throw ValidationError("--tasks names pairs, and there is no --pairs")
      }
      if task.source != .pairs, clean == nil {
        throw ValidationError("--tasks names \(task.name), and there is no --clean to degrade")
      }
    }
    if clean != nil, !pairs.isEmpty, try !taskList().contains(where: { $0.source == .pairs }) {
      throw ValidationError("--tasks does not name pairs: add pairs to it, or leave --pairs out")
    }
  }

  var taskText: String { tasks ?? (clean == nil ? TrainingTask.pairsName : "noise15,noise25,noise50") }

  func taskList() throws -> [TrainingTask] { try TrainingTask.list(taskText) }

  var size: TrainingGraph.Batch { TrainingGraph.Batch(count: batch, height: crop, width: crop) }

  /// The data for a model's inputs; `heldOut` are photographs that are not trained on.
  func data(for ports: TrainablePorts, heldOut: [String] = []) throws -> TrainingData {
    guard otherLevels == 0 || ports.noise != nil else {
      throw ValidationError("--other-levels is for models that take a noise level")
    }
    guard unstatedLevels == 0 || ports.noise?.unstatedLevel != nil else {
      throw ValidationError(
        "--unstated-levels is for models that take a noise level and state noise_unstated in their metadata")
    }
    let (held, channelCount) = (Set(heldOut), ports.image.channelCount)
    let photographs = try clean.map { folder in
      try ImageSet(
        paths: try ImageSet.images(in: folder).filter { !held.contains($0) }, channelCount: channelCount)
    }
    var data = try TrainingData(
      clean: photographs, pairs: try pairSet(channelCount: channelCount), tasks: try taskList(), seed: seed,
      batch: size)
    data.otherLevelShare = otherLevels
    data.unstatedLevels = (unstatedLevels, ports.noise?.unstatedLevel ?? 0)
    return data
  }

  private func pairSet(channelCount: Int) throws -> TrainingData.Pairs? {
    guard !pairs.isEmpty else { return nil }
    let (low, high) = try ImageSet.pairs(pairs[0], pairs[1])
    return try TrainingData.Pairs(
      low: try ImageSet(paths: low, channelCount: channelCount),
      high: try ImageSet(paths: high, channelCount: channelCount))
  }

  /// The photographs that a run without --validation keeps for it.
  func heldOut() throws -> [String] {
    guard let clean else { return [] }
    return Validator.heldOut(try ImageSet.images(in: clean))
  }

  /// The inputs of the model at `path`.
  static func ports(_ model: ONNXModel, _ path: String) throws -> TrainablePorts {
    do { return try TrainablePorts(model) } catch {
      throw TrainingError.unsuitableModel(path: path, detail: "\(error)")
    }
  }
}

extension ImagePort {
  /// The side of the pictures where the model takes no others.
  var fixedSide: Int? {
    guard let height, let width else { return nil }
    return min(height, width)
  }
}
