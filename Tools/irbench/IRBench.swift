import ArgumentParser
import Foundation
import IRCommandLine
import IRRuntime
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
      The model is loaded and compiled once, run once to warm up, then --runs times. Without --input it runs \
      on fresh numbers in 0..<1, the same ones every time, with sides from --dim.

      GFLOP/s count the model's own multiply-adds twice, whatever the compiler made of them. The memory of \
      a run is what the process grew by from before its arena was mapped, at its highest; it stands beside what \
      the plan says.

      --on-request is for programs that take turns with other runtimes: a line of JSON when the model is \
      ready, then for each line of input, a count of runs, a line with what they took.

      Tools/bench times other runtimes beside this one. Exit codes: 0, 2 usage, 3 the model or its inputs \
      were rejected.

      EXAMPLES
        irbench symunet-s --dim 512x768 --steps
        irbench network.onnx --input in.npz --output out.npz --runs 20 --json
      """)

  @Argument(help: "A model file (.onnx), or the name of a model in Models.")
  var model: String

  @Option(
    help: ArgumentHelp(
      "Tensors for the model's inputs: by name, the only one for the only input, or all of them in order.",
      valueName: "npz|npy|safetensors"))
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Sides of pictures where there is no --input and the model leaves them open.", valueName: "HxW"))
  var dim = Sides(height: 256, width: 256)

  @Option(help: ArgumentHelp("Where to write the outputs of the first run.", valueName: "npz|safetensors"))
  var output: String?

  @Option(help: "Runs that are timed.")
  var runs = 5

  @Option(
    name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @OptionGroup var memoryOptions: MemoryOptions

  @Flag(
    help: "Say what each kernel takes, and the most expensive steps, or in JSON all: the fastest run of each."
  )
  var steps = false

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Run when asked to on standard input, and answer in JSON.")
  var onRequest = false

  func validate() throws {
    guard !(steps && onRequest) else { throw ValidationError("--steps is not for --on-request") }
    guard runs >= 1 else { throw ValidationError("--runs is \(runs), must be at least 1") }
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    do { try measure() } catch {
      Terminal.complain("irbench: \(error)")
      throw ExitCode(3)
    }
  }

  private func measure() throws {
    let bench = try Bench(
      model: model, input: input, sides: dim,
      options: RuntimeOptions(threadCount: threads ?? RuntimeOptions.defaultThreadCount),
      memory: memoryOptions)
    try bench.warmUp(writingTo: output)
    var profile: Profile? = steps ? Profile() : nil
    if onRequest {
      try say(bench.result([]))
      while let line = readLine() {
        guard let count = Int(line), (1...1_000_000).contains(count) else {
          throw ValidationError("a request is a count of runs, not \(line)")
        }
        try say(bench.result(try bench.run(count, &profile)))
      }
    } else {
      var result = bench.result(try bench.run(runs, &profile))
      result.steps = profile.map { StepTime.times(of: bench.program, in: $0) }
      if json { try say(result) } else { Terminal.say(result.text) }
    }
  }

  private func say(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
    fflush(nil)
  }
}
