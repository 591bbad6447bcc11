import Foundation
import IRTensor
import IRTensorFiles

/// A run on disk: a safetensors file with the state, and in its header what the run was asked for. Written
/// beside its place and renamed, so that there is always a whole one.
package enum Checkpoint {
  private static let groups = ["weight", "first", "second", "average"]

  /// Writes a state and the run's settings, which resuming compares.
  /// - Throws: `TrainingError.checkpoint` with the system's reason.
  package static func write(
    _ state: TrainingState, settings: [String: String], to path: String
  ) throws(TrainingError) {
    var tensors: [NamedTensor] = []
    for (group, values) in zip(
      groups, [state.values, state.firstMoments, state.secondMoments, state.averages])
    {
      for (name, value) in zip(state.names, values) { tensors.append(NamedTensor("\(group)/\(name)", value)) }
    }
    var metadata = settings
    metadata["step"] = "\(state.step)"
    // The bits, so that nothing is lost in print.
    metadata["runningLoss"] = "\(state.runningLoss.bitPattern)"
    do { try SafetensorsFile.write(tensors, metadata: metadata, to: path) } catch {
      throw .checkpoint(path: path, detail: "\(error)")
    }
  }

  /// The reason names the file itself, or does not.
  private static func unreadable(_ path: String, _ reason: String) -> TrainingError {
    .checkpoint(
      path: path, detail: reason.hasPrefix("\(path): ") ? String(reason.dropFirst(path.count + 2)) : reason)
  }

  /// - Returns: the state with its weights in the order of `names`, and the settings it was written with.
  /// - Throws: `TrainingError.checkpoint` if the file is damaged or lacks a weight.
  package static func read(
    _ path: String, names: [String]
  ) throws(TrainingError) -> (state: TrainingState, settings: [String: String]) {
    let (tensors, metadata): ([NamedTensor], [String: String])
    do { (tensors, metadata) = try SafetensorsFile.read(path) } catch { throw unreadable(path, "\(error)") }
    guard let step = metadata["step"].flatMap({ Int($0) }), step >= 0,
      let loss = metadata["runningLoss"].flatMap({ UInt64($0) })
    else { throw .checkpoint(path: path, detail: "it is not a checkpoint of a training run") }
    let byName = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    var lists: [[Tensor]] = []
    for group in groups {
      var list: [Tensor] = []
      for name in names {
        guard let tensor = byName["\(group)/\(name)"], tensor.elementType == .float32 else {
          throw .checkpoint(path: path, detail: "it has no \(group) of \(name)")
        }
        list.append(tensor)
      }
      lists.append(list)
    }
    guard tensors.count == groups.count * names.count else {
      throw .checkpoint(path: path, detail: "it has weights that the model does not train")
    }
    var state = TrainingState(names: names, values: lists[0])
    (state.firstMoments, state.secondMoments, state.averages) = (lists[1], lists[2], lists[3])
    (state.step, state.runningLoss) = (step, Double(bitPattern: loss))
    var settings = metadata
    settings["step"] = nil
    settings["runningLoss"] = nil
    return (state, settings)
  }

  /// The weights of a run as it stopped, by name: their average, or those of the last step; and how many
  /// steps it had made.
  /// - Throws: `TrainingError.checkpoint` if the file is damaged or not a checkpoint.
  package static func weights(
    _ path: String, areAverages: Bool
  ) throws(TrainingError) -> (weights: [String: Tensor], step: Int, settings: [String: String]) {
    let (tensors, metadata): ([NamedTensor], [String: String])
    do { (tensors, metadata) = try SafetensorsFile.read(path) } catch { throw unreadable(path, "\(error)") }
    let prefix = areAverages ? "average/" : "weight/"
    let own = tensors.filter { $0.name.hasPrefix(prefix) }
    guard let step = metadata["step"].flatMap({ Int($0) }), !own.isEmpty else {
      throw .checkpoint(path: path, detail: "it is not a checkpoint of a training run")
    }
    let weights = own.map { (String($0.name.dropFirst(prefix.count)), $0.tensor) }
    return (Dictionary(weights, uniquingKeysWith: { first, _ in first }), step, metadata)
  }
}
