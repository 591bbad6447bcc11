import Foundation

/// Lets so many threads through at a time, first come, first served.
package final class Turns: Sendable {
  private let condition = NSCondition()
  private nonisolated(unsafe) var free: Int
  private nonisolated(unsafe) var line: [ObjectIdentifier] = []

  package init(_ count: Int) { free = count }

  /// - Throws: what `body` does, and `Control.End` where the work was over before its turn.
  package func take<R>(_ control: Control, _ body: () throws -> R) throws -> R {
    let place = ObjectIdentifier(control)
    condition.lock()
    line.append(place)
    do {
      defer {
        line.removeAll { $0 == place }
        condition.broadcast()
        condition.unlock()
      }
      try condition.wait(for: control) { free > 0 && line.first == place }
      free -= 1
    }
    defer {
      condition.lock()
      free += 1
      condition.broadcast()
      condition.unlock()
    }
    return try body()
  }
}
