import ArgumentParser
import Foundation
import ImageRestoration
import IRRuntime
import IRONNX

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
    abstract: "Restores photographs with a frozen model.",
    discussion: """
      IN is an image or a folder of images; OUT is then a file or a folder. Images keep their size, depth, \
      colour profile, EXIF and alpha. Each output is written beside its place and renamed when it is whole.

      Exit codes: 0 all written, 2 usage, 3 the model was rejected, 4 some images failed.

      EXAMPLES
        irrun -m symunet-s -i noisy.png -o restored.png
        irrun -m symunet-s -i photographs -o restored --metrics psnr,ssim --reference originals
      """)

  @Option(name: [.short, .long], help: "A model file (.onnx), or the name of a model in Models.")
  var model = "symunet-s"

  @Option(name: [.customShort("i"), .customLong("input")], help: "An image, or a folder of images.")
  var input: String

  @Option(name: [.customShort("o"), .customLong("output")], help: "The file or the folder to write.")
  var output: String

  @Option(name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @Option(help: "Metrics to print against --reference: psnr, ssim, or both with a comma.")
  var metrics: String?

  @Option(help: "The true image, or the folder of true images of the same names.")
  var reference: String?

  @Option(help: "Also write a picture of input, output and reference: side.")
  var compare: String?

  @Flag(help: "Also run the reference interpreter and print the largest difference.")
  var verify = false

  @Flag(help: "Print a line of JSON per image.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
    if let compare, compare != "side" { throw ValidationError("--compare takes `side`, not `\(compare)`") }
    for metric in metrics?.split(separator: ",") ?? [] where !["psnr", "ssim"].contains(metric) {
      throw ValidationError("--metrics knows psnr and ssim, not \(metric)")
    }
    if metrics != nil, reference == nil { throw ValidationError("--metrics needs --reference") }
    guard FileManager.default.fileExists(atPath: input) else {
      throw ValidationError("\(input): no such image or folder")
    }
  }

  func run() throws {
    let options = threads.map { RuntimeOptions(threadCount: $0) } ?? RuntimeOptions()
    let restorer: Restorer
    do { restorer = try Restorer(model: model, options: options) } catch {
      complain("\(error)")
      throw ExitCode(3)
    }
    let jobs = try jobList()
    let progress = Progress(total: jobs.count)
    var failures = 0
    for (index, job) in jobs.enumerated() {
      progress.show(done: index, current: job.input)
      do {
        print(try process(job, with: restorer))
      } catch let error as ONNXError {
        complain("\(error)")
        throw ExitCode(3)
      } catch {
        complain("\(error)")
        failures += 1
      }
    }
    progress.finish()
    if failures > 0 {
      complain("\(failures) of \(jobs.count) images failed")
      throw ExitCode(4)
    }
  }

  private func complain(_ text: String) { FileHandle.standardError.write(Data("irrun: \(text)\n".utf8)) }

  struct Job { var input: String; var output: String; var reference: String? }

  private func jobList() throws -> [Job] {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: input, isDirectory: &isFolder)
    guard isFolder.boolValue else { return [Job(input: input, output: output, reference: reference)] }
    let names = try FileManager.default.contentsOfDirectory(atPath: input).sorted().filter { name in
      !name.hasPrefix(".") && ImageFile.writableExtensions.contains { name.lowercased().hasSuffix(".\($0)") }
    }
    guard !names.isEmpty else {
      complain("\(input): no images in this folder")
      throw ExitCode(2)
    }
    try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
    return names.map { name in
      Job(input: "\(input)/\(name)", output: "\(output)/\(name)", reference: reference.map { "\($0)/\(name)" })
    }
  }

  /// Restores one image and says in a line what was done.
  private func process(_ job: Job, with restorer: Restorer) throws -> String {
    let image = try ImageFile.read(job.input)
    let clock = ContinuousClock()
    let start = clock.now
    let restored = try restorer.restore(image)
    let elapsed = start.duration(to: clock.now).components
    let seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    var fields: [(String, String)] = [
      ("input", "\"\(job.input)\""), ("output", "\"\(job.output)\""), ("width", "\(image.width)"),
      ("height", "\(image.height)"), ("seconds", String(format: "%.3f", seconds)),
    ]
    var text = "\(job.output): \(image.width)×\(image.height), \(String(format: "%.2f", seconds)) s"
    let truth = try job.reference.map { try ImageFile.read($0) }
    if let truth {
      let metricProtocol = MetricProtocol()
      for metric in metrics?.split(separator: ",") ?? [] {
        func value(_ image: Image) throws -> Double {
          metric == "psnr" ? try psnr(image, truth, metricProtocol) : try ssim(image, truth, variant: .uniform7, metricProtocol)
        }
        let (before, after) = (try value(image), try value(restored))
        let format = metric == "psnr" ? "%.2f" : "%.4f"
        let unit = metric == "psnr" ? " dB" : ""
        text += ", \(metric.uppercased()) \(String(format: format, before)) -> \(String(format: format, after))\(unit)"
        fields.append(("\(metric)_before", before.isFinite ? "\(before)" : "null"))
        fields.append((String(metric), after.isFinite ? "\(after)" : "null"))
      }
      if metrics != nil { text += " (\(metricProtocol))" }
    }
    if verify {
      let expected = try restorer.restoreByReference(image)
      let largest = zip(restored.pixels, expected.pixels).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      let range = (expected.pixels.max() ?? 1) - (expected.pixels.min() ?? 0)
      text += ", largest difference to the reference interpreter \(largest) of a range of \(range)"
      fields.append(("largest_difference", "\(largest)"))
    }
    try ImageFile.write(restored, to: job.output)
    if compare != nil {
      let stem = (job.output as NSString).deletingPathExtension
      try ImageFile.write(try Image.sideBySide([image, restored] + (truth.map { [$0] } ?? [])), to: "\(stem)-side.png")
    }
    return json ? "{" + fields.map { "\"\($0.0)\": \($0.1)" }.joined(separator: ", ") + "}" : text
  }
}
