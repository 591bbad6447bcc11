import Foundation
import IRTraining

/// The settings that a checkpoint holds beside the state, which a run that goes on from it must share.
extension Train {
  /// The output's path without its extension, which the run's other files share.
  var stem: String { String(output.dropLast(5)) }

  var checkpointPath: String { stem + ".checkpoint" }

  var trainerOptions: Trainer.Options { options.trainerOptions(stepCount: stepLimit) }

  private static let scheduleKey = "schedule"
  private static let timedScheduleKey = "timedSchedule"
  private static let elapsedKey = "elapsed"

  /// The settings that a resumed run shares with its checkpoint, each value as JSON; the schedule is compared
  /// on its own.
  private func settings() throws -> [String: String] {
    var trainer = trainerOptions
    trainer.schedule = LearningRateSchedule(peak: 1, stepCount: 1)
    var found = [
      "tasks": source.taskText, "batch": "\(source.batch)", "crop": "\(source.crop)",
      "seed": "\(source.seed)",
      "only": options.only ?? "", "freeze": options.freeze ?? "",
    ]
    if options.precision.value != .float32 { found["precision"] = "\(options.precision.value)" }
    if source.otherLevels > 0 { found["otherLevels"] = "\(source.otherLevels)" }
    if source.unstatedLevels > 0 { found["unstatedLevels"] = "\(source.unstatedLevels)" }
    for (name, value) in try Self.fields(of: options.lossFunction) { found["loss.\(name)"] = value }
    for (name, value) in try Self.fields(of: trainer) { found["trainer.\(name)"] = value }
    return found
  }

  /// The fields of a value and of the values in it, by dotted names.
  private static func fields(of value: some Encodable) throws -> [String: String] {
    func flat(_ value: Any, _ name: String) -> [(String, String)] {
      guard let object = value as? [String: Any] else { return [(name, "\(value)")] }
      return object.flatMap { flat($1, name.isEmpty ? $0 : "\(name).\($0)") }
    }
    let object = try JSONSerialization.jsonObject(with: try JSONEncoder().encode(value))
    return Dictionary(flat(object, ""), uniquingKeysWith: { first, _ in first })
  }

  /// The settings and the schedule, as a checkpoint after `elapsed` seconds holds them.
  func checkpointSettings(elapsed: Double) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    var found = try settings()
    if let timedSchedule {
      found[Self.timedScheduleKey] = String(decoding: try encoder.encode(timedSchedule), as: UTF8.self)
      found[Self.elapsedKey] = "\(elapsed)"
    } else {
      found[Self.scheduleKey] = String(decoding: try encoder.encode(trainerOptions.schedule), as: UTF8.self)
    }
    return found
  }

  /// - Returns: the seconds that the run had taken, where it ends by the clock; else 0.
  /// - Throws: `TrainingError.checkpoint` if the run that stopped at `step` was another one.
  func check(_ found: [String: String], step: Int, path: String) throws -> Double {
    let schedules: Set = [Self.scheduleKey, Self.timedScheduleKey, Self.elapsedKey]
    try checkSettings(found, are: try settings(), except: schedules, path: path)
    return try timedSchedule == nil
      ? checkSteps(found, step: step, path: path) : checkTime(found, path: path)
  }

  private func checkTime(_ found: [String: String], path: String) throws -> Double {
    guard let elapsed = found[Self.elapsedKey].flatMap({ Double($0) }),
      let text = found[Self.timedScheduleKey],
      let old = try? JSONDecoder().decode(TimedSchedule.self, from: Data(text.utf8)), let new = timedSchedule
    else {
      throw TrainingError.checkpoint(
        path: path, detail: "it belongs to a run that ends after --steps, not by --time")
    }
    guard (old.peak, old.floor, old.warmUpStepCount) == (new.peak, new.floor, new.warmUpStepCount) else {
      throw TrainingError.checkpoint(
        path: path, detail: "it belongs to a run with another --rate, --final-rate or --warm-up")
    }
    return elapsed
  }

  private func checkSteps(_ found: [String: String], step: Int, path: String) throws -> Double {
    let old = (found[Self.scheduleKey]?.data(using: .utf8)).flatMap {
      try? JSONDecoder().decode(LearningRateSchedule.self, from: $0)
    }
    let new = trainerOptions.schedule
    guard let old else {
      throw TrainingError.checkpoint(
        path: path, detail: "it belongs to a run that ends by --time, not after --steps")
    }
    guard step <= stepLimit, new.agrees(with: old, upTo: step) else {
      throw TrainingError.checkpoint(
        path: path,
        detail:
          "it has \(step) steps of a run of \(old.stepCount), with other learning rates than this run of "
          + "\(stepLimit) would have had: the length can change only before the rate falls (--decay-steps)")
    }
    return 0
  }
}
