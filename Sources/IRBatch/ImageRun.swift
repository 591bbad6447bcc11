import Foundation
import IRCommandLine
import IRRuntime
import ImageRestoration

/// Restores images one after another, while the next are read and the last are written.
final class ImageRun {
  struct Options: Sendable {
    var metrics: [String]
    var files: FileOptions
    var comparison: Comparison?
    var verifies: Bool
    var profiles: Bool
    var provesTiles: Bool
    var isStrict: Bool
    var isVerbose: Bool
    var threads: ThreadChoice
  }

  let restorer: Restorer
  let options: Options
  let reader: ImageReader
  private let writer: ImageWriter
  private let trace: Trace?
  private var times = KernelTimes()

  init(restorer: Restorer, options: Options, reader: ImageReader, writer: ImageWriter, trace: Trace?) {
    (self.restorer, self.options, self.reader, self.writer, self.trace) = (
      restorer, options, reader, writer, trace
    )
    guard options.profiles || trace != nil else { return }
    restorer.observer = { [unowned self] program, profile, start in
      times.add(program, seconds: profile.seconds)
      trace?.add(program, profile, from: start)
    }
  }

  /// What became of a job.
  enum Outcome {
    case done(Report)
    case kept(Job)
    case failed(Job, any Error)
  }

  /// Restores all, and hands over each outcome in the jobs' order; `isOver` ends the run early.
  func process(_ jobs: [Job], _ progress: JobProgress, _ handle: (Outcome) -> Bool) {
    let reading = DispatchQueue(label: "read"), writing = DispatchQueue(label: "write")
    var ahead: [Promise<ImageReader.Loaded>] = []
    var behind: [(Job, Promise<Report>)] = []
    var started = 0
    func readOn() {
      while started < jobs.count, ahead.count <= options.threads.readAhead {
        // A picture that takes much of the memory is read when its turn has come.
        if !ahead.isEmpty, !reader.isSmall(jobs[started]) { return }
        let (job, reader) = (jobs[started], reader)
        ahead.append(Promise(on: reading) { try reader.load(job) })
        started += 1
      }
    }
    /// Waits until at most so many are being written.
    func settle(_ count: Int) -> Bool {
      while behind.count > count {
        let (job, promise) = behind.removeFirst()
        let isGoingOn: Bool
        do { isGoingOn = handle(.done(try promise.wait())) } catch { isGoingOn = handle(.failed(job, error)) }
        if !isGoingOn { return false }
      }
      return true
    }
    for (index, job) in jobs.enumerated() {
      progress.show(done: index, current: job.inputName)
      readOn()
      do {
        guard let loaded = try ahead.removeFirst().wait().picture else {
          guard settle(0), handle(.kept(job)) else { return }
          continue
        }
        let isSmall = reader.isSmall(job)
        if isSmall { readOn() } else if !settle(0) { return }
        let (finished, report) = try restore(job, loaded, progress)
        let writer = writer
        behind.append((job, Promise(on: writing) { try writer.write(finished, for: job, report) }))
        guard settle(isSmall ? options.threads.writeBehind : 0) else { return }
      } catch {
        guard settle(0), handle(.failed(job, error)) else { return }
      }
    }
    _ = settle(0)
  }

  /// Restores one picture; everything is computed before anything is written.
  private func restore(
    _ job: Job, _ loaded: ImageReader.Picture, _ progress: JobProgress
  ) throws -> (ImageWriter.Finished, Report) {
    let image = loaded.image
    let begin = ContinuousClock.now
    times = KernelTimes()
    let plan = try restorer.plan(
      width: image.width, height: image.height,
      holding: restorer.resultByteCount(image) + reader.encodingByteCount(image, restorer.scale))
    if options.isVerbose { progress.note("\(job.inputName): \(plan)") }
    let start = Date()
    let (result, seconds) = try timed {
      try restorer.restoration(of: image, by: plan) { done, count in
        progress.show(step: "\(job.inputName): tile", done: done, of: count, since: start)
      }
    }
    if options.isStrict, !result.warnings.isEmpty { throw StrictRefusal(warnings: result.warnings) }
    let restored = result.image
    trace?.add("restore \(job.input)", thread: .restoring, from: begin)
    if options.profiles { progress.note(times.text()) }
    var report = Report(
      input: job.input, output: job.output, shape: [restored.width, restored.height], seconds: seconds)
    report.plan = "\(plan)"
    report.tiles = plan.tiles.count
    report.warnings = result.warnings.isEmpty ? nil : result.warnings
    if let truth = loaded.truth, !options.metrics.isEmpty { try measure(image, restored, truth, &report) }
    if options.verifies {
      let start = Date()
      let expected = try restorer.restoreByReference(image) { done, count in
        progress.show(step: "reference interpreter", done: done, of: count, since: start)
      }
      report.verification = [
        Report.Difference(restored.pixels.lazy.map(Double.init), expected.pixels.lazy.map(Double.init))
      ]
    }
    if options.provesTiles { report.proof = try proof(image, restored, plan) }
    let picture = try options.comparison?.picture(image, restored, loaded.truth)
    var kept = restored
    kept.metadata = options.files.metadata.apply(to: restored.metadata)
    return (ImageWriter.Finished(image: kept, comparison: picture, key: loaded.key), report)
  }

  /// The tiles' largest distance to the same picture restored whole, whatever memory that takes.
  private func proof(_ image: Image, _ tiled: Image, _ plan: RestorationPlan) throws -> Report.Proof {
    guard plan.tiles.count > 1 else {
      return Report.Proof(tiles: 1, largest: 0, differingBytes: 0, largestOfMeans: 0)
    }
    var settings = restorer.settings
    settings.tileSize = nil
    let whole = try Restorer(
      model: restorer.path, multiple: restorer.multiple,
      options: RuntimeOptions(threadCount: restorer.options.threadCount), settings: settings)
    let wholePlan = try whole.plan(width: image.width, height: image.height)
    guard wholePlan.tiles.count == 1 else {
      throw RuntimeError.exceedsMemory(
        byteCount: try whole.wholeByteCount(width: image.width, height: image.height),
        limit: AvailableMemory.byteCount ?? 0)
    }
    let expected = try whole.restoration(of: image, by: wholePlan).image
    let format = options.files.depth.sampleFormat ?? image.sampleFormat
    var (largest, differing) = (Float(0), 0)
    func level(_ value: Float) -> Float {
      format == .float32
        ? value : min(max((value * format.white).rounded(.toNearestOrAwayFromZero), 0), format.white)
    }
    for (a, b) in zip(tiled.pixels, expected.pixels) where a.bitPattern != b.bitPattern {
      largest = max(largest, abs(a - b))
      if level(a) != level(b) { differing += 1 }
    }
    return Report.Proof(
      tiles: plan.tiles.count, largest: Double(largest), differingBytes: differing,
      largestOfMeans: 255
        * Double(BlockMeans.largestDifference(tiled, expected, side: Report.Proof.meansSide)))
  }

  private func measure(_ image: Image, _ restored: Image, _ truth: Image, _ report: inout Report) throws {
    let metricProtocol = MetricProtocol()
    let window = options.metrics.contains("ssim") ? ", SSIM \(SSIMVariant.uniform7.name)" : ""
    report.metricProtocol = "\(metricProtocol)\(window)"
    for metric in options.metrics {
      func value(_ image: Image) throws -> Double? {
        guard image.width == truth.width, image.height == truth.height else { return nil }
        let value =
          metric == "psnr"
          ? try psnr(image, truth, metricProtocol)
          : try ssim(image, truth, variant: .uniform7, metricProtocol)
        return value.isFinite ? value : nil
      }
      report.metrics = report.metrics ?? [:]
      report.metrics?[metric] = Report.Metric(before: try value(image), after: try value(restored))
    }
  }
}

/// A picture that `--strict` does not write.
struct StrictRefusal: Error, CustomStringConvertible {
  var warnings: [RestorationWarning]

  var description: String { "not written because of --strict: \(warnings.sentence)" }
}

extension [RestorationWarning] {
  /// All in one line.
  var sentence: String { map(\.sentence).joined(separator: "; ") }
}

/// What `body` returns and the seconds that it took.
func timed<R>(_ body: () throws -> R) rethrows -> (R, Double) {
  let clock = ContinuousClock()
  let start = clock.now
  let result = try body()
  return (result, start.duration(to: clock.now).inSeconds)
}
