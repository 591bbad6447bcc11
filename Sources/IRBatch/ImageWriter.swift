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
  private let journal: Journal?
  private let trace: Trace?

  init(options: OutputOptions, journal: Journal?, trace: Trace?) {
    self.options = options
    self.journal = journal
    self.trace = trace
  }

  func write(_ finished: Finished, for job: Job, _ report: Report) throws -> Report {
    let begin = ContinuousClock.now
    defer { trace?.add("write \(job.output)", thread: .writing, from: begin) }
    var report = report
    let written: ImageFile.WritingReport
    if job.writesPipe {
      written = try writeToPipe(finished.image, job)
    } else {
      var writing = options.writing
      writing.permissions = Self.permissions(of: job)
      writing.numbered = job.unnumbered?.text
      written = try ImageFile.write(finished.image, to: job.output.text, options: writing) { temporary in
        if options.keepsTime, !job.readsPipe {
          try Self.copyTime(of: job.input, to: FilePath(temporary))
        }
        if let key = finished.key { try journal?.note(job, key: key, temporary: temporary) }
      }
      report.output = written.path
      if let comparison = options.comparison, let picture = finished.comparison {
        let place = comparison.path(beside: FilePath(written.path))
        var writing = ImageFile.WritingOptions()
        writing.permissions = Self.permissions(of: job)
        writing.numbered = Comparison.isOne(place) ? nil : place.text
        report.comparison = try ImageFile.write(picture, to: place.text, options: writing).path
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
    guard !job.readsPipe, let status = job.input.status else { return 0o666 }
    // The owner may write again what the owner could read alone.
    return status.st_mode & 0o666 | UInt32(S_IWUSR)
  }

  /// Gives a file the times of access and modification of another.
  private static func copyTime(of source: FilePath, to path: FilePath) throws(FileError) {
    guard let status = source.status else { throw FileError(path: source.text, reason: systemError()) }
    let times = [status.st_atim, status.st_mtim]
    guard utimensat(AT_FDCWD, path.cString, times, 0) == 0 else {
      throw FileError(path: path.text, reason: systemError())
    }
  }

  private func writeToPipe(_ image: Image, _ job: Job) throws -> ImageFile.WritingReport {
    let place = TemporaryFile(suffix: FilePath(options.name(of: job)).suffix)
    defer { withExtendedLifetime(place) {} }
    var writing = options.writing
    writing.permissions = 0o600
    let report = try ImageFile.write(image, to: place.path.text, options: writing)
    try PipedPicture.write(try place.path.contents(), job)
    return report
  }
}
