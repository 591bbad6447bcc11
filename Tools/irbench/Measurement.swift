import Foundation
import IRCompiler
import IRRuntime

/// What was measured of one model.
struct Measurement: Encodable {
  var model: String
  var threads: Int
  /// Of each run, in order.
  var seconds: [Double]
  /// Reading and binding sizes; rewriting, planning and packing weights; mapping the arena.
  var importSeconds, compileSeconds, sessionSeconds: Double
  var gflop: Double
  var arenaByteCount: Int
  /// Of inputs and outputs.
  var portByteCount: Int
  /// What a run takes beside the inputs, by the plan, and what it took: nil where the system does not say.
  var plannedByteCount: Int
  var runByteCount: Int?
  /// The most that the process held, loading included.
  var peakByteCount: Int?

  private var sorted: [Double] { seconds.sorted() }
  private var median: Double? {
    sorted.isEmpty ? nil : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
  private var loadSeconds: Double { importSeconds + compileSeconds + sessionSeconds }

  private enum CodingKeys: String, CodingKey {
    case model, threads, seconds, median, fastest, slowest, loadSeconds, importSeconds, compileSeconds, gflop
    case gflopPerSecond, arenaByteCount, portByteCount, plannedByteCount, runByteCount, peakByteCount
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(model, forKey: .model)
    try values.encode(threads, forKey: .threads)
    try values.encode(seconds, forKey: .seconds)
    try values.encodeIfPresent(median, forKey: .median)
    try values.encodeIfPresent(sorted.first, forKey: .fastest)
    try values.encodeIfPresent(sorted.last, forKey: .slowest)
    try values.encode(loadSeconds, forKey: .loadSeconds)
    try values.encode(importSeconds, forKey: .importSeconds)
    try values.encode(compileSeconds, forKey: .compileSeconds)
    try values.encode(gflop, forKey: .gflop)
    try values.encodeIfPresent(median.map { gflop / $0 }, forKey: .gflopPerSecond)
    try values.encode(arenaByteCount, forKey: .arenaByteCount)
    try values.encode(portByteCount, forKey: .portByteCount)
    try values.encode(plannedByteCount, forKey: .plannedByteCount)
    try values.encodeIfPresent(runByteCount, forKey: .runByteCount)
    try values.encodeIfPresent(peakByteCount, forKey: .peakByteCount)
  }

  var text: String {
    func mebibytes(_ count: Int?) -> String {
      count.map { String(format: "%.1f MiB", Double($0) / 1_048_576) } ?? "unknown"
    }
    let median = median ?? 0
    return """
      \(model), \(threads) threads
      median  \(String(format: "%.4f s (%.4f to %.4f, %d runs)", median, sorted.first ?? 0, sorted.last ?? 0, seconds.count))
      work    \(String(format: "%.2f GFLOP, %.1f GFLOP/s", gflop, gflop / max(median, 1e-9)))
      memory  \(mebibytes(plannedByteCount)) planned for a run, \(mebibytes(runByteCount)) taken; \
      the process at most \(mebibytes(peakByteCount))
      loaded  \(String(format: "%.2f s: import %.2f, compile %.2f", loadSeconds, importSeconds, compileSeconds))
      """
  }
}

/// Where the time goes: the fastest run of each step, summed by kernel, then the most expensive steps.
struct StepTable {
  let program: Program
  let profile: Profile

  init(_ program: Program, _ profile: Profile) { (self.program, self.profile) = (program, profile) }

  private struct Row {
    var name: String
    var seconds = 0.0
    var multiplyAdds = 0
    var bytes = 0
    var count = 0

    mutating func add(_ step: Program.Step, _ time: Double) {
      seconds += time
      multiplyAdds += step.multiplyAddCount
      bytes += step.byteCount
      count += 1
    }

    var text: String {
      let seconds = max(seconds, 1e-9)
      let numbers = String(
        format: "%9.2f ms %7.1f GFLOP/s %6.1f GB/s %4d", seconds * 1e3, 2e-9 * Double(multiplyAdds) / seconds,
        1e-9 * Double(bytes) / seconds, count)
      return "\(numbers)  \(name)"
    }
  }

  var text: String {
    var kernels: [String: Row] = [:]
    var steps: [Row] = []
    for (step, seconds) in zip(program.steps, profile.fastest) {
      kernels[step.kernel.name, default: Row(name: step.kernel.name)].add(step, seconds)
      let shape = step.outputTypes.first.map { "\($0.shape)" } ?? ""
      var row = Row(name: "\(step.kernel.name) \(step.node) \(shape)")
      row.add(step, seconds)
      steps.append(row)
    }
    func sorted(_ rows: [Row]) -> [Row] { rows.sorted { ($1.seconds, $0.name) < ($0.seconds, $1.name) } }
    var total = Row(name: "all steps, the fastest run of each")
    for (step, seconds) in zip(program.steps, profile.fastest) { total.add(step, seconds) }
    return
      ([total.text, "kernels"] + sorted(Array(kernels.values)).map(\.text) + ["most expensive steps"]
      + sorted(steps).prefix(10).map(\.text)).joined(separator: "\n")
  }
}
