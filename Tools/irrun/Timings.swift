import Foundation
import IRCompiler
import IRRuntime

/// Where the time of a run went, by kernel and by step; runs of several tiles are summed.
struct Timings {
  private struct Row {
    var name: String
    var count = 0
    var seconds = 0.0
    var multiplyAdds = 0
    var bytes = 0

    mutating func add(_ step: Program.Step, _ time: Double) {
      count += 1
      seconds += time
      multiplyAdds += step.multiplyAddCount
      bytes += step.byteCount
    }
  }

  private var kernels: [String: Row] = [:]
  private var steps: [String: Row] = [:]
  private var total = 0.0

  init() {}

  init(_ program: Program, _ profile: Profile) { add(program, profile) }

  mutating func add(_ program: Program, _ profile: Profile) {
    for (index, (step, seconds)) in zip(program.steps, profile.seconds).enumerated() {
      kernels[step.kernel.name, default: Row(name: step.kernel.name)].add(step, seconds)
      let shape = step.outputTypes.first.map { "\($0.shape)" } ?? ""
      steps["\(index) \(shape)", default: Row(name: "\(step.kernel.name) \(step.node) \(shape)")].add(
        step, seconds)
      total += seconds
    }
  }

  /// All kernels, then the slowest steps.
  var text: String {
    func sorted(_ rows: [String: Row]) -> [Row] {
      rows.values.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) }
    }
    var lines = ["   ms      %  GFLOP/s   GB/s  count"]
    lines += sorted(kernels).map { line($0) }
    lines.append("slowest steps")
    lines += sorted(steps).prefix(20).map { line($0) }
    return lines.joined(separator: "\n")
  }

  private func line(_ row: Row) -> String {
    let seconds = max(row.seconds, 1e-9)
    let numbers = String(
      format: "%7.1f  %5.1f  %7.1f  %5.1f  %5d", row.seconds * 1000, 100 * row.seconds / max(total, 1e-9),
      2e-9 * Double(row.multiplyAdds) / seconds, 1e-9 * Double(row.bytes) / seconds, row.count)
    return "\(numbers)  \(row.name)"
  }
}
