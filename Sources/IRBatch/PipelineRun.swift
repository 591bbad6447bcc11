import Foundation
import IRDiffusion
import IRFiles
import IRPipelines
import IRRuntime
import IRTensor
import ImageRestoration

/// Restores images one after another with a pipeline.
package final class PipelineRun {
  package struct Options {
    package var output = OutputOptions()
    /// The composition is the search's, where there is one.
    package var settings: PipelineSettings
    package var search: PipelineSearch?
    /// The score of results that is stated.
    package var objective: QualityObjective?
    /// The share of the weights that goes to `d4`.
    package var detail = 0.0
    /// How a picture was made that is to be made again; its settings are `settings`.
    package var again: PipelineRecipe?
    /// Whether pictures with warnings, or that lose what their input stated, are not written.
    package var isStrict = false
    /// Whether the scores of every search are kept until the end of the run.
    package var keepsScores = false
    /// Bytes that a picture may take when it is read; nil is any number.
    package var byteCountLimit: Int?

    package init(_ settings: PipelineSettings) { self.settings = settings }
  }

  private let runner: PipelineRunner
  private let options: Options
  /// The digest of the pipeline's files.
  private let digest: String
  private let reader: ImageReader
  private let writer: ImageWriter
  private weak var monitor: (any BatchMonitor)?
  /// The scores of all searches so far.
  package private(set) var scores: [SearchScores] = []
  private var found: [PipelineSearch.Result] = []

  /// - Throws: `FileError` for a part that cannot be read.
  package init(_ runner: PipelineRunner, options: Options, journalFolder: FilePath? = nil) throws {
    self.runner = runner
    self.options = options
    digest = try runner.pipeline.files.digest()
    let chosenBy = options.search == nil ? "" : try runner.pipeline.files.searchDigest()
    let journal = journalFolder.map { [digest] folder in
      Journal(folder: folder, common: "\(Self.key(options, digest: digest)) \(chosenBy)")
    }
    reader = ImageReader(
      options: options.output, byteCountLimit: options.byteCountLimit, journal: journal, trace: nil,
      scale: options.settings.scale)
    var output = options.output
    output.writing.refusesLosses = options.isStrict
    writer = ImageWriter(options: output, journal: journal, trace: nil)
  }

  /// Everything that an output depends on beside its input.
  private static func key(_ options: Options, digest: String) -> String {
    let recipe = PipelineRecipe(settings: options.settings, pipeline: digest, input: "", search: "")
    let search = options.search.map {
      "\($0.method.rawValue) \($0.objective.name) \($0.cropSide ?? 0) \($0.stepCount ?? 0) \($0.finalistCount) "
        + "\($0.candidates ?? [])"
    }
    return "\(recipe.properties) \(search ?? "") \(options.detail) \(options.objective?.name ?? "") "
      + "\(options.objective?.fileDigest ?? "") \(options.search?.objective.fileDigest ?? "") "
      + "\(options.output) \(options.isStrict)"
  }

  /// Restores all jobs, and hands over the outcome of each in their order; `handle` returns whether the run
  /// goes on.
  package func process(
    _ jobs: any JobSource, monitor: (any BatchMonitor)? = nil, _ handle: (ImageRun.Outcome) -> Bool
  ) {
    self.monitor = monitor
    var index = 0
    while true {
      let outcome: ImageRun.Outcome
      switch jobs.next(waits: true) {
      case .end: return
      case .notYet: continue
      case .kept(let job): outcome = .kept(job)
      case .failed(let job, let error): outcome = .failed(job, error)
      case .job(let job):
        monitor?.began(job, index: index)
        index += 1
        outcome = self.outcome(of: job)
      }
      guard handle(outcome) else { return }
    }
  }

  private func outcome(of job: Job) -> ImageRun.Outcome {
    do {
      guard let loaded = try reader.load(job).picture else { return .kept(job) }
      let (finished, report) = try restore(job, loaded)
      return .done(try writer.write(finished, for: job, report))
    } catch { return .failed(job, error) }
  }

  /// Searches for the compositions of pictures and writes none of them, for a calibration.
  package func search(
    _ paths: [FilePath], monitor: (any BatchMonitor)? = nil, _ handle: (ImageRun.Outcome) -> Bool
  ) {
    for (index, path) in paths.enumerated() {
      let job = Job(input: path, output: FilePath(runner.pipeline.files.folder))
      monitor?.began(job, index: index)
      let outcome: ImageRun.Outcome
      do { outcome = .done(try search(job, monitor)) } catch { outcome = .failed(job, error) }
      guard handle(outcome) else { return }
    }
  }

  private func search(_ job: Job, _ monitor: (any BatchMonitor)?) throws -> Report {
    guard let search = options.search else { throw BatchError.usage("no search is asked for") }
    let image = try ImageFile.read(
      job.input.text, limits: ImageFile.Limits(byteCount: options.byteCountLimit))
    let start = ContinuousClock.now
    let result = try runner.searched(Tensor(image.asColour()), options.settings, search) { progress in
      monitor?.advanced("\(job.inputName): search", done: progress.done, of: progress.total, since: start)
    }
    note(result, search, job, image)
    var report = Report(
      input: job.input.text, output: job.output.text, shape: [image.width, image.height],
      seconds: start.duration(to: .now).inSeconds)
    var settings = options.settings
    settings.composition = result.best
    report.pipeline = PipelineReport(settings, search, result)
    return report
  }

  /// Writes what the searches found into the pipeline's folder.
  /// - Throws: `PipelineError.search` if there was none, `FileError`.
  package func calibrate() throws -> PipelineCalibration {
    guard let search = options.search else { throw BatchError.usage("no search is asked for") }
    let calibration = try PipelineCalibration(found, search, options.settings)
    try calibration.write(to: runner.pipeline.files.folder)
    return calibration
  }

  private func note(_ result: PipelineSearch.Result, _ search: PipelineSearch, _ job: Job, _ image: Image) {
    found.append(result)
    scores.append(SearchScores(file: job.input.text, image, result, search))
  }

  /// Restores one picture; everything is computed before anything is written.
  private func restore(_ job: Job, _ loaded: ImageReader.Picture) throws -> (ImageWriter.Finished, Report) {
    let image = loaded.image
    let input = job.readsPipe ? "" : try SHA256.hexadecimal(contentsOf: job.input.text)
    let start = ContinuousClock.now
    var stage: (name: PipelineProgress.Stage, start: ContinuousClock.Instant)?
    let result = try runner.restoration(
      of: image, options.settings, search: options.search, detail: options.detail,
      holding: reader.encodingByteCount(image, options.settings.scale)
    ) { progress in
      if stage?.name != progress.stage { stage = (progress.stage, .now) }
      let name = progress.stage == .searching ? "search" : "step"
      monitor?.advanced(
        "\(job.inputName): \(name)", done: progress.done, of: progress.total, since: stage?.start ?? start)
    }
    if options.isStrict, !result.warnings.isEmpty { throw BatchError.suspicious(result.warnings) }
    monitor?.restored(job)
    if options.keepsScores, let search = options.search, let found = result.search {
      note(found, search, job, image)
    }
    var report = Report(
      input: job.input.text, output: job.output.text, shape: [result.image.width, result.image.height],
      seconds: start.duration(to: .now).inSeconds)
    (report.plan, report.tiles) = ("\(result.plan)", result.plan.tileCount)
    report.warnings = result.warnings.isEmpty ? nil : result.warnings
    let recipe = recipe(result, input: input)
    report.pipeline = PipelineReport(result, options.search, recipe)
    var kept = result.image
    kept.metadata = options.output.metadata.apply(to: kept.metadata)
    if options.output.metadata != .strip {
      if let stated = kept.metadata.stating(recipe) {
        kept.metadata = stated
      } else {
        kept.notes.append("the recipe is not stored: the input's XMP has no place for it")
      }
    }
    if let again = options.again, again != recipe {
      let what = again.pipeline == digest ? "of another input" : "with another pipeline"
      kept.notes.append("the picture of --again was made \(what)")
    }
    return (ImageWriter.Finished(image: kept, comparison: nil, key: loaded.key), report)
  }

  /// How the picture was made: as the one that is made again, where that is one of the same input.
  private func recipe(_ result: PipelineRestoration, input: String) -> PipelineRecipe {
    if let again = options.again, again.pipeline == digest, !input.isEmpty, again.input == input {
      return again
    }
    var recipe = PipelineRecipe(
      settings: result.settings, pipeline: digest, input: input,
      search: options.search?.method.rawValue ?? PipelineSearch.Method.none.rawValue)
    if let objective = options.objective {
      (recipe.by, recipe.score) = (objective.name, try? objective.score(result.image))
    }
    return recipe
  }
}
