import Foundation
import IRCommandLine

/// How far a training run is: its pace without validations, its loss, and the time that it has left.
final class TrainingProgress {
  private let total: Int
  private let first: Int
  private let line = ProgressLine(plainInterval: 60)
  private let start = Date()
  /// Seconds of validations.
  private var paused = 0.0
  private var loss: Double?
  private var accuracy: Double?

  init(total: Int, from first: Int) {
    self.total = total
    self.first = first
  }

  var elapsed: Double { Date().timeIntervalSince(start) }

  /// Runs something whose time does not count as steps.
  func pause<R>(_ body: () throws -> R) rethrows -> R {
    let begin = Date()
    defer { paused += Date().timeIntervalSince(begin) }
    return try body()
  }

  func show(step: Int, loss: Double? = nil, routerAccuracy: Double? = nil) {
    if let loss { (self.loss, accuracy) = (loss, routerAccuracy) }
    line.show(text(step), isLast: step == total)
  }

  private func text(_ step: Int) -> String {
    let pace = (elapsed - paused) / Double(max(step - first, 1))
    var text = String(
      format: "%d/%d, %.3f s a step, %@", step, total, pace,
      ProgressLine.remaining(pace * Double(total - step)))
    if let loss { text += String(format: ", loss %.5f", loss) }
    if let accuracy { text += String(format: ", routers %.1f %%", 100 * accuracy) }
    return text
  }

  /// Writes a line of its own.
  func note(_ text: String) { line.note(text) }
}
