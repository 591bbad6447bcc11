import IRRequests
import Synchronization

/// Bytes of bodies that were received and are not restored yet, and of results on their way. No body waits
/// for a place: it is sent away.
package final class WaitingBytes: Sendable {
  package let limit: Int
  private let taken = Mutex(0)

  package init(limit: Int) { self.limit = limit }

  package var byteCount: Int { taken.withLock { $0 } }

  /// The refusal of bytes that have no place.
  var noPlace: ServingError { .busy("bodies that wait may take \(limit) bytes together, and they do") }

  /// - Returns: nil where so many bytes have no place.
  package func place(_ byteCount: Int) -> Place? {
    let place = Place(self)
    return place.grow(to: byteCount) ? place : nil
  }

  /// The place of a result, which is there already; the next bodies find less.
  package func result(_ byteCount: Int) -> Place {
    let place = Place(self)
    place.hold(byteCount)
    return place
  }

  package final class Place: Sendable {
    private let owner: WaitingBytes
    private let held = Mutex(0)

    fileprivate init(_ owner: WaitingBytes) { self.owner = owner }

    package func grow(to byteCount: Int) -> Bool {
      held.withLock { held in
        let more = byteCount - held
        guard more > 0 else { return true }
        let fits = owner.taken.withLock { taken in
          guard more <= owner.limit - taken else { return false }
          taken += more
          return true
        }
        if fits { held = byteCount }
        return fits
      }
    }

    /// Gives the bytes back.
    package func release() {
      held.withLock { held in
        owner.taken.withLock { $0 -= held }
        held = 0
      }
    }

    fileprivate func hold(_ byteCount: Int) {
      held.withLock { $0 = byteCount }
      owner.taken.withLock { $0 += byteCount }
    }

    deinit { release() }
  }
}
