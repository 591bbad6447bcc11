import Foundation
import IRCompiler

/// The time of a program's runs, by kernel and by step. Steps of several programs are summed where they
/// have the same number and shape, as those of tiles have.
package struct KernelTimes {
  /// A step as `--json` has it.
  package struct Step: Encodable {
    package var kernel: String
    package var node: String
    /// Of its first output.
    package var shape: String
    package var seconds: Double
    package var gflop: Double
    /// Of all operands, read or written once.
    package var byteCount: Int
    fileprivate var isReference = false
    fileprivate var count = 1

    private enum CodingKeys: String, CodingKey { case kernel, node, shape, seconds, gflop, byteCount }

    fileprivate mutating func add(_ other: Step) {
      seconds += other.seconds
      gflop += other.gflop
      byteCount += other.byteCount
      count += other.count
    }
  }

  /// In the order in which they ran first.
  package private(set) var steps: [Step] = []
  private var places: [String: Int] = [:]

  package init() {}

  /// The seconds are those of each step of the program, in order, of so many runs of it.
  package init(_ program: Program, seconds: [Double], runs: Int = 1) {
    add(program, seconds: seconds, runs: runs)
  }

  package mutating func add(_ program: Program, seconds: [Double], runs: Int = 1) {
    for (index, (step, seconds)) in zip(program.steps, seconds).enumerated() {
      let shape = step.outputTypes.first.map { "\($0.shape)" } ?? ""
      let new = Step(
        kernel: step.kernel.name, node: step.node, shape: shape, seconds: seconds,
        gflop: 2e-9 * Double(runs * step.multiplyAddCount), byteCount: runs * step.byteCount,
        isReference: step.kernel.isReference)
      if let place = places["\(index) \(shape)"] {
        steps[place].add(new)
      } else {
        places["\(index) \(shape)"] = steps.count
        steps.append(new)
      }
    }
  }

  /// All kernels, then the slowest steps.
  package func text(slowest stepCount: Int = 20) -> String {
    var kernels: [String: Step] = [:]
    for step in steps {
      if kernels[step.kernel]?.add(step) == nil { kernels[step.kernel] = step }
    }
    func sorted(_ steps: some Collection<Step>) -> [Step] {
      steps.sorted { ($1.seconds, $0.kernel, $0.node) < ($0.seconds, $1.kernel, $1.node) }
    }
    let slowest = sorted(steps).prefix(stepCount)
    let total = steps.reduce(0) { $0 + $1.seconds }
    var table = TextTable(["ms", "%", "GFLOP/s", "GB/s", "steps", "kernel"])
    table.rows = sorted(kernels.values).map { row($0, $0.kernel, of: total) }
    table.rows += slowest.map { row($0, "\($0.kernel) \($0.node) \($0.shape)", of: total) }
    var lines = table.columns
    lines.insert("slowest steps", at: 1 + kernels.count)
    return (lines + [String(format: "%.2f ms in all", total * 1e3)]).joined(separator: "\n")
  }

  private func row(_ step: Step, _ name: String, of total: Double) -> [String] {
    let seconds = max(step.seconds, 1e-9)
    return [
      String(format: "%.2f", step.seconds * 1e3),
      String(format: "%.1f", 100 * step.seconds / max(total, 1e-9)),
      String(format: "%.1f", step.gflop / seconds),
      String(format: "%.1f", 1e-9 * Double(step.byteCount) / seconds), "\(step.count)",
      step.isReference ? "\(name) (reference)" : name,
    ]
  }
}
