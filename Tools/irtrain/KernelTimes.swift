import Foundation
import IRCompiler
import IRRuntime

/// The kernels of a program by the time they took, the slowest first.
struct KernelTimes {
  private var lines: [(name: String, seconds: Double, count: Int, multiplyAdds: Int)] = []
  private var total = 0.0

  init(_ program: Program, _ profile: Profile, _ runs: Int) {
    var sums: [String: (seconds: Double, count: Int, multiplyAdds: Int)] = [:]
    for (step, seconds) in zip(program.steps, profile.seconds) {
      let mark = step.kernel.isReference ? " (by definition)" : ""
      var entry = sums["\(step.kernel.name)\(mark)"] ?? (0, 0, 0)
      entry.seconds += seconds / Double(runs)
      entry.count += 1
      entry.multiplyAdds += step.multiplyAddCount
      sums["\(step.kernel.name)\(mark)"] = entry
      total += seconds / Double(runs)
    }
    lines = sums.map { ($0.key, $0.value.seconds, $0.value.count, $0.value.multiplyAdds) }
      .sorted { $0.seconds > $1.seconds }
  }

  var text: String {
    var result = ["  ms a step   share  nodes  GFLOP/s  kernel"]
    for line in lines {
      let rate =
        line.multiplyAdds == 0 ? "" : String(format: "%.1f", 2e-9 * Double(line.multiplyAdds) / line.seconds)
      result.append(
        String(format: "%11.2f %6.1f%% %6d ", line.seconds * 1000, 100 * line.seconds / total, line.count)
          + String(repeating: " ", count: max(0, 8 - rate.count)) + rate + "  " + line.name)
    }
    result.append(String(format: "%11.2f in all", total * 1000))
    return result.joined(separator: "\n")
  }
}
