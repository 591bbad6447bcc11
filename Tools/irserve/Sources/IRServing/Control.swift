import Foundation
import Synchronization

/// One request's hold on its work: whether it goes on, how far it is, and why it was ended.
package final class Control: Sendable {
  package enum End: Error {
    /// The client is gone.
    case left
    /// Its time is over.
    case late
    /// The server ends.
    case stopped
  }

  private struct State {
    var end: End?
    var share = 0.0
  }

  let deadline: ContinuousClock.Instant
  private let state = Mutex(State())
  private let report: (@Sendable (Double) -> Void)?

  package init(deadline: ContinuousClock.Instant, report: (@Sendable (Double) -> Void)? = nil) {
    (self.deadline, self.report) = (deadline, report)
  }

  func finish(_ end: End) { state.withLock { if $0.end == nil { $0.end = end } } }

  var end: End? {
    let end = state.withLock { $0.end }
    return end ?? (ContinuousClock.now >= deadline ? .late : nil)
  }

  /// - Throws: `End` where the work is over.
  func check() throws { if let end { throw end } }

  /// Notes the share that is done, 0...1.
  /// - Returns: whether the work goes on.
  func advance(_ share: Double) -> Bool {
    let isNew = state.withLock { state in
      guard share >= state.share + 0.01 else { return false }
      state.share = share
      return true
    }
    if isNew { report?(share) }
    return end == nil
  }
}

extension NSCondition {
  /// Waits until `isReady`, which is asked while the condition is locked, or until the work is over.
  /// - Throws: `Control.End`.
  func wait(for control: Control, until isReady: () -> Bool) throws {
    while !isReady() {
      try control.check()
      // A work's end wakes nobody: it is looked for.
      _ = wait(until: Date(timeIntervalSinceNow: 0.02))
    }
  }
}
