import ArgumentParser
import IRCommandLine
import IRTraining

/// A run of steps, or one that ends by the clock, and how often it says and keeps something.
protocol RunLength {
  associatedtype Options: StepSettings
  var options: Options { get }
  var steps: Int? { get }
  var time: TimeSpan? { get }
  var decayTime: TimeSpan? { get }
  var validateEvery: Int { get }
  var checkpointEvery: Int { get }
  var logEvery: Int { get }
}

extension RunLength {
  /// Steps of the run, or none to count where it ends by the clock.
  var stepLimit: Int { steps ?? .max }

  var timedSchedule: TimedSchedule? {
    time.map {
      TimedSchedule(
        peak: options.rate, floor: options.finalRate, warmUpStepCount: options.warmUp, seconds: $0.seconds,
        decaySeconds: decayTime?.seconds)
    }
  }

  /// - Throws: `ValidationError` if the run has no length, or two.
  func checkLength() throws {
    try require((steps == nil) != (time == nil), "state the length of the run: either --steps or --time")
    try require(
      (time == nil || options.decaySteps == nil) && (time != nil || decayTime == nil),
      "--decay-steps belongs to --steps, --decay-time to --time")
    for (name, value) in [
      ("steps", steps ?? 1), ("checkpoint-every", checkpointEvery), ("log-every", logEvery),
    ] { try require(value >= 1, "--\(name) is \(value), must be at least 1") }
    try require(validateEvery >= 0, "--validate-every must not be negative")
  }
}

/// - Throws: `TrainingError.checkpoint` if settings other than `own` made the checkpoint `path`; those called
///   `ignored` are not compared.
func checkSettings(
  _ found: [String: String], are own: [String: String], except ignored: Set<String>, path: String
) throws {
  let names = Set(own.keys).union(found.keys).subtracting(ignored)
  let differing = names.filter { found[$0] != own[$0] }.sorted()
  guard differing.isEmpty else {
    let text = differing.map { "\($0) was \(found[$0] ?? "missing"), is \(own[$0] ?? "missing")" }
    throw TrainingError.checkpoint(
      path: path, detail: "it belongs to a run with other settings: \(text.joined(separator: "; "))")
  }
}
