import Foundation
import IRThreads
import Synchronization
import Testing

/// Several makers, each value taken once and in order, never more reserved than there is room for.
@Test(arguments: [(1, 1), (1, 3), (4, 1), (4, 6)])
func valuesAreTakenInOrder(makers: Int, limit: Int) {
  let queue = BoundedQueue<Int>(limit: limit, count: 500)
  let taken = Atomic(0)
  let excess = Atomic(0)
  for _ in 0..<makers {
    Thread {
      while let place = queue.reserve() {
        _ = excess.max(
          place - taken.load(ordering: .sequentiallyConsistent), ordering: .sequentiallyConsistent)
        queue.fill(place, with: place * place)
      }
    }.start()
  }
  for place in 0..<500 {
    #expect(queue.take() == place * place)
    _ = taken.add(1, ordering: .sequentiallyConsistent)
  }
  #expect(queue.take() == nil)
  // The last value that was taken may not be counted yet.
  #expect(excess.load(ordering: .sequentiallyConsistent) <= limit)
}

@Test func finishedQueuesGiveTheirRest() {
  let queue = BoundedQueue<String>(limit: 3)
  #expect(queue.put("a") && queue.put("b"))
  queue.finish()
  #expect(!queue.put("c"))
  #expect([queue.take(), queue.take(), queue.take()] == ["a", "b", nil])
}

/// A maker that waits for room and a taker that waits for a value end when the queue is closed.
@Test func closedQueuesEndThoseThatWait() {
  let full = BoundedQueue<Int>(limit: 1)
  #expect(full.put(1))
  let empty = BoundedQueue<Int>(limit: 1)
  let ended = DispatchSemaphore(value: 0)
  let results = Mutex<[Bool]>([])
  for body in [{ full.put(2) }, { empty.take() != nil }] as [@Sendable () -> Bool] {
    Thread {
      let result = body()
      results.withLock { $0.append(result) }
      ended.signal()
    }.start()
  }
  full.close()
  empty.close()
  for _ in 0..<2 { ended.wait() }
  #expect(results.withLock { $0 } == [false, false])
  #expect(full.take() == nil)
}
