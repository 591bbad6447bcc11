import Dispatch

/// Work on another thread, and its result.
///
/// Unchecked: the result is written before the signal and read after it.
final class Promise<Value: Sendable>: @unchecked Sendable {
  private let done = DispatchSemaphore(value: 0)
  private var result: Result<Value, any Error>?

  init(on queue: DispatchQueue, _ work: @escaping @Sendable () throws -> Value) {
    queue.async { [self] in
      result = Result { try work() }
      done.signal()
    }
  }

  /// - Precondition: called once.
  func wait() throws -> Value {
    done.wait()
    guard let result else { preconditionFailure("signalled without a result") }
    return try result.get()
  }
}
