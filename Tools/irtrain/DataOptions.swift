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

  /// The data for a model's channels; `heldOut` are photographs that are not trained on.
  func data(channelCount: Int, heldOut: [String] = []) throws -> TrainingData {
    let held = Set(heldOut)
    let photographs = try clean.map { folder in
      try ImageSet(
        paths: try ImageSet.images(in: folder).filter { !held.contains($0) }, channelCount: channelCount)
    }
    return try TrainingData(
      clean: photographs, pairs: try pairSet(channelCount: channelCount), tasks: try taskList(), seed: seed,
      batch: size)
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

  /// The side of the pictures where the model takes no others.
  static func fixedSide(_ model: ONNXModel) throws -> Int? {
    let port = try ImagePort.trainable(of: model)
    guard let height = port.height, let width = port.width else { return nil }
    return min(height, width)
  }

  /// How many channels a model's image has.
  static func channelCount(_ model: ONNXModel, _ path: String) throws -> Int {
    do { return try ImagePort.trainable(of: model).channelCount } catch {
      throw TrainingError.unsuitableModel(path: path, detail: "\(error)")
    }
  }
}
