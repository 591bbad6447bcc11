import Foundation
import IRCompiler
import IRRuntime

/// Where the time of a run went, by kernel and by step.
struct ProfileReport {
  private struct Row {
    var name: String
    var count = 0
    var seconds = 0.0
    var multiplyAdds = 0
    var bytes = 0
  }

  private var kernels: [Row] = []
  private var steps: [Row] = []
  private var total = 0.0

  init(_ program: Program, _ profile: Profile) {
    var byKernel: [String: Row] = [:]
    for (step, seconds) in zip(program.steps, profile.seconds) {
      var row = byKernel[step.kernel.name] ?? Row(name: step.kernel.name)
      row.count += 1
      row.seconds += seconds
      row.multiplyAdds += step.multiplyAddCount
      row.bytes += step.byteCount
      byKernel[step.kernel.name] = row
      steps.append(
        Row(
          name: "\(step.kernel.name) \(step.node) \(step.outputTypes.first.map { "\($0.shape)" } ?? "")",
          count: 1,
          seconds: seconds, multiplyAdds: step.multiplyAddCount, bytes: step.byteCount))
      total += seconds
    }
    kernels = byKernel.values.sorted { $0.seconds > $1.seconds }
    steps.sort { $0.seconds > $1.seconds }
  }

  /// All kernels, then the slowest steps.
  var text: String {
    var lines = ["   ms      %  GFLOP/s   GB/s  count"]
    lines += kernels.map { line($0) }
    lines.append("slowest steps")
    lines += steps.prefix(20).map { line($0) }
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
