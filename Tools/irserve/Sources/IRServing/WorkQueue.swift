import Foundation
import IRRequests

/// Work that waits in line for a few threads of its own.
package final class WorkQueue: Sendable {
  /// One request's work.
  private final class Item: @unchecked Sendable {
    let control: Control
    let body: (Result<Void, any Error>) -> Void

    init(_ control: Control, _ body: @escaping (Result<Void, any Error>) -> Void) {
      (self.control, self.body) = (control, body)
    }
  }

  package let length: Int
  private let condition = NSCondition()
  private nonisolated(unsafe) var waiting: [Item] = []
  private nonisolated(unsafe) var running: [Item] = []
  private nonisolated(unsafe) var isOpen = true

  /// `length` counts what runs and what waits.
  package init(length: Int, threadCount: Int) {
    self.length = length
    for index in 0..<threadCount {
      let thread = Thread { [weak self] in
        while let next = self?.next() { self?.run(next) }
      }
      thread.name = "restore-\(index)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  package var waitingCount: Int { locked { waiting.count } }
  package var runningCount: Int { locked { running.count } }
  /// Whether work is taken at all.
  var isTaking: Bool { locked { isOpen } }
  /// Whether one more would be taken.
  package var hasPlace: Bool { locked { isOpen && waiting.count + running.count < length } }

  private func locked<R>(_ body: () throws -> R) rethrows -> R {
    condition.lock()
    defer { condition.unlock() }
    return try body()
  }

  /// Runs work on a thread of the queue.
  /// - Throws: `ServingError` where the queue is full or closed, `Control.End`, and what the work throws.
  package func run<R: Sendable>(_ control: Control, _ work: @escaping @Sendable () throws -> R) async throws
    -> R
  {
    // An item that waits leaves the line when its time is over, and makes place.
    let timer = Task { [weak self] in
      try await Task.sleep(until: control.deadline, clock: .continuous)
      self?.finish(control, .late)
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let item = Item(control) { start in
          continuation.resume(
            with: Result {
              try start.get()
              return try work()
            })
        }
        do { try add(item) } catch { item.body(.failure(error)) }
      }
    } onCancel: {
      // A server that ends cancels the work that did not end in its time.
      finish(control, isTaking ? .left : .stopped)
    }
  }

  private func add(_ item: Item) throws {
    try locked {
      guard isOpen else { throw ServingError.busy("the server is about to end") }
      guard waiting.count + running.count < length else {
        throw ServingError.busy(
          "\(length) pictures are restored or wait for it, and more have no place (--queue)")
      }
      try item.control.check()
      waiting.append(item)
      condition.broadcast()
    }
  }

  /// Ends work: at once where it waits, at its next step where it runs.
  package func finish(_ control: Control, _ end: Control.End) {
    control.finish(end)
    let ended = locked {
      let index = waiting.firstIndex { $0.control === control }
      return index.map { waiting.remove(at: $0) }
    }
    if let ended { ended.body(.failure(ended.control.end ?? end)) }
  }

  private func next() -> Item? {
    locked {
      while waiting.isEmpty, isOpen || !running.isEmpty { condition.wait() }
      guard !waiting.isEmpty else { return nil }
      let item = waiting.removeFirst()
      running.append(item)
      return item
    }
  }

  private func run(_ item: Item) {
    item.body(item.control.end.map { .failure($0) } ?? .success(()))
    locked {
      running.removeAll { $0 === item }
      condition.broadcast()
    }
  }

  /// Takes no more work.
  package func close() {
    locked {
      isOpen = false
      condition.broadcast()
    }
  }

  /// Ends all work.
  func stop() {
    close()
    let (waits, runs) = locked { (waiting.map(\.control), running.map(\.control)) }
    for control in waits + runs { finish(control, .stopped) }
  }
}
