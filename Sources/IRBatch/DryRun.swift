import Foundation
import IRFiles
import IRTensor
import ImageRestoration

/// The plan, time and size of one input of a run.
package struct Estimate: Encodable {
  package var input: String
  package var output: String
  package var width: Int?
  package var height: Int?
  package var plan: String?
  package var tiles: Int?
  package var memoryBytes: Int?
  package var seconds: Double?
  /// An upper bound where the format loses nothing, else a usual size.
  package var outputBytes: Int?
  package var problem: String?

  package init(_ job: Job, problem: String? = nil) {
    (input, output) = (job.input.text, job.output.text)
    self.problem = problem
  }

  package var text: String {
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

/// Estimates what a run would do, by headers and by a small picture of its own.
package struct DryRun {
  /// Sums over all inputs.
  package struct Totals {
    package var count = 0
    package var seconds = 0.0
    /// Of outputs.
    package var byteCount = 0

    package func text(freeByteCount: Int?) -> String {
      let text = "\(count) files, about \(Estimate.time(seconds)) and \(max(1, byteCount >> 20)) MiB"
      guard let freeByteCount else { return text }
      let warning = byteCount > freeByteCount ? ": the disk will not hold them" : ""
      return "\(text) of \(freeByteCount >> 20) MiB free\(warning)"
    }
  }

  private let restorer: Restorer
  private let options: OutputOptions
  private let secondsPerPixel: Double

  package init(restorer: Restorer, options: OutputOptions) throws {
    self.restorer = restorer
    self.options = options
    // Other pictures of the model state the sides.
    let other = restorer.settings.pictures.first?.value
    let (height, width) = (
      other?.height ?? restorer.fixedSides.height ?? 192, other?.width ?? restorer.fixedSides.width ?? 192
    )
    let image = Image(
      width: width, height: height, channelCount: restorer.channelCount,
      pixels: [Float](repeating: 0.5, count: height * width * restorer.channelCount))
    _ = try restorer.restore(image)
    let start = ContinuousClock.now
    _ = try restorer.restore(image)
    let turns: Double = restorer.settings.isAugmented ? 8 : 1
    secondsPerPixel = start.duration(to: .now).inSeconds / Double(height * width) / turns
  }

  /// Estimates all jobs, one after the other.
  package func run(_ jobs: any JobSource, _ handle: (Estimate) throws -> Void) rethrows -> Totals {
    var totals = Totals()
    while true {
      let estimate: Estimate
      switch jobs.next(waits: true) {
      case .job(let job): estimate = self.estimate(job)
      case .kept: continue
      case .failed(let job, let error): estimate = Estimate(job, problem: "\(error)")
      case .notYet, .end: return totals
      }
      totals.count += 1
      totals.seconds += estimate.seconds ?? 0
      totals.byteCount += estimate.outputBytes ?? 0
      try handle(estimate)
    }
  }

  private func estimate(_ job: Job) -> Estimate {
    var estimate = Estimate(job)
    guard !job.readsPipe else { return estimate }
    do {
      let header = try ImageFile.header(of: job.input.text)
      (estimate.width, estimate.height) = (header.width, header.height)
      let refusal =
        options.refusal(of: job)
        ?? ImageFile.refusal(
          writingTo: options.name(of: job), width: header.width * restorer.scale,
          height: header.height * restorer.scale)
      if let refusal {
        throw ImageError.unwritable(path: job.output.text, reason: refusal)
      }
      let samples = header.width * header.height * restorer.scale * restorer.scale * min(header.bandCount, 4)
      let plan = try restorer.plan(
        width: header.width, height: header.height,
        holding: header.byteCount + 4 * samples + 2 * samples)
      (estimate.plan, estimate.tiles, estimate.memoryBytes) = ("\(plan)", plan.tiles.count, plan.byteCount)
      estimate.seconds = secondsPerPixel * Double(plan.pixelCount) * (restorer.settings.isAugmented ? 8 : 1)
      let suffix = FilePath(options.name(of: job)).suffix
      let bytesPerSample =
        header.byteCount / max(1, header.width * header.height * header.bandCount) > 6 ? 2 : 1
      // At qualities around 90 a lossy format takes a third of a byte a sample.
      estimate.outputBytes =
        ImageFile.isLossy(suffix)
        ? samples / 3 : samples * (options.writing.sampleFormat == .float32 ? 4 : bytesPerSample)
    } catch { estimate.problem = "\(error)" }
    return estimate
  }

  /// Bytes that are free where a folder is, or will be.
  package static func freeByteCount(_ folder: FilePath) -> Int? {
    var place = folder.place
    while !place.exists, place != place.folder { place = place.folder }
    var status = statvfs()
    guard statvfs(place.cString, &status) == 0 else { return nil }
    return Int(status.f_bavail) * Int(status.f_frsize)
  }
}
