import Foundation
import IRFiles
import IRTensorFiles
import IRThreads

/// The jobs of a list that grows while the run goes on: a line names one input. Wrong lines are failures of
/// their own.
package final class JobStream: JobSource {
  private let lines: LineStream
  private let destination: Destination
  private let reference: FilePath?
  private let shard: Shard?
  private let options: OutputOptions
  private var owners: OutputOwners
  private var existing: ExistingOutputs
  private var lineCount: Int

  /// The reference is a folder of true pictures with the inputs' names. Parts of the list count from `count`
  /// on.
  /// - Throws: `BatchError.usage` if it is not.
  package init(
    _ lines: LineStream, to destination: Destination, reference: String?, shard: Shard?,
    after count: Int = 0, options: OutputOptions
  ) throws {
    let reference = reference.map { FilePath($0) }
    if let reference, reference.isFolder != true {
      throw BatchError.usage("--reference \(reference) must be a folder, as a list may name several inputs")
    }
    self.lines = lines
    self.destination = destination
    self.reference = reference
    self.shard = shard
    self.options = options
    existing = ExistingOutputs(options.ifExists)
    owners = OutputOwners(options.comparison)
    lineCount = count
  }

  package func next(waits: Bool) -> NextJob {
    while true {
      switch lines.next(waits: waits) {
      case .notYet: return .notYet
      case .end: return .end
      case .failed(let error): return .failed(Job(input: "", output: ""), error)
      case .line(let line):
        lineCount += 1
        guard !line.isEmpty, shard?.holds(lineCount - 1) ?? true else { continue }
        return job(for: line)
      }
    }
  }

  private func job(for line: FilePath) -> NextJob {
    var job = Job(input: line, output: "")
    do {
      let text = line.text
      guard let isFolder = line.isFolder else { throw FileError(path: text, reason: "no such file") }
      guard !isFolder else { throw FileError(path: text, reason: "a line names one file, not a folder") }
      guard !TensorFile.isTensorFile(text) else {
        throw FileError(path: text, reason: "--list - takes images, not files of tensors")
      }
      let name = InputList.relative(line)
      job.output = try destination.path(for: name)
      job.reference = reference?.joined(name)
      guard let settled = try existing.settled(job) else { return .kept(job) }
      job = settled
      // A worker may be asked for the same file again, which may have changed.
      try owners.add(job, allowsRepeats: true)
      let folder = job.output.folder
      if options.makesFolders, !folder.isEmpty { try Folder.make(folder) }
      return .job(job)
    } catch { return .failed(job, error) }
  }
}

/// Lines that come through a pipe, read on a thread of their own, a few ahead of their use.
package final class LineStream: Sendable {
  package enum Line {
    case line(FilePath)
    case failed(FileError)
    case notYet
    case end
  }

  /// Bytes of a line; paths have at most 4096.
  private static let lineLimit = 1 << 16
  /// Lines that are read ahead.
  private static let countLimit = 64
  private let queue: BoundedQueue<PathList.Item>

  /// - Parameters:
  ///   - descriptor: stays open while lines are read.
  ///   - name: the stream in messages.
  package init(_ descriptor: Int32, name: String = Job.inputStreamName) {
    let queue = BoundedQueue<PathList.Item>(limit: Self.countLimit)
    self.queue = queue
    Thread {
      Self.read(descriptor, name) { _ = queue.put($0) }
      queue.finish()
    }.start()
  }

  /// The next line. With `waits`, the call returns when there is one, or at the end.
  package func next(waits: Bool) -> Line {
    switch queue.next(waits: waits) {
    case .value(.success(let path)): .line(path)
    case .value(.failure(let error)): .failed(error)
    case .notYet: .notYet
    case .end: .end
    }
  }

  /// Reads to the end of the stream.
  private static func read(_ descriptor: Int32, _ name: String, _ add: (PathList.Item) -> Void) {
    var list = PathList()
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count: Int
      do throws(FileError) { count = try buffer.read(from: descriptor, name) } catch {
        add(.failure(error))
        break
      }
      guard count > 0 else { break }
      list.take(buffer[..<count]).forEach(add)
      guard list.restCount <= lineLimit else {
        return add(.failure(FileError(path: name, reason: "a line has more than \(lineLimit) bytes")))
      }
    }
    if let last = list.end() { add(last) }
  }
}
