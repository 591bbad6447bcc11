import Foundation
import IRCompiler
import IRFiles
import IRRuntime
import IRTensor

/// Events in the format of Chrome's trace viewer, which Perfetto opens: what was read, restored and written
/// when, and every step of the programs.
///
/// Unchecked: what changes is used under its lock.
package final class Trace: @unchecked Sendable {
  enum Thread: Int, CaseIterable { case reading = 1, restoring, steps, writing }

  private struct Event: Encodable {
    var name: String
    var cat: String
    var ph = "X"
    /// Microseconds.
    var ts: Double
    var dur: Double?
    var pid = 1
    var tid: Int
    var args: [String: String] = [:]
  }

  private struct Document: Encodable {
    var traceEvents: [Event]
    var displayTimeUnit = "ms"
  }

  private let path: String
  private let origin = ContinuousClock.now
  private let lock = NSLock()
  // Used with the lock held.
  private var events: [Event] = []

  package init(path: String) {
    self.path = path
    for thread in Thread.allCases {
      events.append(
        Event(
          name: "thread_name", cat: "__metadata", ph: "M", ts: 0, tid: thread.rawValue,
          args: ["name": "\(thread)"]))
    }
  }

  private func append(_ new: [Event]) {
    lock.lock()
    defer { lock.unlock() }
    events += new
  }

  private func microseconds(_ instant: ContinuousClock.Instant) -> Double {
    origin.duration(to: instant).inSeconds * 1e6
  }

  /// Something that began at `start` and ends now.
  func add(_ name: String, thread: Thread, from start: ContinuousClock.Instant) {
    let begin = microseconds(start)
    append([Event(name: name, cat: "file", ts: begin, dur: microseconds(.now) - begin, tid: thread.rawValue)])
  }

  /// The steps of one run, which follow each other without gaps.
  func add(_ program: Program, _ profile: Profile, from start: ContinuousClock.Instant) {
    var time = microseconds(start)
    append(
      zip(program.steps, profile.seconds).map { step, seconds in
        defer { time += seconds * 1e6 }
        let rate = 2e-9 * Double(step.multiplyAddCount) / max(seconds, 1e-9)
        return Event(
          name: step.kernel.name, cat: step.operatorName, ts: time, dur: seconds * 1e6,
          tid: Thread.steps.rawValue,
          args: [
            "node": step.node, "shape": step.outputTypes.first.map { "\($0)" } ?? "",
            "GFLOP/s": String(format: "%.1f", rate), "bytes": "\(step.byteCount)",
          ])
      })
  }

  package func write() throws {
    lock.lock()
    defer { lock.unlock() }
    let file = try AtomicFile(replacing: FilePath(path))
    try file.write(Array(try JSONEncoder().encode(Document(traceEvents: events))))
    try file.replace()
  }
}
