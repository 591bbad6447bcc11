import Foundation
import IRFiles
import IRTensorFiles

/// The jobs of a list that grows while the run goes on: a line names one input. Wrong lines are failures of
/// their own.
package final class JobStream: JobSource {
  private let lines: LineStream
  private let destination: Destination
  private let reference: String?
  private let shard: Shard?
  private let options: OutputOptions
  private var owners = OutputOwners()
  private var existing: ExistingOutputs
  private var lineCount: Int

  /// The reference is a folder of true pictures with the inputs' names. Parts of the list count from `count`
  /// on.
  /// - Throws: `BatchError.usage` if it is not.
  package init(
    _ lines: LineStream, to destination: Destination, reference: String?, shard: Shard?,
    after count: Int = 0, options: OutputOptions
  ) throws {
    if let reference, InputList.isFolder(reference) != true {
      throw BatchError.usage("--reference \(reference) must be a folder, as a list may name several inputs")
    }
    self.lines = lines
    self.destination = destination
    self.reference = reference
    self.shard = shard
    self.options = options
    existing = ExistingOutputs(options.ifExists)
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

  private func job(for line: String) -> NextJob {
    var job = Job(input: line, output: "")
    do {
      guard let isFolder = InputList.isFolder(line) else {
        throw FileError(path: line, reason: "no such file")
      }
      guard !isFolder else { throw FileError(path: line, reason: "a line names one file, not a folder") }
      guard !TensorFile.isTensorFile(line) else {
        throw FileError(path: line, reason: "--list - takes images, not files of tensors")
      }
      let name = PathText.name(line)
      job.output = try destination.path(for: name)
      job.reference = reference.map { InputList.joined($0, name) }
      guard let settled = try existing.settled(job) else { return .kept(job) }
      job = settled
      // A worker may be asked for the same file again, which may have changed.
      try owners.add(job, allowsRepeats: true)
      let folder = PathText.folder(job.output)
      if options.makesFolders, !folder.isEmpty { try Folders.make(folder) }
      return .job(job)
    } catch { return .failed(job, error) }
  }
}

/// Lines that come through a pipe, read on a thread of their own, a few ahead of their use.
package final class LineStream: @unchecked Sendable {
  package enum Line {
    case line(String)
    case failed(FileError)
    case notYet
    case end
  }

  /// Bytes of a line; paths have at most 4096.
  private static let lineLimit = 1 << 16
  /// Lines that wait to be used.
  private static let countLimit = 64
  private let descriptor: Int32
  private let name: String
  // Everything below is used with the condition's lock held.
  private let condition = NSCondition()
  private var waiting: [Line] = []

  /// - Parameters:
  ///   - descriptor: stays open while lines are read.
  ///   - name: the stream in messages.
  package init(_ descriptor: Int32, name: String = Job.inputStreamName) {
    self.descriptor = descriptor
    self.name = name
    let thread = Thread { [self] in read() }
    thread.start()
  }

  package func next(waits: Bool) -> Line {
    condition.lock()
    defer { condition.unlock() }
    while waiting.isEmpty {
      guard waits else { return .notYet }
      condition.wait()
    }
    // The end stays, for those who ask again.
    if case .end = waiting[0] { return .end }
    condition.broadcast()
    return waiting.removeFirst()
  }

  private func add(_ line: Line) {
    condition.lock()
    while waiting.count >= Self.countLimit { condition.wait() }
    waiting.append(line)
    condition.broadcast()
    condition.unlock()
  }

  private func read() {
    var rest: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = buffer.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        if count < 0 { add(.failed(FileError(path: name, reason: systemError()))) }
        break
      }
      rest += buffer[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        add(.line(Self.text(rest[..<end])))
        rest.removeFirst(end + 1)
      }
      guard rest.count <= Self.lineLimit else {
        add(.failed(FileError(path: name, reason: "a line has more than \(Self.lineLimit) bytes")))
        rest = []
        break
      }
    }
    if !rest.isEmpty { add(.line(Self.text(rest[...]))) }
    add(.end)
  }

  private static func text(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes, as: UTF8.self)
  }
}
