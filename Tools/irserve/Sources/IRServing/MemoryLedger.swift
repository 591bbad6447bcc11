import Foundation
import IRRequests

/// Bytes that were promised to restorations, together never more than a limit. First come, first served.
///
/// Memory that models keep for the next picture counts too, and is asked back when it is needed.
package final class MemoryLedger: Sendable {
  package let limit: Int
  private let condition = NSCondition()
  private nonisolated(unsafe) var promised = 0
  private nonisolated(unsafe) var kept: [ObjectIdentifier: Int] = [:]
  private nonisolated(unsafe) var line: [ObjectIdentifier] = []
  private nonisolated(unsafe) var evictor: (@Sendable () -> Void)?

  package init(limit: Int) { self.limit = limit }

  /// Bytes that are promised or kept.
  package var byteCount: Int { locked { promised + keptByteCount } }

  private var keptByteCount: Int { kept.values.reduce(0, +) }

  private func locked<R>(_ body: () throws -> R) rethrows -> R {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }

  /// `evict` gives back what models keep and says so by `keep`; it is called without a lock.
  package func whenShort(_ evict: @escaping @Sendable () -> Void) { locked { evictor = evict } }

  /// Notes what a model keeps.
  package func keep(_ byteCount: Int, for owner: AnyObject) {
    locked {
      kept[ObjectIdentifier(owner)] = byteCount == 0 ? nil : byteCount
      condition.broadcast()
    }
  }

  /// Waits until so many bytes are free, and promises them.
  /// - Throws: `ServingError` where they will never be, `Control.End`.
  package func promise(_ byteCount: Int, _ control: Control) throws -> Promise {
    guard byteCount <= limit else {
      throw ServingError(
        .contentTooLarge,
        "restoring this picture takes \(byteCount) bytes, of \(limit) that this server may use (--memory)")
    }
    let place = ObjectIdentifier(control)
    condition.lock()
    line.append(place)
    defer {
      line.removeAll { $0 == place }
      condition.broadcast()
      condition.unlock()
    }
    var hasAsked = false
    try condition.wait(for: control) {
      guard line.first == place else { return false }
      if promised + keptByteCount + byteCount > limit, promised + byteCount <= limit, !hasAsked, let evictor {
        hasAsked = true
        condition.unlock()
        evictor()
        condition.lock()
      } else {
        hasAsked = false
      }
      return promised + keptByteCount + byteCount <= limit
    }
    promised += byteCount
    return Promise(self, byteCount)
  }

  /// Bytes that were promised to one restoration, until it gives them back.
  package final class Promise {
    private let ledger: MemoryLedger
    private var byteCount: Int

    fileprivate init(_ ledger: MemoryLedger, _ byteCount: Int) {
      (self.ledger, self.byteCount) = (ledger, byteCount)
    }

    /// Gives back all but so many bytes, and notes what the model keeps of them.
    package func shrink(to rest: Int, keeping kept: Int = 0, by owner: AnyObject? = nil) {
      ledger.locked {
        let rest = min(rest, byteCount)
        ledger.promised -= byteCount - rest
        byteCount = rest
        if let owner { ledger.kept[ObjectIdentifier(owner)] = kept == 0 ? nil : kept }
        ledger.condition.broadcast()
      }
    }

    deinit { shrink(to: 0) }
  }
}
