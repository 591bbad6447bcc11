import IRCompiler
import IRRuntime

/// The time that each step of a restoration took: one run of the network for each tile and rotation, in
/// order.
public struct RestorationProfile: Sendable {
  /// A step of the network's program.
  public struct Step: Sendable {
    public var kernel: String
    /// The last node of the network's graph that the step computes.
    public var node: String
    public var multiplyAddCount: Int
    /// Bytes of all operands, each read or written once.
    public var byteCount: Int
    public var seconds: Double
  }

  package struct Run: Sendable {
    package var program: Program
    package var profile: Profile
    package var start: ContinuousClock.Instant
  }

  package var runs: [Run] = []

  /// The steps of all runs.
  public var steps: [Step] {
    runs.flatMap { run in
      zip(run.program.steps, run.profile.seconds).map { step, seconds in
        Step(
          kernel: step.kernel.name, node: step.node, multiplyAddCount: step.multiplyAddCount,
          byteCount: step.byteCount, seconds: seconds)
      }
    }
  }

  /// The sum over all steps.
  public var seconds: Double { runs.reduce(0) { $0 + $1.profile.seconds.reduce(0, +) } }
}
