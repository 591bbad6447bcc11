import Synchronization

/// One request's sender, over whichever protocol it came.
protocol Caller: Sendable {
  /// The moment at which the request's head was read.
  var start: ContinuousClock.Instant { get }
  /// The time that the sender gives, nil where it states none.
  var timeout: Duration? { get }

  /// Calls `body` once the sender is gone, at once where it is; nil calls nobody any more.
  func whenGone(_ body: (@Sendable () -> Void)?)
}

extension Caller {
  /// The moment at which its time is over.
  func deadline(within limit: Duration) -> ContinuousClock.Instant {
    start.advanced(by: timeout.map { min($0, limit) } ?? limit)
  }
}

/// Whether a sender has left, and the call that is made then.
final class Departure: Sendable {
  private struct State {
    var isGone = false
    var onLeave: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  /// Calls `body` once the sender is gone, at once where it is; nil calls nobody any more.
  func whenGone(_ body: (@Sendable () -> Void)?) {
    let isGone = state.withLock { state in
      state.onLeave = body
      return state.isGone
    }
    if isGone { body?() }
  }

  func leave() {
    let body = state.withLock { state in
      state.isGone = true
      return state.onLeave
    }
    body?()
  }
}
