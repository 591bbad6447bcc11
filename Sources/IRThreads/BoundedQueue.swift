import Foundation

/// Values that threads make ahead of the thread that takes them.
///
/// A maker reserves a place, makes the value and fills the place. Values are taken in the order of their
/// places, whichever thread fills its place first.
///
/// Unchecked: what changes is used under the condition's lock.
package final class BoundedQueue<Value: Sendable>: @unchecked Sendable {
  private let limit: Int
  private let condition = NSCondition()
  // Below: under the condition's lock.
  private var values: [Int: Value] = [:]
  private var count: Int
  private var reservedCount = 0
  private var takenCount = 0
  private var isClosed = false
  private var waited = 0.0

  /// A queue with at most `limit` places that are reserved and not yet taken, and `count` places in all.
  package init(limit: Int, count: Int = .max) {
    self.limit = max(limit, 1)
    self.count = count
  }

  /// Reserves the next place, and waits until there is room for it.
  /// - Returns: nil after the last place, and if the queue is closed.
  package func reserve() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while !isClosed, reservedCount < count, reservedCount - takenCount >= limit { condition.wait() }
    guard !isClosed, reservedCount < count else { return nil }
    reservedCount += 1
    return reservedCount - 1
  }

  /// Fills a reserved place.
  package func fill(_ place: Int, with value: Value) { change { values[place] = value } }

  /// Reserves the next place and fills it.
  /// - Returns: whether it did: no if the queue is closed, or after the last place.
  package func put(_ value: Value) -> Bool {
    guard let place = reserve() else { return false }
    fill(place, with: value)
    return true
  }

  /// The next place as its taker finds it.
  package enum Next {
    case value(Value)
    /// The place is not filled yet.
    case notYet
    /// The last value was taken, or the queue is closed.
    case end
  }

  /// Takes the value of the next place. With `waits`, the call returns when there is one, or at the end.
  package func next(waits: Bool) -> Next {
    condition.lock()
    defer { condition.unlock() }
    let start = Date()
    while waits, !isClosed, takenCount < count, values[takenCount] == nil { condition.wait() }
    waited += Date().timeIntervalSince(start)
    guard !isClosed, takenCount < count else { return .end }
    guard let value = values.removeValue(forKey: takenCount) else { return .notYet }
    takenCount += 1
    condition.broadcast()
    return .value(value)
  }

  /// The value of the next place, once it is filled; nil after the last place, and if the queue is closed.
  package func take() -> Value? { if case .value(let value) = next(waits: true) { value } else { nil } }

  /// Makes the places that are reserved the last ones.
  package func finish() { change { count = min(count, reservedCount) } }

  /// Ends the queue: no place is reserved and no value taken from now on.
  package func close() { change { isClosed = true } }

  /// The seconds that `take` has waited so far.
  package var secondsWaited: Double {
    condition.lock()
    defer { condition.unlock() }
    return waited
  }

  private func change(_ body: () -> Void) {
    condition.lock()
    body()
    condition.broadcast()
    condition.unlock()
  }
}
