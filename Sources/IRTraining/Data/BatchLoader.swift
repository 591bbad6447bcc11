import Foundation
import IRThreads

/// Makes batches ahead of the steps that take them, on threads of its own, until `stop`.
package final class BatchLoader<Batch: Sendable>: Sendable {
  private let queue: BoundedQueue<Result<Batch, TrainingError>>

  /// Batches for the steps from `start` to before `end`, at most `depth` ahead, made by `make` of the step's
  /// number on `threadCount` threads.
  package init(
    from start: Int, to end: Int, depth: Int = 4, threadCount: Int = 1,
    make: @escaping @Sendable (Int) throws(TrainingError) -> Batch
  ) {
    let queue = BoundedQueue<Result<Batch, TrainingError>>(
      limit: max(threadCount, depth), count: end - start)
    self.queue = queue
    for _ in 0..<max(1, threadCount) {
      let thread = Thread {
        while let place = queue.reserve() {
          let made = Result { () throws(TrainingError) in try make(start + place) }
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
  package func next() throws(TrainingError) -> Batch {
    guard let batch = queue.take() else { preconditionFailure("no batch is made after the last step") }
    return try batch.get()
  }
}

extension BatchLoader<TrainingData.Batch> {
  /// Batches of `data`.
  package convenience init(
    _ data: TrainingData, from start: Int, to end: Int, depth: Int = 4, threadCount: Int = 1
  ) {
    self.init(from: start, to: end, depth: depth, threadCount: threadCount) {
      (step) throws(TrainingError) in try data.batch(at: step)
    }
  }
}
