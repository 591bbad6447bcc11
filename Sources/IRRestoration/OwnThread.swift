import Glibc
import IRRuntime

private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on a new thread: work of seconds has no place on the few threads that tasks share. Where the
/// system gives no thread, it runs on this one.
func startThread(_ body: @escaping @Sendable () -> Void) {
  let work = Unmanaged.passRetained(Work(body))
  var thread = pthread_t()
  let status = pthread_create(
    &thread, nil,
    { context in
      if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
      return nil
    }, work.toOpaque())
  if status == 0 { pthread_detach(thread) } else { work.takeRetainedValue().body() }
}

/// As above, with what `body` returns; a run that the task's cancellation ended is a `CancellationError`.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
  do {
    return try await withCheckedThrowingContinuation { continuation in
      startThread { continuation.resume(with: Result { try body() }) }
    }
  } catch RuntimeError.cancelled where Task.isCancelled {
    throw CancellationError()
  }
}
