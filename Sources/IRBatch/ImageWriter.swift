import Foundation
import IRFiles
import ImageRestoration

/// Writes what was restored, and notes it.
final class ImageWriter: Sendable {
  struct Finished: Sendable {
    var image: Image
    var comparison: Image?
    var key: String?
  }

  private let options: FileOptions
  private let writing: ImageFile.WritingOptions
  private let comparison: Comparison?
  private let journal: SharedJournal?
  private let trace: Trace?

  /// A strict writer writes no picture that would lose what its input stated.
  init(
    options: FileOptions, isStrict: Bool, comparison: Comparison?, journal: SharedJournal?, trace: Trace?
  ) {
    var writing = options.writing
    writing.refusesLosses = isStrict
    (self.options, self.writing, self.comparison, self.journal, self.trace) = (
      options, writing, comparison, journal, trace
    )
  }

  func write(_ finished: Finished, for job: Job, _ report: Report) throws -> Report {
    let begin = ContinuousClock.now
    defer { trace?.add("write \(job.output)", thread: .writing, from: begin) }
    var report = report
    let written: ImageFile.WritingReport
    if job.output == Job.stream {
      written = try writeToStream(finished.image)
    } else {
      written = try ImageFile.write(finished.image, to: job.output, options: writing) { temporary in
        if let key = finished.key { try self.journal?.note(job, key: key, temporary: temporary) }
      }
      if let comparison, let picture = finished.comparison {
        let stem = PathText.stem(job.output)
        try ImageFile.write(picture, to: "\(stem)-\(comparison.rawValue).png")
      }
    }
    // Networks overshoot by a little everywhere; a picture that loses a part of its range is worth a word.
    let share = Double(written.clippedSampleCount) / Double(max(1, finished.image.pixels.count))
    if share > 0.001 { report.clipped = share }
    if !written.lost.isEmpty { report.lost = written.lost }
    if !finished.image.notes.isEmpty { report.notes = finished.image.notes }
    return report
  }

  private func writeToStream(_ image: Image) throws -> ImageFile.WritingReport {
    let folder = NSTemporaryDirectory() + "irrun-\(UUID().uuidString)"
    guard mkdir(folder, 0o700) == 0 else { throw FileError(path: folder, reason: systemError()) }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/picture.\(options.format ?? "png")"
    let report = try ImageFile.write(image, to: path, options: writing)
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { try Self.writeToStream(piece) }
    return report
  }
}

extension ImageWriter {
  private static func writeToStream(_ bytes: Data) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path: "the standard output", reason: systemError()) }
      rest = rest.dropFirst(count)
    }
  }
}

/// The journal of a run, for the threads that read and write.
final class SharedJournal: @unchecked Sendable {
  private let journal: Journal
  private let lock = NSLock()
  /// What every output depends on beside its input.
  private let common: String

  init(folder: String, common: String) {
    journal = Journal(folder: folder)
    self.common = common
  }

  func key(of job: Job) throws -> String {
    var digest = SHA256()
    digest.update(common.utf8)
    try digest.update(contentsOf: job.input)
    return digest.finished()
  }

  func isDone(_ job: Job, key: String) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    return journal.isDone(job.output, key: key)
  }

  func note(_ job: Job, key: String, temporary: String) throws {
    lock.lock()
    defer { lock.unlock() }
    try journal.note(job.output, key: key, temporary: temporary)
  }
}
