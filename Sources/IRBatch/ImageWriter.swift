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

  private let options: OutputOptions
  private let comparison: Comparison?
  private let journal: Journal?
  private let trace: Trace?

  init(options: OutputOptions, comparison: Comparison?, journal: Journal?, trace: Trace?) {
    self.options = options
    self.comparison = comparison
    self.journal = journal
    self.trace = trace
  }

  func write(_ finished: Finished, for job: Job, _ report: Report) throws -> Report {
    let begin = ContinuousClock.now
    defer { trace?.add("write \(job.output)", thread: .writing, from: begin) }
    var report = report
    let written: ImageFile.WritingReport
    if job.output == Job.stream {
      written = try writeToStream(finished.image)
    } else {
      var writing = options.writing
      writing.permissions = Self.permissions(of: job)
      written = try ImageFile.write(finished.image, to: job.output, options: writing) { temporary in
        if options.keepsTime, job.input != Job.stream { try Self.copyTime(of: job.input, to: temporary) }
        if let key = finished.key { try journal?.note(job, key: key, temporary: temporary) }
      }
      if let comparison, let picture = finished.comparison {
        let stem = PathText.stem(job.output)
        var writing = ImageFile.WritingOptions()
        writing.permissions = Self.permissions(of: job)
        try ImageFile.write(picture, to: "\(stem)-\(comparison.rawValue).png", options: writing)
      }
    }
    // Networks overshoot by a little everywhere; a picture that loses a part of its range is worth a word.
    let share = Double(written.clippedSampleCount) / Double(max(1, finished.image.pixels.count))
    if share > 0.001 { report.clipped = share }
    if !written.lost.isEmpty { report.lost = written.lost }
    if !finished.image.notes.isEmpty { report.notes = finished.image.notes }
    return report
  }

  /// Those of the input: a private picture's restoration is private too.
  private static func permissions(of job: Job) -> UInt32 {
    var status = stat()
    guard job.input != Job.stream, stat(job.input, &status) == 0 else { return 0o666 }
    // The owner may write again what the owner could read alone.
    return status.st_mode & 0o666 | UInt32(S_IWUSR)
  }

  /// Gives a file the times of access and modification of another.
  private static func copyTime(of source: String, to path: String) throws(FileError) {
    var status = stat()
    guard stat(source, &status) == 0 else { throw FileError(path: source, reason: systemError()) }
    let times = [status.st_atim, status.st_mtim]
    guard utimensat(AT_FDCWD, path, times, 0) == 0 else { throw FileError(path: path, reason: systemError()) }
  }

  private func writeToStream(_ image: Image) throws -> ImageFile.WritingReport {
    let folder = NSTemporaryDirectory() + "irrun-\(UUID().uuidString)"
    guard mkdir(folder, 0o700) == 0 else { throw FileError(path: folder, reason: systemError()) }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/picture.\(options.format ?? "png")"
    let report = try ImageFile.write(image, to: path, options: options.writing)
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
      try piece.withUnsafeBytes { try StandardOutput.write($0) }
    }
    return report
  }
}
