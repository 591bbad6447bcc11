import ArgumentParser
import Foundation
import IRBatch
import IRCommandLine
import IRDiffusion
import IRFiles
import IRPipelines
import IRRuntime
import ImageRestoration

/// One run of `irrun` over its inputs with a pipeline.
struct PipelineCommand {
  let command: IRRun
  let folder: String
  let inputs: [String]
  /// Nil for a calibration.
  let output: String?

  private var files: FileOptions { command.files }
  private var checks: CheckOptions { command.checks }
  private var options: PipelineOptions { command.pipelineOptions }

  func run() throws {
    guard checks.metrics.isEmpty, checks.compare == nil, checks.trace == nil, !checks.proveTiles,
      !checks.verify, !checks.profile, files.namedPictures.isEmpty, command.modelOptions.isPlain,
      command.resources.float16Storage == nil
    else {
      throw ValidationError(
        "\(folder) is a pipeline: --overlap, --metrics, --compare, --trace, --profile, --verify, --prove-tiles, "
          + "--strength, --augmented, --multiple, --output-name, --range, --grey, -n, -i NAME=FILE and "
          + "--float16-storage are for models of one network")
    }
    let runner = try loading {
      PipelineRunner(
        try RestorationPipeline(contentsOf: folder, options: command.runtime), options: command.runtime)
    }
    let options = try usage { try settings(runner) }
    guard let output else {
      guard !files.dryRun, files.shard == nil else {
        throw ValidationError("--calibrate cannot be combined with --dry-run and --shard")
      }
      return try calibrate(runner, options)
    }
    try Restoration(command: command, model: folder, inputs: inputs, output: output) { batch, reporter in
      try restore(batch, reporter, runner, options)
    }.run()
  }

  private func restore(
    _ batch: Batch, _ reporter: Reporter, _ runner: PipelineRunner, _ options: PipelineRun.Options
  ) throws {
    let jobs = batch.jobs
    if files.dryRun {
      while true {
        switch jobs.next(waits: true) {
        case .job(let job): estimate(job, runner, options.settings)
        case .failed(let job, let error): Terminal.say("\(job.input): \(error)")
        case .kept, .notYet: continue
        case .end: return
        }
      }
    }
    let run = try PipelineRun(runner, options: options, journalFolder: batch.journalFolder())
    run.process(jobs, monitor: reporter) { outcome in
      do { try write(run.scores) } catch { Terminal.warn("\(error)") }
      return reporter.report(outcome)
    }
    try reporter.finish()
  }

  private func calibrate(_ runner: PipelineRunner, _ options: PipelineRun.Options) throws {
    let list = try InputList(inputs, files.inputOptions, outputFolder: nil)
    for error in list.unreadable { Terminal.warn("\(error)") }
    let reporter = Reporter(
      total: list.sources.count, unreadableFolderCount: list.unreadable.count, checks, files)
    let run = try PipelineRun(runner, options: options)
    run.search(list.sources.map(\.path), monitor: reporter) { outcome in
      do { try write(run.scores) } catch { Terminal.warn("\(error)") }
      return reporter.report(outcome)
    }
    let calibration = try run.calibrate()
    let wins = calibration.candidates.map { "\($0.weights) (\($0.wins))" }.joined(separator: "; ")
    Terminal.warn(
      "\(folder)/\(PipelineCalibration.fileName): of \(calibration.pictures) pictures, by \(calibration.by): \(wins)"
    )
    try reporter.finish()
  }

  private func estimate(_ job: Job, _ runner: PipelineRunner, _ settings: PipelineSettings) {
    do {
      let header = try ImageFile.header(of: job.input.text)
      let plan = try runner.plan(height: header.height, width: header.width, settings)
      Terminal.say("\(job.input) -> \(job.output): \(header.width)×\(header.height), \(plan)")
    } catch { Terminal.say("\(job.input): \(error)") }
  }

  private func settings(_ runner: PipelineRunner) throws -> PipelineRun.Options {
    let objective = try options.objective(command.runtime)
    let again = try options.again.map { path in
      do { return try ImageFile.read(path).metadata.recipe() } catch let error as PipelineError {
        throw ValidationError("--again \(path): \(error)")
      }
    }
    var run = PipelineRun.Options(
      try again?.settings ?? options.settings(runner.pipeline, command.modelOptions))
    try runner.verify(run.settings)
    run.search = try options.search(by: objective)
    try run.search?.verify()
    if let steps = run.search?.stepCount {
      var own = run.settings
      own.stepCount = steps
      try runner.verify(own)
    }
    (run.objective, run.again, run.output) = (objective, again, files.outputOptions)
    run.detail = again == nil ? command.modelOptions.detail : 0
    run.isStrict = checks.strict
    run.keepsScores = command.pipelineOptions.scores != nil
    run.byteCountLimit =
      command.resources.memory.memory?.byteCount ?? AvailableMemory.byteCount.map { $0 / 4 * 3 }
    return run
  }

  /// Settings that contradict the pipeline are wrong usage.
  private func usage<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch PipelineError.settings(let text) { throw ValidationError(text) } catch let
      error as DiffusionError
    { throw ValidationError("\(error)") }
  }

  /// An error while the pipeline is loaded rejects it.
  private func loading<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch {
      Terminal.warn("\(error)")
      throw ExitCode.rejected
    }
  }

  private func write(_ scores: [SearchScores]) throws {
    guard let path = options.scores else { return }
    let file = try AtomicFile(replacing: FilePath(path))
    for line in scores { try file.write(Array((try JSONText.text(line) + "\n").utf8)) }
    try file.replace()
  }
}
