import Foundation
import IRCommandLine

/// How far a run over several inputs is.
final class JobProgress {
  private let total: Int
  private let line = ProgressLine()
  private let start = Date()

  init(total: Int) { self.total = total }

  /// Shows which of the inputs is at work.
  func show(done: Int, current: String) {
    guard total > 1 else { return }
    let pace = Date().timeIntervalSince(start) / Double(max(done, 1))
    let rest = done > 0 ? ", \(ProgressLine.remaining(pace * Double(total - done)))" : ""
    line.show("\(done)/\(total) \(current)\(rest)", isLast: true)
  }

  /// Shows how far one long step of an input is.
  func show(step: String, done: Int, of count: Int, since begin: Date) {
    line.show("\(step):", done: done, of: count, since: begin)
  }

  func note(_ text: String) { line.note(text) }
  func clear() { line.clear() }
}
