import Foundation
import IRFiles

/// One file to read and the file to write for it.
package struct Job: Sendable, Hashable {
  /// The path that means the standard input or output.
  package static let stream: FilePath = "-"
  /// The standard input in messages.
  package static let inputStreamName = "the standard input"

  /// A picture of those that come through one pipe.
  package struct Picture: Sendable, Hashable {
    /// 1 for the first.
    var number: Int
    var bytes: Data
  }

  package var input: FilePath
  package var output: FilePath
  package var reference: FilePath?
  /// The output without the number that keeps it apart from others; nil if it may replace a file.
  package var unnumbered: FilePath?
  /// The input itself where it was read from a stream already.
  package var picture: Picture?

  package init(input: FilePath, output: FilePath, reference: FilePath? = nil) {
    self.input = input
    self.output = output
    self.reference = reference
  }

  /// The input as messages name it.
  package var inputName: String {
    guard input == Self.stream else { return input.text }
    guard let picture, picture.number > 1 else { return Self.inputStreamName }
    return "picture \(picture.number) of \(Self.inputStreamName)"
  }

  /// Whether the input comes through a pipe or from a device: it is read once, and states no size before.
  package var readsPipe: Bool { input == Self.stream || input.kind == .other }

  /// Whether the output goes into a pipe or a device, beside which no file is written.
  package var writesPipe: Bool { output == Self.stream || output.kind == .other }
}

/// The next thing to do in a run.
package enum NextJob: Sendable {
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
