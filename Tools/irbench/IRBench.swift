import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import ImageRestoration

@main
enum Main {
  static func main() { IRBench.runAsTool() }
}

struct IRBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irbench",
    abstract: "Times one model on tensors.",
    discussion: """
      The model is loaded and compiled once, run once to warm up, then --runs times. Tools/bench times other \
      runtimes beside it. Exit codes: 0, 2 usage, 3 the model or its inputs were rejected.
      """)

  @Argument(help: "A model file (.onnx), or the name of a model in Models.")
  var model: String

  @Option(help: "A file of tensors for the model's inputs; they give the open sizes.")
  var input: String

  @Option(help: "Where to write the outputs of the last run.")
  var output: String?

  @Option(help: "Runs that are timed.")
  var runs = 5

  @Option(
    name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @Flag(help: "Say what each kernel takes: the fastest runs of its steps, summed.")
  var steps = false

  @Flag(help: "Print JSON.")
  var json = false

  struct Result: Encodable {
    var model: String
    var threads: Int
    /// Of each run, in order.
    var seconds: [Double]
    var median: Double
    var fastest: Double
    var slowest: Double
    /// Reading, binding sizes, rewriting, packing weights.
    var loadSeconds: Double
    var gflop: Double
    var gflopPerSecond: Double
    var arenaByteCount: Int
  }

  func validate() throws {
    guard runs >= 1 else { throw ValidationError("--runs is \(runs), must be at least 1") }
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    do { try measure() } catch {
      FileHandle.standardError.write(Data("irbench: \(error)\n".utf8))
      throw ExitCode(3)
    }
  }

  private func measure() throws {
    let clock = ContinuousClock()
    let tensors = try TensorFile.read(input)
    let inputs = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    let options = RuntimeOptions(threadCount: threads ?? RuntimeOptions.defaultThreadCount)
    let begin = clock.now
    let path = try ModelCatalogue.path(of: model)
    let graph = try ONNXImporter(try ONNXModel(contentsOf: path), path: path).graph(for: inputs)
    let program = try Compiler(
      options: CompilerOptions(threadCount: options.threadCount), kernels: CPUKernelLibrary()
    ).compile(graph)
    let session = try Session(program, options: options)
    let loadSeconds = begin.duration(to: clock.now).inSeconds
    var results = try session.run(inputs)
    var times: [Double] = []
    var profile: Profile? = steps ? Profile() : nil
    for _ in 0..<runs {
      let start = clock.now
      results = try session.run(inputs, profile: &profile)
      times.append(start.duration(to: clock.now).inSeconds)
    }
    if let output {
      try TensorFile.write(
        graph.outputs.compactMap { port in results[port.name].map { NamedTensor(port.name, $0) } }, to: output
      )
    }
    let sorted = times.sorted()
    // The model's own work, not what rewriting leaves of it.
    let gflop = 2e-9 * Double(graph.multiplyAddCount)
    let result = Result(
      model: path, threads: options.threadCount, seconds: times, median: sorted[sorted.count / 2],
      fastest: sorted[0],
      slowest: sorted[sorted.count - 1], loadSeconds: loadSeconds, gflop: gflop,
      gflopPerSecond: gflop / sorted[sorted.count / 2], arenaByteCount: program.memoryPlan.peakByteCount)
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(result), as: UTF8.self))
    } else {
      print(
        String(
          format: "%@: median %.4f s (%.4f to %.4f), %.1f GFLOP/s, arena %.1f MiB, loaded in %.2f s", path,
          result.median, result.fastest, result.slowest, result.gflopPerSecond,
          Double(result.arenaByteCount) / 1_048_576, loadSeconds))
    }
    if let profile { printSteps(program, profile) }
  }

  /// On the error stream, so that it goes with --json.
  private func printSteps(_ program: Program, _ profile: Profile) {
    var rows: [String: (milliseconds: Double, gflop: Double, count: Int)] = [:]
    for (step, seconds) in zip(program.steps, profile.fastest) {
      rows[step.kernel.name, default: (0, 0, 0)].milliseconds += seconds * 1e3
      rows[step.kernel.name, default: (0, 0, 0)].gflop += 2e-9 * Double(step.multiplyAddCount)
      rows[step.kernel.name, default: (0, 0, 0)].count += 1
    }
    var lines = [
      String(format: "%9.2f ms in all, the fastest runs summed", profile.fastest.reduce(0, +) * 1e3)
    ]
    for (name, row) in rows.sorted(by: { $0.value.milliseconds > $1.value.milliseconds }) {
      lines.append(
        String(
          format: "%9.2f ms %7.1f GFLOP/s %4d  %@", row.milliseconds, row.gflop / row.milliseconds * 1e3,
          row.count, name))
    }
    FileHandle.standardError.write(Data((lines.joined(separator: "\n") + "\n").utf8))
  }
}
