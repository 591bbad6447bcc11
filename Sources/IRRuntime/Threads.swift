import CIROperators

private struct TeamCalls {
  var body: () -> Void
  var goesOn: (() -> Bool)?
}

/// Calls `body` on this thread while `count` - 1 others share the loops of the drivers that it calls.
/// `goesOn` is asked on this thread, while it is in a driver, once in some ten milliseconds; once it returns
/// false, drivers end early, and their outputs hold anything.
package func withThreads(_ count: Int, goesOn: (() -> Bool)? = nil, _ body: () -> Void) {
  guard count > 1 || goesOn != nil else { return body() }
  withoutActuallyEscaping(body) { body in
    var calls = TeamCalls(body: body, goesOn: goesOn)
    let ask: (@convention(c) (UnsafeMutableRawPointer?) -> Bool)? =
      goesOn == nil ? nil : { $0?.assumingMemoryBound(to: TeamCalls.self).pointee.goesOn?() ?? true }
    withUnsafeMutablePointer(to: &calls) { pointer in
      ir_with_threads(
        Int32(clamping: count), { $0?.assumingMemoryBound(to: TeamCalls.self).pointee.body() }, ask, pointer)
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
