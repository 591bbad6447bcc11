import Dispatch
import Foundation

/// Makes batches ahead of the steps that take them, on threads of its own, until `stop`.
package final class BatchLoader: @unchecked Sendable {
  private let data: TrainingData
  private let end: Int
  private let depth: Int
  private let condition = NSCondition()
  // Below: under the condition's lock.
  private var ready: [Int: Result<TrainingData.Batch, TrainingError>] = [:]
  private var nextMade: Int
  private var nextTaken: Int
  private var isStopped = false
  private var waited = 0.0

  /// Batches for the steps from `start` to before `end`, at most `depth` ahead, made on `threadCount`
  /// threads.
  package init(_ data: TrainingData, from start: Int, to end: Int, depth: Int = 4, threadCount: Int = 1) {
    (self.data, self.end, self.depth) = (data, end, max(threadCount, depth))
    (nextMade, nextTaken) = (start, start)
    for _ in 0..<max(1, threadCount) {
      let thread = Thread { self.work() }
      thread.name = "irkit.batches"
      thread.start()
    }
  }

  /// Ends the threads after the batches at hand.
  package func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  private func work() {
    while let step = takeStep() {
      let made = Result { () throws(TrainingError) in try data.batch(at: step) }
      condition.lock()
      ready[step] = made
      condition.broadcast()
      condition.unlock()
      if case .failure = made { return }
    }
  }

  /// The next step to make a batch for, once there is room for it; nil at the end.
  private func takeStep() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while nextMade >= nextTaken + depth, !isStopped { condition.wait() }
    guard !isStopped, nextMade < end else { return nil }
    nextMade += 1
    return nextMade - 1
  }

  /// The seconds that `next` has waited for batches so far.
  package var secondsWaited: Double {
    condition.lock()
    defer { condition.unlock() }
    return waited
  }

  /// The batch of the next step; waits until it is made.
  /// - Throws: `TrainingError.data` where a picture cannot be used.
  package func next() throws(TrainingError) -> TrainingData.Batch {
    condition.lock()
    precondition(nextTaken < end, "no batch is made after the last step")
    let start = Date()
    while ready[nextTaken] == nil { condition.wait() }
    waited += Date().timeIntervalSince(start)
    let batch = ready.removeValue(forKey: nextTaken)
    nextTaken += 1
    condition.broadcast()
    condition.unlock()
    guard let batch else { preconditionFailure("waited for it") }
    return try batch.get()
  }
}
