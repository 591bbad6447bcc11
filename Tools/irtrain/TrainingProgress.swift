import Foundation
import IRCommandLine

/// How far a training run is: its pace without validations, its loss, and the time that it has left.
final class TrainingProgress {
  enum Length {
    case steps(Int)
    /// Seconds, validations included.
    case time(Double)
  }

  private let length: Length
  private let first: Int
  /// Seconds of the run before it was resumed.
  private let before: Double
  private let line = ProgressLine(plainInterval: 60)
  private let start = Date()
  /// Seconds of validations.
  private var paused = 0.0
  private var loss: Double?
  private var accuracy: Double?
  private var waitingShare: Double?

  init(_ length: Length, from first: Int, after before: Double) {
    self.length = length
    self.first = first
    self.before = before
  }

  /// Seconds of the run, those before it was resumed included.
  var elapsed: Double { before + Date().timeIntervalSince(start) }

  func isOver(after step: Int) -> Bool {
    switch length {
    case .steps(let count): step >= count
    case .time(let seconds): elapsed >= seconds
    }
  }

  /// Runs something whose time does not count as steps.
  func pause<R>(_ body: () throws -> R) rethrows -> R {
    let begin = Date()
    defer { paused += Date().timeIntervalSince(begin) }
    return try body()
  }

  func show(step: Int, loss: Double? = nil, routerAccuracy: Double? = nil, waitingShare: Double? = nil) {
    if let loss { (self.loss, accuracy, self.waitingShare) = (loss, routerAccuracy, waitingShare) }
    line.show(text(step), isLast: isOver(after: step))
  }

  private func text(_ step: Int) -> String {
    let pace = (Date().timeIntervalSince(start) - paused) / Double(max(step - first, 1))
    var text: String
    switch length {
    case .steps(let count):
      text = "\(step)/\(count)" + String(format: ", %.3f s a step, ", pace)
      text += ProgressLine.remaining(pace * Double(count - step))
    case .time(let seconds):
      text = "\(step)" + String(format: ", %.3f s a step, ", pace)
      text += ProgressLine.remaining(max(seconds - elapsed, 0))
    }
    if let loss { text += String(format: ", loss %.5f", loss) }
    if let accuracy { text += String(format: ", routers %.1f %%", 100 * accuracy) }
    if let waitingShare, waitingShare >= 0.05 {
      text += String(format: ", %.0f %% of the time waiting for batches", 100 * waitingShare)
    }
    return text
  }

  /// Writes a line of its own.
  func note(_ text: String) { line.note(text) }
}
