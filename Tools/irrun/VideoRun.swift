import ArgumentParser
import Foundation
import IRBatch
import IRCommandLine
import IRFiles
import IRRuntime
import IRThreads
import IRVideo
import ImageRestoration

/// Restores the frames of a stream one after the other; the next are read and the last are written meanwhile.
final class VideoRun {
  private let command: IRRun
  private let input: FilePath
  private let restorer: Restorer
  private let reader: FrameReader
  private let output: FrameStream
  /// Nil where each frame is restored by itself.
  private var temporal: TemporalBlend?
  private let progress = ProgressLine()
  private let start = Date()

  /// - Throws: `ValidationError`, and the errors of the model.
  init(_ command: IRRun, model: String, input: String, _ reader: FrameReader) throws {
    let (files, checks) = (command.files, command.checks)
    guard files.namedPictures.isEmpty, files.format == nil, checks.metrics.isEmpty, checks.compare == nil,
      checks.trace == nil, !checks.proveTiles, !checks.strict, !checks.verify, !checks.profile, !files.dryRun
    else {
      throw ValidationError(
        "streams of frames take none of -f, -i NAME=FILE, --metrics, --compare, --trace, --profile, --verify, "
          + "--prove-tiles, --strict and --dry-run")
    }
    guard files.ifExists == .overwrite, files.shard == nil else {
      throw ValidationError("streams of frames take no --shard, and of --if-exists overwrite alone")
    }
    self.command = command
    self.input = FilePath(input)
    self.reader = reader
    var settings = command.modelOptions.settings
    settings.allowsFloat16Storage = command.resources.float16Storage ?? settings.allowsFloat16Storage
    restorer = try Restorer(
      model: model, multiple: command.modelOptions.multiple, options: command.runtime, settings: settings)
    output = reader.stream.enlarged(by: restorer.scale)
    temporal = command.video.temporal ? TemporalBlend() : nil
    guard temporal == nil || restorer.scale == 1 else {
      throw ValidationError(
        "--temporal is for models that keep the sides, and this one enlarges by \(restorer.scale)")
    }
  }

  /// Restores all frames to a file or, as `-`, to the standard output.
  /// - Throws: the errors of the model and of the streams.
  func run(to output: String) throws {
    let path = FilePath(output)
    guard path != Job.stream else {
      return try run(FrameWriter(self.output) { try StandardOutput.write($0) })
    }
    let file = try AtomicFile(replacing: path)
    let writer = try FrameWriter(self.output) { try file.write($0) }
    do { try run(writer) } catch let error as VideoError {
      // The frames before a cut stay, since a stream has a use up to there; a cut input that they would
      // replace stays too.
      if case .cut = error, writer.count > 0, !replacesInput(path) { try file.replace() }
      throw error
    }
    try file.replace()
  }

  /// Whether the file at a path is the one that is read.
  private func replacesInput(_ path: FilePath) -> Bool {
    var read = stat()
    guard (input == Job.stream ? fstat(STDIN_FILENO, &read) : stat(input.cString, &read)) == 0,
      let written = path.status
    else { return false }
    return read.st_dev == written.st_dev && read.st_ino == written.st_ino
  }

  private func run(_ writer: FrameWriter) throws {
    let coding = reader.stream.coding
    let pixels = coding.width * coding.height * restorer.scale * restorer.scale
    let threads = command.resources.threads
    let plan = try restorer.plan(
      width: coding.width, height: coding.height,
      // The result and its planes of luma and chroma, all of floats; and the frames that are read ahead,
      // written behind and in hand.
      holding: (12 + 32 + (temporal == nil ? 0 : TemporalBlend.byteCountOfPixel)) * pixels
        + (threads.readAhead + 2) * coding.byteCount + (threads.writeBehind + 2)
        * output.coding.byteCount)
    if command.checks.verbose { Terminal.warn("\(plan)") }
    if restorer.scale > 1, let colours = output.coding as? YCbCr, !colours.hasUsualMatrix {
      Terminal.warn(
        "the colours stay those of BT.\(colours.matrix.rawValue), and players expect others of frames of "
          + "\(colours.width)×\(colours.height): tell them")
    }
    let (read, written) = (
      BoundedQueue<Result<Frame, any Error>>(limit: threads.readAhead),
      BoundedQueue<Frame>(limit: threads.writeBehind)
    )
    let reading = Reading(reader, read)
    let writing = Writing(writer, written)
    defer { read.close() }
    reading.start()
    writing.start()
    var count = 0
    do {
      while let next = read.take() {
        let result = try restored(try next.get(), plan, isFirst: count == 0)
        guard written.put(result) else { break }
        count += 1
        show(count)
      }
    } catch {
      try end(writing, written)
      throw error
    }
    try end(writing, written)
    progress.clear()
    let seconds = Date().timeIntervalSince(start)
    Terminal.complain(
      "\(writer.count) frames in \(String(format: "%.1f", seconds)) s, "
        + "\(String(format: "%.2f", Double(writer.count) / max(seconds, 1e-9))) a second")
  }

  /// Waits until all frames are written.
  /// - Throws: why they cannot be.
  private func end(_ writing: Writing, _ written: BoundedQueue<Frame>) throws {
    written.finish()
    writing.wait()
    progress.clear()
    if let failure = writing.failure { throw failure }
  }

  private func restored(_ frame: Frame, _ plan: RestorationPlan, isFirst: Bool) throws -> Frame {
    let coding = reader.stream.coding
    let image = coding.image(frame.bytes)
    let result = try restorer.restoration(of: image, by: plan)
    if isFirst {
      if let noise = result.noise, noise.estimated {
        Terminal.warn("the first frame's noise level is \(String(format: "%.1f", noise.level)), estimated")
      }
      for warning in result.warnings { Terminal.warn("the first frame is suspicious: \(warning.sentence)") }
    }
    var restored = result.image
    if image.channelCount == 3 { restored = restored.asColour() }
    if let blended = temporal?.blended(restored, of: image) { restored = blended }
    var out = frame
    out.bytes = try output.coding.bytes(restored, original: restorer.scale == 1 ? frame.bytes : nil)
    return out
  }

  private func show(_ count: Int) {
    let pace = Double(count) / max(Date().timeIntervalSince(start), 1e-9)
    progress.show("frame \(count), \(String(format: "%.2f", pace)) a second")
  }
}

/// The thread that reads.
///
/// Unchecked: the thread alone uses the reader; the queue may be shared.
private final class Reading: @unchecked Sendable {
  private let reader: FrameReader
  private let queue: BoundedQueue<Result<Frame, any Error>>

  init(_ reader: FrameReader, _ queue: BoundedQueue<Result<Frame, any Error>>) {
    self.reader = reader
    self.queue = queue
  }

  func start() { Thread { self.run() }.start() }

  private func run() {
    do {
      while let frame = try reader.next() { guard queue.put(.success(frame)) else { return } }
    } catch { _ = queue.put(.failure(error)) }
    queue.finish()
  }
}

/// The thread that writes.
///
/// Unchecked: the thread alone uses the writer until it is done; the error is used under the lock.
private final class Writing: @unchecked Sendable {
  private let writer: FrameWriter
  private let queue: BoundedQueue<Frame>
  private let done = DispatchSemaphore(value: 0)
  private let lock = NSLock()
  private var error: (any Error)?

  init(_ writer: FrameWriter, _ queue: BoundedQueue<Frame>) {
    self.writer = writer
    self.queue = queue
  }

  var failure: (any Error)? { lock.withLock { error } }
  func wait() { done.wait() }

  func start() { Thread { self.run() }.start() }

  private func run() {
    do { while let frame = queue.take() { try writer.write(frame) } } catch {
      lock.withLock { self.error = error }
      queue.close()
    }
    done.signal()
  }
}
