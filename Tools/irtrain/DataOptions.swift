import ArgumentParser
import Foundation
import IRONNX
import IRTraining

/// - Throws: `ValidationError` where a list of tasks cannot be read.
func checkTasks(_ text: String) throws {
  do { _ = try TrainingTask.list(text) } catch { throw ValidationError("--tasks: \(error)") }
}

/// Where batches come from.
struct DataOptions: ParsableArguments {
  @Option(help: "A folder of clean photographs.")
  var clean: String?

  @Option(parsing: .upToNextOption, help: "Two folders, degraded and clean, with files of the same names.")
  var pairs: [String] = []

  @Option(help: "What the clean photographs are given: degradations with weights, separated by commas.")
  var tasks = "noise15,noise25,noise50"

  @Option(help: "Crops in a batch.")
  var batch = 8

  @Option(help: "The side of a crop in pixels.")
  var crop = 64

  @Option(help: "What all that is random follows from.")
  var seed: UInt64 = 1

  func validate() throws {
    guard (clean != nil) != !pairs.isEmpty else { throw ValidationError("name either --clean or --pairs") }
    guard pairs.isEmpty || pairs.count == 2 else { throw ValidationError("--pairs takes two folders") }
    for (name, value) in [("batch", batch), ("crop", crop)] where value < 1 || value > 1 << 14 {
      throw ValidationError("--\(name) is \(value), must be in 1...\(1 << 14)")
    }
    try checkTasks(tasks)
  }

  var description: String { pairs.isEmpty ? tasks : "pairs" }

  var size: TrainingGraph.Batch { TrainingGraph.Batch(count: batch, height: crop, width: crop) }

  /// The data for a model's channels; `heldOut` are photographs that are not trained on.
  func data(channelCount: Int, heldOut: [String] = []) throws -> TrainingData {
    let held = Set(heldOut)
    let source: TrainingData.Source
    if let clean {
      let paths = try ImageSet.images(in: clean).filter { !held.contains($0) }
      source = .clean(
        try ImageSet(paths: paths, channelCount: channelCount), try TrainingTask.list(tasks))
    } else {
      let (low, high) = try ImageSet.pairs(pairs[0], pairs[1])
      source = .pairs(
        low: try ImageSet(paths: low, channelCount: channelCount),
        high: try ImageSet(paths: high, channelCount: channelCount))
    }
    return try TrainingData(source: source, seed: seed, batch: size)
  }

  /// What a run without --validation keeps for it.
  func heldOut() throws -> [String] {
    guard let clean else { return [] }
    return Validator.heldOut(try ImageSet.images(in: clean))
  }

  /// The side of the pictures where the model takes no others.
  static func fixedSide(_ model: ONNXModel) throws -> Int? {
    guard case .tensor(_, let shape?)? = model.graphInputs.first?.type, shape.count == 4,
      case .fixed(let height) = shape[2], case .fixed(let width) = shape[3]
    else { return nil }
    return Int(clamping: min(height, width))
  }

  /// How many channels a model's image has.
  static func channelCount(_ model: ONNXModel, _ path: String) throws -> Int {
    guard case .tensor(_, let shape?)? = model.graphInputs.first?.type, shape.count == 4,
      case .fixed(let channels) = shape[1], channels == 1 || channels == 3
    else {
      throw TrainingError.unsuitableModel(path: path, detail: "its input is no image of 1 or 3 channels")
    }
    return Int(channels)
  }
}
