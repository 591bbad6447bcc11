import ArgumentParser
import Foundation
import IRBatch
import IRCommandLine
import IRRuntime
import ImageRestoration

/// One run of `irrun` over its inputs.
struct Restoration {
  let command: IRRun
  let model: String
  let inputs: [String]
  let output: String
  /// Restores images otherwise than by a model of one network; nil for such a model.
  var restoresImages: ((Batch, Reporter) throws -> Void)?

  private var files: FileOptions { command.files }
  private var checks: CheckOptions { command.checks }

  func run() throws {
    let batch = try Batch(
      inputs, to: output, model: model, reference: checks.reference, input: files.inputOptions,
      options: outputOptions, splits: !files.dryRun, lines: LineStream(STDIN_FILENO))
    batch.announce()
    guard batch.count != 0 else {
      if !batch.known.unreadable.isEmpty { throw ExitCode.someFailed }
      return
    }
    let reporter = Reporter(
      total: batch.count, isStream: batch.isPictureStream,
      unreadableFolderCount: batch.known.unreadable.count, checks, files)
    guard batch.isOfTensors else { return try (restoresImages ?? runImages)(batch, reporter) }
    guard restoresImages == nil else {
      throw BatchError.usage("\(model) is a pipeline, which restores images, not tensors")
    }
    try runTensors(batch.known, reporter)
  }

  private func runTensors(_ list: JobList, _ reporter: Reporter) throws {
    guard files.namedPictures.isEmpty else {
      throw ValidationError("-i NAME=FILE is for images: a file of tensors holds all inputs")
    }
    guard checks.metrics.isEmpty, checks.compare == nil, checks.trace == nil, !checks.proveTiles,
      !checks.strict, command.modelOptions.settings.isWhole
    else {
      throw ValidationError(
        "--metrics, --compare, --trace, --prove-tiles, --strict, --strength and --detail are for images")
    }
    if files.dryRun {
      for job in list.jobs { Terminal.say("\(job.input) -> \(job.output)") }
      return
    }
    let run = try loading {
      try TensorRun(
        model: model, multiple: command.modelOptions.multiple, verifies: checks.verify,
        profiles: checks.profile, options: command.runtime, monitor: reporter)
    }
    for (index, job) in list.jobs.enumerated() {
      reporter.began(job, index: index)
      let outcome: ImageRun.Outcome
      do { outcome = .done(try run.process(job)) } catch { outcome = .failed(job, error) }
      guard reporter.report(outcome) else { break }
    }
    try reporter.finish()
  }

  private func runImages(_ batch: Batch, _ reporter: Reporter) throws {
    var settings = command.modelOptions.settings
    settings.allowsFloat16Storage = command.resources.float16Storage ?? settings.allowsFloat16Storage
    for picture in files.namedPictures { settings.pictures[picture.name] = try ImageFile.read(picture.path) }
    settings.isProfiled = checks.profile || checks.trace != nil
    let restorer = try loading {
      try Restorer(
        model: model, multiple: command.modelOptions.multiple, options: command.runtime,
        settings: settings)
    }
    for note in restorer.notes { Terminal.warn("\(restorer.path): \(note)") }
    if let scale = command.modelOptions.scale, scale != restorer.scale {
      throw ValidationError("-s is \(scale), the model's scale is \(restorer.scale)")
    }
    if files.dryRun { return try estimate(batch, restorer) }
    let trace = checks.trace.map { Trace(path: $0) }
    let run = ImageRun(
      restorer: restorer, options: options,
      journal: try batch.journal(for: restorer, isStrict: checks.strict), trace: trace)
    run.process(batch.jobs, monitor: reporter) { reporter.report($0) }
    do { try trace?.write() } catch { Terminal.warn("\(error)") }
    try reporter.finish()
  }

  private var outputOptions: OutputOptions {
    var options = files.outputOptions
    options.comparison = checks.compare
    return options
  }

  private var options: ImageRun.Options {
    var options = ImageRun.Options()
    options.output = outputOptions
    options.metrics = checks.metrics
    options.verifies = checks.verify
    options.provesTiles = checks.proveTiles
    options.isStrict = checks.strict
    (options.readAhead, options.writeBehind) = (
      command.resources.threads.readAhead, command.resources.threads.writeBehind
    )
    options.byteCountLimit =
      command.resources.memory.memory?.byteCount ?? AvailableMemory.byteCount.map { $0 / 4 * 3 }
    return options
  }

  /// Errors of the model that is loaded reject it, whatever they are about.
  private func loading<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch {
      Terminal.warn("\(error)")
      throw ExitCode.rejected
    }
  }

  private func estimate(_ batch: Batch, _ restorer: Restorer) throws {
    let dryRun = try DryRun(restorer: restorer, options: files.outputOptions)
    let totals = try dryRun.run(batch.jobs) { estimate in
      if checks.json { try Terminal.say(json: estimate) } else { Terminal.say(estimate.text) }
    }
    if !checks.json {
      Terminal.say(totals.text(freeByteCount: DryRun.freeByteCount(batch.destination.folder)))
    }
  }
}
