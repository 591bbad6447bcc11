import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRFiles
import IRGraph
import IRONNX
import IRRuntime
import IRTensorFiles
import ImageRestoration

@main
struct IRRun: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irrun",
    abstract: "Restores photographs with a frozen model, or runs a model on tensors.",
    discussion: """
      IN is an image, several, a pattern, a folder of images, or - for the standard input; OUT is a file for one \
      image, else a folder, a template ({stem}, {ext}, {name}, {model}), or - for the standard output. Images keep \
      their size, depth, colour profile, EXIF and alpha. Sides are padded by mirroring to what the model needs \
      and cropped back. Each output is written beside its place and renamed when it is whole.

      A picture is restored whole where that fits the memory, else in tiles: exact ones where the network looks \
      only so far, blended ones where an operator looks at the whole picture: these take their low frequencies \
      from the whole picture, at reduced size where the memory does not hold it. -v says which.

      Samples of the input that are infinite or not numbers are replaced by the mean of their neighbours. Colours \
      under alpha 0 are restored as if the visible ones went on there, and are written as they were. A result with \
      samples that are not finite is not written.

      Where IN is an .npy, .npz or .safetensors file, its tensors are given to the model's inputs by name, and \
      OUT, a file of any of these kinds, takes the outputs. A model of one input also takes an .npy, the only \
      tensor of a file, or the one called `input`.

      Exit codes: 0 all written, 2 usage, 3 the model was rejected, 4 some files failed, 5 they would exceed \
      the memory, 129, 130 and 143 hung up, interrupted and asked to end.

      EXAMPLES
        irrun -m symunet-s -i noisy.png -o restored.png
        irrun -m symunet-s -i photographs -o restored --metrics psnr,ssim --reference originals
        irrun -m symunet-s -i album -o restored --recurse -f jpg -q 92 --metadata strip-gps --if-exists resume
        irrun -m symunet-s -i 'album/*.jpg' -o 'restored/{stem}_{model}.{ext}' --memory 1G --dry-run
        irrun -m network.onnx -i inputs.npz -o outputs.npz --verify
        irrun --models
        irrun -m daair.onnx -i noisy.png --explain
      """, version: Version.text)

  @OptionGroup(title: "Model") var modelOptions: ModelOptions

  @Option(
    name: [.customShort("i"), .customLong("input")], parsing: .upToNextOption,
    help: ArgumentHelp("Images, patterns, a folder of images, files of tensors, or -.", valueName: "in"))
  var inputs: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("output")], parsing: .unconditional,
    help: "The file, folder or template to write, or -.")
  var output: String?

  @OptionGroup(title: "Questions") var questions: Questions

  @OptionGroup(title: "Files") var files: FileOptions

  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: ArgumentHelp(
      "Threads, or load:restore:save with the pictures read ahead and waiting to be written; by default what the system allows.",
      valueName: "n"))
  var threads = ThreadChoice()

  @OptionGroup(title: "Memory") var memoryOptions: MemoryOptions

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Store values between the network's steps as float16 if a program exceeds the memory.",
      discussion:
        "By default for pictures whose tiles would be blended: the picture stays whole and is off by less than a "
        + "step of 8 bits. Files of tensors are computed in float32 unless the option is given."))
  var float16Storage: Bool?

  @Option(help: "Metrics to print against --reference: psnr, ssim, or both with a comma.")
  var metrics: String?

  @Option(help: "The true image or tensors, or the folder of true ones of the same names.")
  var reference: String?

  @Option(help: "Also write a picture: side (input, output, reference), split (halves) or diff (times 4).")
  var compare: Comparison?

  @Flag(help: "Also run the reference interpreter and print the largest difference.")
  var verify = false

  @Flag(
    help:
      "Also restore in one piece and print the tiles' largest difference to it, of samples and of the means of 32×32 pixels."
  )
  var proveTiles = false

  @Flag(
    help: ArgumentHelp(
      "Do not write a picture with a warning, or one that loses what its input stated; exit with 4.",
      discussion:
        "Each result is compared with its input. A warning says that the whole, a region or the colours became "
        + "darker or brighter, that samples became black or white, that few levels are left, or that samples of "
        + "the input were not finite. Warnings go to the error stream, the picture's line says what the format "
        + "cannot carry over, and --json says both."))
  var strict = false

  @Flag(help: "Say on the error stream where the time went, by kernel and by step.")
  var profile = false

  @Option(
    help: ArgumentHelp("Write what ran when, for Perfetto or Chrome's trace viewer.", valueName: "file"))
  var trace: String?

  @Flag(name: .shortAndLong, help: "Say on the error stream how each picture is restored.")
  var verbose = false

  @Flag(help: "Print a line of JSON per file, for those that failed and those that were kept too.")
  var json = false

  func validate() throws {
    for metric in metricNames where !["psnr", "ssim"].contains(metric) {
      throw ValidationError("--metrics knows psnr and ssim, not \(metric)")
    }
    if output == nil, !questions.isAsked { throw ValidationError("-o is missing: where are results to go?") }
    if questions.explain, inputs.isEmpty { throw ValidationError("--explain needs pictures: -i is missing") }
    if metrics != nil, reference == nil { throw ValidationError("--metrics needs --reference") }
    if output == Job.stream, compare != nil { throw ValidationError("--compare needs an output file") }
  }

  private var metricNames: [String] { metrics?.split(separator: ",").map(String.init) ?? [] }

  func run() throws {
    let model = try modelOptions.path()
    if questions.isAsked {
      do {
        try questions.answer(model: model, images: inputs, multiple: modelOptions.multiple, options: runtime)
      } catch {
        complain(error)
        throw isModelsFault(error) ? ExitCode.rejected : .someFailed
      }
    }
    guard let output else { return }
    let list: JobList
    do {
      list = try JobList(inputs: inputs, output: output, reference: reference, options: files, model: model)
    } catch let error as FileError {
      complain(error)
      throw ExitCode.someFailed
    }
    if let text = list.leftOutText { complain(text) }
    for error in list.unreadable { complain(error) }
    if list.skipped > 0 { complain("\(list.skipped) outputs exist and are left as they are") }
    guard !list.jobs.isEmpty else {
      if !list.unreadable.isEmpty { throw ExitCode.someFailed }
      return
    }
    let progress = JobProgress(total: list.jobs.count)
    if TensorFile.isTensorFile(list.jobs[0].input) {
      try runTensors(list, model, progress)
    } else {
      try runImages(list, model, progress)
    }
  }

  private var runtime: RuntimeOptions {
    RuntimeOptions(
      threadCount: threads.threads ?? RuntimeOptions.defaultThreadCount,
      memoryByteCount: memoryOptions.memory?.byteCount,
      allowsFloat16Storage: float16Storage ?? false)
  }

  private func loading<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as ValidationError { throw error } catch {
      complain(error)
      throw ExitCode.rejected
    }
  }

  private func runTensors(_ list: JobList, _ model: String, _ progress: JobProgress) throws {
    guard metrics == nil, compare == nil, trace == nil, !proveTiles, !strict, modelOptions.settings.isWhole
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
        model: model, multiple: modelOptions.multiple, verifies: verify, profiles: profile, options: runtime)
    }
    var tally = Tally(total: list.jobs.count, unreadableFolders: list.unreadable.count)
    for (index, job) in list.jobs.enumerated() {
      progress.show(done: index, current: job.input)
      let outcome: ImageRun.Outcome
      do { outcome = .done(try run.process(job, progress)) } catch { outcome = .failed(job, error) }
      guard try report(outcome, &tally, progress) else { break }
    }
    try finish(tally)
  }

  private func runImages(_ list: JobList, _ model: String, _ progress: JobProgress) throws {
    var settings = modelOptions.settings
    settings.allowsFloat16Storage = float16Storage ?? settings.allowsFloat16Storage
    let restorer = try loading {
      try Restorer(model: model, multiple: modelOptions.multiple, options: runtime, settings: settings)
    }
    if let scale = modelOptions.scale, scale != restorer.scale {
      throw ValidationError("-s is \(scale), the model's scale is \(restorer.scale)")
    }
    let trace = trace.map { Trace(path: $0) }
    var journal: SharedJournal?
    if files.ifExists == .resume {
      for folder in Set(list.jobs.map { PathText.folder($0.output) }) {
        AtomicFile.removeAbandoned(in: folder)
      }
      journal = SharedJournal(folder: list.folder, common: try resultKey(restorer))
    }
    let limit = memoryOptions.memory?.byteCount ?? AvailableMemory.byteCount.map { $0 / 4 * 3 }
    let reader = ImageReader(
      options: files, byteCountLimit: limit, journal: journal, trace: trace, scale: restorer.scale)
    if files.dryRun {
      try DryRun(restorer: restorer, files: files, reader: reader, json: json).run(list)
      return
    }
    let writer = ImageWriter(
      options: files, isStrict: strict, comparison: compare, journal: journal, trace: trace)
    let run = ImageRun(
      restorer: restorer,
      options: ImageRun.Options(
        metrics: metricNames, files: files, comparison: compare, verifies: verify, profiles: profile,
        provesTiles: proveTiles, isStrict: strict, isVerbose: verbose, threads: threads),
      reader: reader, writer: writer, trace: trace)
    var tally = Tally(total: list.jobs.count, unreadableFolders: list.unreadable.count)
    var fault: (any Error)?
    run.process(list.jobs, progress) { outcome in
      do { return try report(outcome, &tally, progress) } catch {
        fault = error
        return false
      }
    }
    do { try trace?.write() } catch { complain(error) }
    if tally.kept > 0 { complain("\(tally.kept) outputs were made of the same by an earlier run, and stay") }
    if let fault { throw fault }
    try finish(tally)
  }

  /// What every output depends on beside its input.
  private func resultKey(_ restorer: Restorer) throws -> String {
    var digest = SHA256()
    try digest.update(contentsOf: restorer.path)
    for tensor in restorer.model.graph.initializers {
      (try? tensor.tensor())?.withUnsafeBytes { digest.update($0) }
    }
    let options: [String] = [
      "multiple \(restorer.multiple)", "tile \(modelOptions.tile)", "overlap \(modelOptions.overlap)",
      "augmented \(modelOptions.augmented)", "noise \(modelOptions.settings.noiseLevel ?? -1)",
      "quality \(files.quality)",
      "lossless \(files.lossless)", "compression \(files.compression?.rawValue ?? "")",
      "salvage \(files.salvage)", "depth \(files.depth)", "metadata \(files.metadata)", "icc \(files.icc)",
      "storage \(restorer.settings.allowsFloat16Storage ? "float16" : "float32")",
      "strength \(restorer.settings.strength)", "detail \(restorer.settings.detail)", "strict \(strict)",
    ]
    digest.update(options.joined(separator: "\n").utf8)
    return digest.finished()
  }

  /// Counts of a run.
  struct Tally {
    let total: Int
    let unreadableFolders: Int
    var kept = 0
    var failures = 0
    var memoryFailures = 0
  }

  /// Says what became of a file.
  /// - Returns: whether to go on.
  private func report(_ outcome: ImageRun.Outcome, _ tally: inout Tally, _ progress: JobProgress) throws
    -> Bool
  {
    progress.clear()
    switch outcome {
    case .kept(let job):
      tally.kept += 1
      if json {
        try Terminal.say(json: Report.Other(input: job.input, output: job.output, kept: true))
      }
    case .done(let report):
      if let warnings = report.warnings {
        let name = report.input == Job.stream ? Job.inputStreamName : report.input
        complain("\(name): suspicious: \(warnings.sentence)")
      }
      if report.output == Job.stream {
        Terminal.complain(json ? try JSONText.text(report) : report.text)
      } else if json {
        try Terminal.say(json: report)
      } else {
        Terminal.say(report.text)
      }
    case .failed(let job, let error):
      complain(error, about: job.inputName)
      if json {
        let warnings = (error as? StrictRefusal)?.warnings
        try Terminal.say(
          json: Report.Other(input: job.input, output: job.output, error: "\(error)", warnings: warnings))
      }
      if isModelsFault(error) { throw ExitCode.rejected }
      tally.failures += 1
      if exceedsMemory(error) { tally.memoryFailures += 1 }
      return files.keepGoing
    }
    return true
  }

  private func finish(_ tally: Tally) throws {
    guard tally.failures > 0 else {
      if tally.unreadableFolders > 0 { throw ExitCode.someFailed }
      return
    }
    complain("\(tally.failures) of \(tally.total) files failed")
    throw tally.failures == tally.memoryFailures ? ExitCode.exceedsMemory : .someFailed
  }

  private func exceedsMemory(_ error: any Error) -> Bool {
    switch error {
    case RuntimeError.exceedsMemory, ImageError.exceedsMemory: true
    default: false
    }
  }

  /// Whether another input would fail as well.
  private func isModelsFault(_ error: any Error) -> Bool {
    switch error {
    case ONNXError.tensor, RestorationError.unsuitableImage, RestorationError.nonFiniteResult: false
    case is ONNXError, is CompilerError, is GraphError, is RestorationError: true
    default: false
    }
  }

  /// Errors about files name them; others are about the input at hand.
  private func complain(_ error: any Error, about input: String? = nil) {
    let text = "\(error)"
    let isNamed = input.map { text.hasPrefix($0) } ?? true
    complain(isNamed ? text : "\(input ?? ""): \(text)")
  }

  private func complain(_ text: String) { Terminal.warn(text) }
}
