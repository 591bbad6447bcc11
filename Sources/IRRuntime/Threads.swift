import CIROperators

/// Calls `body` on this thread while `count` - 1 others share the loops of the drivers that it calls.
package func withThreads(_ count: Int, _ body: () -> Void) {
  guard count > 1 else { return body() }
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { pointer in
      ir_with_threads(
        Int32(clamping: count),
        { context in
          guard let context else { return }
          context.assumingMemoryBound(to: (() -> Void).self).pointee()
        }, UnsafeMutableRawPointer(mutating: pointer))
    }
  }
}

/// Calls `body(index, thread)` for every index below `count`, on up to `threadCount` threads; `thread` names
/// one of them, below `threadCount`. A thread takes the next index when it is free. Drivers inside `body` run
/// on its thread alone.
package func parallelFor(_ count: Int, threadCount: Int, _ body: (_ index: Int, _ thread: Int) -> Void) {
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { pointer in
      ir_parallel_for(
        count, Int32(clamping: threadCount),
        { context, index, thread in
          guard let context else { return }
          context.assumingMemoryBound(to: ((Int, Int) -> Void).self).pointee(index, Int(thread))
        }, pointer)
    }
  }
}
