import Dispatch
import Foundation

/// Makes batches ahead of the steps that take them, on a thread of its own, until `stop`.
public final class BatchLoader: @unchecked Sendable {
  private let data: TrainingData
  private let end: Int
  private let depth: Int
  private let condition = NSCondition()
  // Below: under the condition's lock.
  private var ready: [Int: Result<TrainingData.Batch, TrainingError>] = [:]
  private var nextTaken: Int
  private var isStopped = false

  /// Batches for the steps from `start` to before `end`.
  public init(_ data: TrainingData, from start: Int, to end: Int, depth: Int = 4) {
    (self.data, self.end, self.depth, nextTaken) = (data, end, max(1, depth), start)
    let thread = Thread { [weak self] in
      for step in start..<max(end, start) {
        guard let self, self.waitForRoom(step) else { return }
        let made = Result { () throws(TrainingError) in try self.data.batch(at: step) }
        self.put(made, step)
        if case .failure = made { return }
      }
    }
    thread.name = "irkit.batches"
    thread.start()
  }

  deinit { stop() }

  /// Ends the thread after the batch at hand.
  public func stop() {
    condition.lock()
    isStopped = true
    condition.broadcast()
    condition.unlock()
  }

  private func waitForRoom(_ step: Int) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    while step >= nextTaken + depth, !isStopped { condition.wait() }
    return !isStopped
  }

  private func put(_ batch: Result<TrainingData.Batch, TrainingError>, _ step: Int) {
    condition.lock()
    ready[step] = batch
    condition.broadcast()
    condition.unlock()
  }

  /// The batch of the next step; waits until it is made.
  /// - Throws: `TrainingError.data` where a picture cannot be used.
  public func next() throws(TrainingError) -> TrainingData.Batch {
    condition.lock()
    while ready[nextTaken] == nil { condition.wait() }
    let batch = ready.removeValue(forKey: nextTaken)
    nextTaken += 1
    condition.broadcast()
    condition.unlock()
    guard let batch else { preconditionFailure("waited for it") }
    return try batch.get()
  }
}
