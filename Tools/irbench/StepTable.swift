import Foundation
import IRCompiler
import IRRuntime

/// What a step took in its fastest run.
struct StepTime: Encodable {
  var kernel: String
  var node: String
  /// Of its first output.
  var shape: String
  var seconds: Double
  var gflop: Double
  /// Of all operands, read or written once.
  var byteCount: Int

  static func times(of program: Program, in profile: Profile) -> [StepTime] {
    zip(program.steps, profile.fastest).map { step, seconds in
      StepTime(
        kernel: step.kernel.name, node: step.node, shape: step.outputTypes.first.map { "\($0.shape)" } ?? "",
        seconds: seconds, gflop: 2e-9 * Double(step.multiplyAddCount), byteCount: step.byteCount)
    }
  }
}

/// Where the time goes: the steps summed by kernel, then the most expensive ones.
struct StepTable {
  let steps: [StepTime]

  init(_ steps: [StepTime]) { self.steps = steps }

  private struct Row {
    var name: String
    var seconds = 0.0
    var gflop = 0.0
    var byteCount = 0
    var count = 0

    mutating func add(_ step: StepTime) {
      seconds += step.seconds
      gflop += step.gflop
      byteCount += step.byteCount
      count += 1
    }

    var text: String {
      let seconds = max(seconds, 1e-9)
      let numbers = String(
        format: "%9.2f ms %7.1f GFLOP/s %6.1f GB/s %4d", seconds * 1e3, gflop / seconds,
        1e-9 * Double(byteCount) / seconds, count)
      return "\(numbers)  \(name)"
    }
  }

  var text: String {
    var total = Row(name: "all steps, the fastest run of each")
    var kernels: [String: Row] = [:]
    var rows: [Row] = []
    for step in steps {
      total.add(step)
      kernels[step.kernel, default: Row(name: step.kernel)].add(step)
      var row = Row(name: "\(step.kernel) \(step.node) \(step.shape)")
      row.add(step)
      rows.append(row)
    }
    func sorted(_ rows: [Row]) -> [Row] { rows.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) } }
    return
      ([total.text, "kernels"] + sorted(Array(kernels.values)).map(\.text) + ["most expensive steps"]
      + sorted(rows).prefix(10).map(\.text)).joined(separator: "\n")
  }
}
