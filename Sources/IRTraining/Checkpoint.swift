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
    var metadata = settings
    metadata["step"] = "\(state.step)"
    // The bits, so that nothing is lost in print.
    metadata["runningLoss"] = "\(state.runningLoss.bitPattern)"
    try write(tensors(of: state), metadata: metadata, to: path)
  }

  /// A state's tensors under names that `state` finds them by.
  static func tensors(of state: TrainingState, prefix: String = "") -> [NamedTensor] {
    let lists = [state.values, state.firstMoments, state.secondMoments, state.averages]
    return zip(groups, lists).flatMap { group, values in
      zip(state.names, values).map { NamedTensor("\(prefix)\(group)/\($0)", $1) }
    }
  }

  /// The state of tensors by name, at step 0.
  /// - Throws: `TrainingError.checkpoint` if one is missing.
  static func state(
    _ byName: [String: Tensor], prefix: String = "", names: [String], path: String
  ) throws(TrainingError) -> TrainingState {
    var lists: [[Tensor]] = []
    for group in groups {
      var list: [Tensor] = []
      for name in names {
        guard let tensor = byName["\(prefix)\(group)/\(name)"], tensor.elementType == .float32 else {
          throw .checkpoint(path: path, detail: "it has no \(group) of \(name)")
        }
        list.append(tensor)
      }
      lists.append(list)
    }
    var state = TrainingState(names: names, values: lists[0])
    (state.firstMoments, state.secondMoments, state.averages) = (lists[1], lists[2], lists[3])
    return state
  }

  static func write(
    _ tensors: [NamedTensor], metadata: [String: String], to path: String
  ) throws(TrainingError) {
    do { try SafetensorsFile.write(tensors, metadata: metadata, to: path) } catch {
      throw .checkpoint(path: path, detail: "\(error)")
    }
  }

  /// All tensors of a file by name, and its settings.
  static func read(
    _ path: String
  ) throws(TrainingError) -> (tensors: [String: Tensor], metadata: [String: String]) {
    do {
      let (tensors, metadata) = try SafetensorsFile.read(path)
      return (
        Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first }), metadata
      )
    } catch { throw unreadable(path, "\(error)") }
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
    let (tensors, metadata) = try read(path)
    guard let step = metadata["step"].flatMap({ Int($0) }), step >= 0,
      let loss = metadata["runningLoss"].flatMap({ UInt64($0) })
    else { throw .checkpoint(path: path, detail: "it is not a checkpoint of a training run") }
    var state = try Self.state(tensors, names: names, path: path)
    guard tensors.count == groups.count * names.count else {
      throw .checkpoint(path: path, detail: "it has weights that the model does not train")
    }
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
    let (tensors, metadata) = try read(path)
    let prefix = areAverages ? "average/" : "weight/"
    let own = tensors.filter { $0.key.hasPrefix(prefix) }
    guard let step = metadata["step"].flatMap({ Int($0) }), !own.isEmpty else {
      throw .checkpoint(path: path, detail: "it is not a checkpoint of a training run")
    }
    let weights = own.map { (String($0.key.dropFirst(prefix.count)), $0.value) }
    return (Dictionary(weights, uniquingKeysWith: { first, _ in first }), step, metadata)
  }
}
