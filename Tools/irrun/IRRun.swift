import ArgumentParser
import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensorFiles
import ImageRestoration

/// Runs the command; ArgumentParser's code for wrong usage becomes the documented 2.
@main
enum Main {
  static func main() {
    do {
      var command = try IRRun.parseAsRoot()
      try command.run()
    } catch {
      guard IRRun.exitCode(for: error) == .validationFailure else { IRRun.exit(withError: error) }
      FileHandle.standardError.write(Data((IRRun.fullMessage(for: error) + "\n").utf8))
      Foundation.exit(2)
    }
  }
}

struct IRRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irrun",
    abstract: "Restores photographs with a frozen model, or runs a model on tensors.",
    discussion: """
      IN is an image, several, or a folder of images; OUT is a file for one image, else a folder. Images keep \
      their size, depth, colour profile, EXIF and alpha. Sides are padded by mirroring to what the model needs \
      and cropped back. Each output is written beside its place and renamed when it is whole.

      Where IN is an .npy, .npz or .safetensors file, its tensors are given to the model's inputs by name, and \
      OUT, a file of any of these kinds, takes the outputs. A model of one input also takes an .npy, the only \
      tensor of a file, or the one called `input`.

      Exit codes: 0 all written, 2 usage, 3 the model was rejected, 4 some files failed, 5 they would exceed \
      the memory, 130 interrupted.

      EXAMPLES
        irrun -m symunet-s -i noisy.png -o restored.png
        irrun -m symunet-s -i photographs -o restored --metrics psnr,ssim --reference originals
        irrun -m symunet-s -i album -o restored --recurse -f jpg -q 92 --if-exists skip --metadata strip-gps
        irrun -m network.onnx -i inputs.npz -o outputs.npz --verify
        irrun --models
        irrun -m daair.onnx -i noisy.png --explain
      """)

  @Option(name: [.short, .long], help: "A model file (.onnx), or the name of a model in Models.")
  var model = "symunet-s"

  @Option(
    name: [.customShort("i"), .customLong("input")], parsing: .upToNextOption,
    help: ArgumentHelp("Images, a folder of images, or files of tensors.", valueName: "in"))
  var inputs: [String] = []

  @Option(name: [.customShort("o"), .customLong("output")], help: "The file or the folder to write.")
  var output: String?

  @OptionGroup(title: "Questions") var questions: Questions

  @OptionGroup(title: "Files") var files: FileOptions

  @Option(
    name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @Option(help: "The most memory to use, as 500M or 4G; by default three quarters of what is free.")
  var memory: MemorySize?

  @Option(help: "Metrics to print against --reference: psnr, ssim, or both with a comma.")
  var metrics: String?

  @Option(help: "The true image or tensors, or the folder of true ones of the same names.")
  var reference: String?

  @Option(
    help:
      "Pad height and width to multiples of this; by default what the model needs, and nothing for tensors.")
  var multiple: Int?

  @Option(help: "Also write a picture of input, output and reference: side.")
  var compare: String?

  @Flag(help: "Also run the reference interpreter and print the largest difference.")
  var verify = false

  @Flag(help: "Say on the error stream where the time went, by kernel and by step.")
  var profile = false

  @Flag(help: "Print a line of JSON per file.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
    if let multiple, !(1...4096).contains(multiple) {
      throw ValidationError("--multiple is \(multiple), must be 1 to 4096")
    }
    if let compare, compare != "side" { throw ValidationError("--compare takes `side`, not `\(compare)`") }
    for metric in metricNames where !["psnr", "ssim"].contains(metric) {
      throw ValidationError("--metrics knows psnr and ssim, not \(metric)")
    }
    if output == nil, !questions.isAsked { throw ValidationError("-o is missing: where are results to go?") }
    if questions.explain, inputs.isEmpty { throw ValidationError("--explain needs pictures: -i is missing") }
    if metrics != nil, reference == nil { throw ValidationError("--metrics needs --reference") }
  }

  private var metricNames: [String] { metrics?.split(separator: ",").map(String.init) ?? [] }

  func run() throws {
    if questions.isAsked {
      do {
        try questions.answer(model: model, images: inputs, multiple: multiple, options: runtimeOptions)
      } catch {
        complain(error)
        throw ExitCode(isModelsFault(error) ? 3 : 4)
      }
    }
    guard let output else { return }
    let list = try JobList(inputs: inputs, output: output, reference: reference, options: files)
    let jobs = list.jobs
    if files.dryRun {
      for job in jobs { FileHandle.standardOutput.write(Data("\(job.input) -> \(job.output)\n".utf8)) }
    }
    if list.skipped > 0 { complain("\(list.skipped) outputs exist and are left as they are") }
    guard !files.dryRun, !jobs.isEmpty else { return }
    Interruption.install()
    let progress = Progress(total: jobs.count)
    let process: (Job) throws -> Report
    do { process = try processor(for: jobs, progress) } catch let error as ValidationError {
      throw error
    } catch {
      complain(error)
      throw ExitCode(3)
    }
    var (failures, memoryFailures) = (0, 0)
    for (index, job) in jobs.enumerated() {
      progress.show(done: index, current: job.input)
      do {
        let report = try process(job)
        progress.clear()
        FileHandle.standardOutput.write(Data(((json ? try report.json() : report.text) + "\n").utf8))
      } catch {
        progress.clear()
        complain(error, about: job.input)
        if isModelsFault(error) { throw ExitCode(3) }
        failures += 1
        if case RuntimeError.exceedsMemory = error { memoryFailures += 1 }
      }
    }
    if failures > 0 {
      complain("\(failures) of \(jobs.count) files failed")
      throw ExitCode(failures == memoryFailures ? 5 : 4)
    }
  }

  private var runtimeOptions: RuntimeOptions {
    RuntimeOptions(
      threadCount: threads ?? RuntimeOptions.defaultThreadCount, memoryByteCount: memory?.byteCount)
  }

  private func processor(for jobs: [Job], _ progress: Progress) throws -> (Job) throws -> Report {
    let options = runtimeOptions
    if TensorFile.isTensorFile(jobs[0].input) {
      guard metrics == nil, compare == nil else {
        throw ValidationError("--metrics and --compare are for images")
      }
      let run = try TensorRun(
        model: model, multiple: multiple, verifies: verify, profiles: profile, options: options)
      return { try run.process($0, progress) }
    }
    let run = ImageRun(
      restorer: try Restorer(model: model, multiple: multiple, options: options), metrics: metricNames,
      files: files, comparesSideBySide: compare != nil, verifies: verify, profiles: profile)
    return { try run.process($0, progress) }
  }

  /// Whether another input would fail as well.
  private func isModelsFault(_ error: any Error) -> Bool {
    switch error {
    case ONNXError.tensor, RestorationError.unsuitableImage: false
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

  private func complain(_ text: String) { FileHandle.standardError.write(Data("irrun: \(text)\n".utf8)) }
}
