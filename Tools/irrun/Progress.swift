import Foundation
import IRCommandLine

/// A line on the terminal that says how far a run is and when it will end; nothing where the error
/// stream is not a terminal.
final class Progress {
  private let total: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = Date()
  private var lastUpdate = Date.distantPast
  private var isShown = false

  init(total: Int) { self.total = total }

  /// Says which of the inputs is at work.
  func show(done: Int, current: String) {
    guard total > 1 else { return }
    var text = "\(done)/\(total) \(current)"
    if done > 0 {
      text += ", " + remaining(Date().timeIntervalSince(start) / Double(done) * Double(total - done))
    }
    draw(text)
  }

  /// How far one long step of an input is.
  func show(step: String, done: Int, of count: Int, since begin: Date) {
    guard Date().timeIntervalSince(lastUpdate) > 0.2, done > 0 else { return }
    let elapsed = Date().timeIntervalSince(begin)
    draw("\(step): \(done)/\(count), \(remaining(elapsed / Double(done) * Double(count - done)))")
  }

  /// Writes lines of their own.
  func note(_ text: String) {
    clear()
    Terminal.complain(text)
  }

  /// Removes the line, so that other text may follow.
  func clear() {
    if isShown { FileHandle.standardError.write(Data("\u{1B}[2K\r".utf8)) }
    isShown = false
  }

  private func remaining(_ seconds: Double) -> String {
    seconds < 90 ? String(format: "%.0f s left", seconds) : String(format: "%.0f min left", seconds / 60)
  }

  private func draw(_ text: String) {
    guard isTerminal else { return }
    lastUpdate = Date()
    isShown = true
    FileHandle.standardError.write(Data("\u{1B}[2K\r\(Terminal.printable(text))".utf8))
  }
}
