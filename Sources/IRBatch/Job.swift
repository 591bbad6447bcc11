/// One file to read and the file to write for it.
package struct Job: Sendable, Hashable {
  /// The path that means the standard input or output.
  package static let stream = "-"
  /// The standard input in messages.
  package static let inputStreamName = "the standard input"

  package var input: String
  package var output: String
  package var reference: String?

  package init(input: String, output: String, reference: String? = nil) {
    self.input = input
    self.output = output
    self.reference = reference
  }

  /// The input as messages name it.
  package var inputName: String { input == Self.stream ? Self.inputStreamName : input }
}

/// The next thing to do in a run.
package enum NextJob {
  case job(Job)
  /// The output of the job exists and stays.
  case kept(Job)
  /// A line of a list that gives no job.
  case failed(Job, any Error)
  /// Nothing has come yet, and may still come.
  case notYet
  case end
}

/// The jobs of a run, in order.
package protocol JobSource: AnyObject {
  /// The next job. With `waits` the call returns when there is one, or at the end.
  func next(waits: Bool) -> NextJob
}

/// Several sources of jobs, one behind the other.
package final class JobChain: JobSource {
  private var sources: ArraySlice<any JobSource>

  package init(_ sources: [any JobSource]) { self.sources = sources[...] }

  package func next(waits: Bool) -> NextJob {
    while let source = sources.first {
      let next = source.next(waits: waits)
      if case .end = next { sources.removeFirst() } else { return next }
    }
    return .end
  }
}
