import IRTensor
import ImageRestoration

/// Restores images one after another, while the next are read and the last are written.
package final class ImageRun {
  package struct Options: Sendable {
    package var output = OutputOptions()
    package var metrics: [Metric] = []
    /// Whether each picture is restored by the reference interpreter too.
    package var verifies = false
    /// Whether each picture of several tiles is restored in one piece too.
    package var provesTiles = false
    /// Whether pictures with warnings, or that lose what their input stated, are not written.
    package var isStrict = false
    /// Pictures that are read ahead of the one that is restored.
    package var readAhead = 1
    /// Pictures that are written while the next is restored.
    package var writeBehind = 1
    /// Bytes that a picture may take when it is read; nil is any number.
    package var byteCountLimit: Int?

    package init() {}
  }

  /// The end of a job.
  package enum Outcome {
    case done(Report)
    /// Its output was there and stays.
    case kept(Job)
    case failed(Job, any Error)
  }

  let restorer: Restorer
  let options: Options
  private let reader: ImageReader
  private let writer: ImageWriter
  private let trace: Trace?
  weak var monitor: (any BatchMonitor)?

  package init(restorer: Restorer, options: Options, journal: Journal? = nil, trace: Trace? = nil) {
    self.restorer = restorer
    self.options = options
    self.trace = trace
    reader = ImageReader(
      options: options.output, byteCountLimit: options.byteCountLimit, journal: journal, trace: trace,
      scale: restorer.scale)
    var output = options.output
    output.writing.refusesLosses = options.isStrict
    writer = ImageWriter(options: output, journal: journal, trace: trace)
  }

  /// Restores all jobs, and hands over the outcome of each in their order. Before it waits for a job that has
  /// not come yet, the outcomes of all earlier ones are handed over. `handle` returns whether the run goes
  /// on. The steps of programs are timed if the restorer's settings say so.
  package func process(
    _ jobs: any JobSource, monitor: (any BatchMonitor)? = nil, _ handle: (Outcome) -> Bool
  ) {
    self.monitor = monitor
    var queue = ImageQueue(jobs, reader, readAhead: options.readAhead)
    var index = 0
    while let item = queue.next(handle) {
      let outcome: Outcome
      switch item {
      case .kept(let job): outcome = .kept(job)
      case .failed(let job, let error): outcome = .failed(job, error)
      case .loaded(let job, let promise):
        monitor?.began(job, index: index)
        index += 1
        let isSmall = reader.isSmall(job)
        do {
          if let loaded = try promise.wait().picture {
            if isSmall { queue.readOn(beside: true) } else if !queue.settle(0, handle) { return }
            queue.write(job, try restore(job, loaded), writer)
            guard queue.settle(isSmall ? options.writeBehind : 0, handle) else { return }
            continue
          }
          outcome = .kept(job)
        } catch { outcome = .failed(job, error) }
      }
      guard queue.settle(0, handle), handle(outcome) else { return }
    }
    _ = queue.settle(0, handle)
  }

  /// Restores one picture; everything is computed before anything is written.
  private func restore(_ job: Job, _ loaded: ImageReader.Picture) throws -> (ImageWriter.Finished, Report) {
    let image = loaded.image
    let begin = ContinuousClock.now
    let plan = try restorer.plan(
      width: image.width, height: image.height,
      holding: restorer.resultByteCount(image) + reader.encodingByteCount(image, restorer.scale))
    monitor?.planned(job, plan)
    let start = ContinuousClock.now
    let result = try restorer.restoration(of: image, by: plan) { [monitor] done, count in
      monitor?.advanced("\(job.inputName): tile", done: done, of: count, since: start)
    }
    let seconds = start.duration(to: .now).inSeconds
    if options.isStrict, !result.warnings.isEmpty { throw BatchError.suspicious(result.warnings) }
    let restored = result.image
    for run in result.profile?.runs ?? [] {
      monitor?.ran(run.program, run.profile)
      trace?.add(run.program, run.profile, from: run.start)
    }
    trace?.add("restore \(job.input)", thread: .restoring, from: begin)
    monitor?.restored(job)
    var report = Report(
      input: job.input.text, output: job.output.text, shape: [restored.width, restored.height],
      seconds: seconds)
    report.plan = "\(plan)"
    report.tiles = plan.tiles.count
    report.noise = result.noise
    report.warnings = result.warnings.isEmpty ? nil : result.warnings
    if let truth = loaded.truth { try measure(image, restored, truth, &report) }
    if options.verifies { report.verification = [try difference(image, restored)] }
    if options.provesTiles { report.proof = try proof(image, restored, plan) }
    let picture = try options.output.comparison?.picture(image, restored, loaded.truth)
    var kept = restored
    kept.metadata = options.output.metadata.apply(to: restored.metadata)
    return (ImageWriter.Finished(image: kept, comparison: picture, key: loaded.key), report)
  }
}
