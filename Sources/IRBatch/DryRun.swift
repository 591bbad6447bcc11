import Foundation
import IRCommandLine
import IRFiles
import ImageRestoration

/// Says what a run would do.
struct DryRun {
  let restorer: Restorer
  let files: FileOptions
  let reader: ImageReader
  let json: Bool

  private struct Line: Encodable {
    var input: String
    var output: String
    var width: Int?
    var height: Int?
    var plan: String?
    var tiles: Int?
    var memoryBytes: Int?
    var seconds: Double?
    /// An upper bound where the format loses nothing, else a usual size.
    var outputBytes: Int?
    var problem: String?

    var text: String {
      if let problem { return "\(input): \(problem)" }
      guard let plan, let seconds, let outputBytes, let width, let height else {
        return "\(input) -> \(output)"
      }
      return "\(input) -> \(output): \(width)×\(height), \(plan), about \(Self.time(seconds)), "
        + "about \(max(1, outputBytes >> 10)) KiB on disk"
    }

    static func time(_ seconds: Double) -> String {
      seconds < 90 ? String(format: "%.1f s", seconds) : String(format: "%.0f min", seconds / 60)
    }
  }

  func run(_ list: JobList) throws {
    let rate = try secondsPerPixel()
    var (seconds, bytes) = (0.0, 0)
    for job in list.jobs {
      let line = line(for: job, rate)
      (seconds, bytes) = (seconds + (line.seconds ?? 0), bytes + (line.outputBytes ?? 0))
      if json {
        try Terminal.say(json: line)
      } else {
        Terminal.say(line.text)
      }
    }
    guard !json else { return }
    var text = "\(list.jobs.count) files, about \(Line.time(seconds)) and \(max(1, bytes >> 20)) MiB"
    if let free = freeByteCount(list.folder) {
      text += " of \(free >> 20) MiB free" + (bytes > free ? ": the disk will not hold them" : "")
    }
    Terminal.say(text)
  }

  private func line(for job: Job, _ rate: Double) -> Line {
    var line = Line(input: job.input, output: job.output)
    guard job.input != Job.stream else { return line }
    do {
      let header = try ImageFile.header(of: job.input)
      (line.width, line.height) = (header.width, header.height)
      let refusal =
        ImageFile.refusal(writingTo: job.output, options: files.writing)
        ?? ImageFile.refusal(
          writingTo: job.output, width: header.width * restorer.scale, height: header.height * restorer.scale)
      if let refusal, job.output != Job.stream {
        throw ImageError.unwritable(path: job.output, reason: refusal)
      }
      let samples = header.width * header.height * restorer.scale * restorer.scale * min(header.bandCount, 4)
      let plan = try restorer.plan(
        width: header.width, height: header.height,
        holding: header.byteCount + 4 * samples + 2 * samples)
      (line.plan, line.tiles, line.memoryBytes) = ("\(plan)", plan.tiles.count, plan.byteCount)
      line.seconds = rate * Double(plan.pixelCount) * (restorer.settings.isAugmented ? 8 : 1)
      let suffix = PathText.suffix(job.output)
      let bytesPerSample =
        header.byteCount / max(1, header.width * header.height * header.bandCount) > 6 ? 2 : 1
      // At qualities around 90 a lossy format takes a third of a byte a sample.
      line.outputBytes =
        ImageFile.isLossy(suffix) ? samples / 3 : samples * (files.depth == .float32 ? 4 : bytesPerSample)
    } catch { line.problem = "\(error)" }
    return line
  }

  /// What the model takes for a pixel, measured on a small picture.
  private func secondsPerPixel() throws -> Double {
    let side = (restorer.fixedSides.height ?? 192, restorer.fixedSides.width ?? 192)
    let image = Image(
      width: side.1, height: side.0, channelCount: restorer.channelCount,
      pixels: [Float](repeating: 0.5, count: side.0 * side.1 * restorer.channelCount))
    let turns: Double = restorer.settings.isAugmented ? 8 : 1
    _ = try restorer.restore(image)
    let (_, seconds) = try timed { try restorer.restore(image) }
    return seconds / Double(side.0 * side.1) / turns
  }

  private func freeByteCount(_ folder: String) -> Int? {
    var place = URL(fileURLWithPath: folder.isEmpty ? "." : folder)
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    let values = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    return (values?[.systemFreeSize] as? NSNumber)?.intValue
  }
}
