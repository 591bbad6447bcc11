import Foundation
import IRThreads

/// Makes batches ahead of the steps that take them, on threads of its own, until `stop`.
package final class BatchLoader: Sendable {
  private let queue: BoundedQueue<Result<TrainingData.Batch, TrainingError>>

  /// Batches for the steps from `start` to before `end`, at most `depth` ahead, made on `threadCount`
  /// threads.
  package init(_ data: TrainingData, from start: Int, to end: Int, depth: Int = 4, threadCount: Int = 1) {
    let queue = BoundedQueue<Result<TrainingData.Batch, TrainingError>>(
      limit: max(threadCount, depth), count: end - start)
    self.queue = queue
    for _ in 0..<max(1, threadCount) {
      let thread = Thread {
        while let place = queue.reserve() {
          let made = Result { () throws(TrainingError) in try data.batch(at: start + place) }
          queue.fill(place, with: made)
          if case .failure = made { return }
        }
      }
      thread.name = "irkit.batches"
      thread.start()
    }
  }

  /// Ends the threads after the batches at hand; none is taken afterwards.
  package func stop() { queue.close() }

  /// The seconds that `next` has waited for batches so far.
  package var secondsWaited: Double { queue.secondsWaited }

  /// The batch of the next step; waits until it is made.
  /// - Throws: `TrainingError.data` if a picture cannot be used.
  /// - Precondition: there is a next step, and `stop` was not called.
  package func next() throws(TrainingError) -> TrainingData.Batch {
    guard let batch = queue.take() else { preconditionFailure("no batch is made after the last step") }
    return try batch.get()
  }
}
