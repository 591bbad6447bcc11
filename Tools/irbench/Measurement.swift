import Foundation
import IRCommandLine

/// Times and memory of one model.
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
  /// Memory of a run beside the inputs: planned, and used; nil if the system does not tell.
  var plannedByteCount: Int
  var runByteCount: Int?
  /// Of weights as kernels read them, for as long as the program is there.
  var weightByteCount: Int
  /// The most that the process held since the arena was mapped, pages of files left out.
  var ownByteCount: Int?
  /// The most that the process held, loading included.
  var peakByteCount: Int?
  /// Nil where they were not timed.
  var kernelTimes: KernelTimes?

  private var sorted: [Double] { seconds.sorted() }
  private var median: Double? {
    sorted.isEmpty ? nil : (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }
  private var loadSeconds: Double { importSeconds + compileSeconds + sessionSeconds }

  private enum CodingKeys: String, CodingKey {
    case model, threads, seconds, median, fastest, slowest, loadSeconds, importSeconds, compileSeconds, gflop
    case gflopPerSecond, arenaByteCount, portByteCount, plannedByteCount, runByteCount, weightByteCount
    case ownByteCount, peakByteCount
    case steps
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
    try values.encode(weightByteCount, forKey: .weightByteCount)
    try values.encodeIfPresent(ownByteCount, forKey: .ownByteCount)
    try values.encodeIfPresent(peakByteCount, forKey: .peakByteCount)
    try values.encodeIfPresent(kernelTimes?.steps, forKey: .steps)
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
      weights \(mebibytes(weightByteCount)) kept packed; the process' own \(mebibytes(ownByteCount)) beside pages of files
      loaded  \(String(format: "%.2f s: import %.2f, compile %.2f", loadSeconds, importSeconds, compileSeconds))
      """ + (kernelTimes.map { "\n" + $0.text(slowest: 10) } ?? "")
  }
}
