import ArgumentParser
import IRCommandLine
import IRRuntime
import IRTraining

/// How weights are moved.
enum Optimizer: String, ExpressibleByArgument, CaseIterable { case adamw, adam, muon }

/// The settings of steps that all runs have, whatever their defaults.
protocol StepSettings {
  var optimizer: Optimizer { get }
  var rate: Double { get }
  var finalRate: Double { get }
  var warmUp: Int { get }
  var decaySteps: Int? { get }
  var weightDecay: Double { get }
  var beta1: Double { get }
  var beta2: Double { get }
  var clip: Double { get }
  var average: Double { get }
  var threads: ThreadOptions { get }
  var memory: MemorySize? { get }
}

func require(_ condition: Bool, _ text: String) throws {
  if !condition { throw ValidationError(text) }
}

extension StepSettings {
  /// - Throws: `ValidationError` for the first setting that is out of its range.
  func checkStepSettings() throws {
    try require(rate > 0 && rate.isFinite, "--rate is \(rate), must be positive")
    try require((0...rate).contains(finalRate), "--final-rate is \(finalRate), must be in 0...\(rate)")
    try require(warmUp >= 0, "--warm-up is \(warmUp), must not be negative")
    if let decaySteps { try require(decaySteps >= 0, "--decay-steps is \(decaySteps), must not be negative") }
    try require((0..<1).contains(average), "--average is \(average), must be in 0..<1")
    try require((0..<1).contains(beta1) && (0..<1).contains(beta2), "--beta1 and --beta2 must be in 0..<1")
    try require(clip >= 0 && weightDecay >= 0, "--clip and --weight-decay must not be negative")
  }

  var runtime: RuntimeOptions {
    RuntimeOptions(threadCount: threads.count, memoryByteCount: memory?.byteCount)
  }

  func trainerOptions(stepCount: Int, followerDecay: Double = 0.999) -> Trainer.Options {
    Trainer.Options(
      optimizer: AdamW(
        beta1: beta1, beta2: beta2, weightDecay: weightDecay, isDecoupled: optimizer != .adam),
      muon: optimizer == .muon ? Muon(weightDecay: weightDecay) : nil,
      schedule: LearningRateSchedule(
        peak: rate, floor: finalRate, warmUpStepCount: warmUp, stepCount: stepCount,
        decayStepCount: decaySteps),
      clipNorm: clip > 0 ? clip : nil,
      average: average > 0 ? ParameterAverage(decay: average) : nil, followerDecay: followerDecay)
  }
}
