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
