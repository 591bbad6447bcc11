import Foundation
import IRCommandLine
import IRModels
import IRTraining

/// The settings that a checkpoint holds beside the state, which a run that goes on from it must share.
extension UniRes {
  static let elapsedKey = "elapsed"
  private static let scheduleKey = "schedule"

  /// Steps of the trunk in a run of --steps.
  var trunkStepCount: Int {
    guard let steps else { return .max }
    return Int((Double(steps) * trunkShare).rounded())
  }

  /// Everything that a resumed run shares with its checkpoint, by the options' names.
  func checkpointSettings(_ unet: DenoisingUNetConfiguration) throws -> [String: String] {
    let trainer = options.trainerOptions(stepCount: stepLimit)
    var found = [
      "tasks": source.tasks, "batch": "\(source.batch)", "crop": "\(source.crop)", "seed": "\(source.seed)",
      "trunk-share": "\(trunkShare)", "channel-exponent": "\(model.channelExponent)",
      "config": try JSONText.text(unet), "scheduler": try JSONText.text(model.scheduler),
      "objective": try JSONText.text(model.objective), "optimizer": try JSONText.text(trainer.optimizer),
      "clip": "\(options.clip)", "average": "\(options.average)",
    ]
    if let muon = trainer.muon { found["muon"] = try JSONText.text(muon) }
    if let timedSchedule {
      found[Self.scheduleKey] = try JSONText.text(timedSchedule)
    } else {
      found[Self.scheduleKey] = try JSONText.text(trainer.schedule)
    }
    return found
  }

  /// - Returns: the seconds that the run had taken, where it ends by the clock; else 0.
  /// - Throws: `TrainingError.checkpoint` if the run that stopped was another one.
  func check(_ checkpoint: DiffusionCheckpoint, _ own: [String: String]) throws -> Double {
    let found = checkpoint.settings
    try checkSettings(found, are: own, except: [Self.elapsedKey], path: checkpointPath)
    return found[Self.elapsedKey].flatMap { Double($0) } ?? 0
  }
}
