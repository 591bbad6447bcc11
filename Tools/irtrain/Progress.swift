import Foundation

/// Says how far a run is and when it will end: a line that changes where the error stream is a terminal, a line now
/// and then where it is not.
final class Progress {
  private let total: Int
  private let first: Int
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private let start = Date()
  /// Seconds that were no steps: validations.
  private var paused = 0.0
  private var lastUpdate = Date.distantPast
  private var isShown = false
  private var loss: Double?
  private var accuracy: Double?

  init(total: Int, from first: Int) {
    self.total = total
    self.first = first
  }

  var elapsed: Double { Date().timeIntervalSince(start) }

  /// Runs what is no step.
  func pause<R>(_ body: () throws -> R) rethrows -> R {
    let begin = Date()
    defer { paused += Date().timeIntervalSince(begin) }
    return try body()
  }

  func show(step: Int, loss: Double? = nil, routerAccuracy: Double? = nil) {
    if let loss { (self.loss, accuracy) = (loss, routerAccuracy) }
    let pause = isTerminal ? 0.2 : 60
    guard Date().timeIntervalSince(lastUpdate) > pause || step == total else { return }
    lastUpdate = Date()
    let pace = (elapsed - paused) / Double(max(step - first, 1))
    var text = String(
      format: "%d/%d, %.3f s a step, %@", step, total, pace, remaining(pace * Double(total - step)))
    if let loss = self.loss { text += String(format: ", loss %.5f", loss) }
    if let accuracy { text += String(format: ", routers %.1f %%", 100 * accuracy) }
    if isTerminal {
      isShown = true
      FileHandle.standardError.write(Data("\u{1B}[2K\r\(text)".utf8))
    } else {
      complain(text)
    }
  }

  /// Writes a line of its own.
  func note(_ text: String) {
    if isShown { FileHandle.standardError.write(Data("\u{1B}[2K\r".utf8)) }
    isShown = false
    complain(text)
  }

  private func remaining(_ seconds: Double) -> String {
    if seconds < 90 { return String(format: "%.0f s left", seconds) }
    return seconds < 5400
      ? String(format: "%.0f min left", seconds / 60) : String(format: "%.1f h left", seconds / 3600)
  }
}
