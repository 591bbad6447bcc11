import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRRuntime
import ImageRestoration

@main
struct IRBench: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irbench",
    abstract: "Times one model on tensors.",
    discussion: """
      The model is loaded and compiled once, run once to warm up, then --runs times. Without --input it runs \
      on fresh numbers in 0..<1, the same ones every time, with sides from --size.

      GFLOP/s count the model's own multiply-adds twice, whatever the compiler made of them. The memory of \
      a run is what the process grew by from before its arena was mapped, at its highest; it stands beside what \
      the plan says.

      --on-request is for programs that take turns with other runtimes: a line of JSON when the model is \
      ready, then for each line of input, a count of runs, a line with what they took.

      Tools/bench times other runtimes beside this one. Exit codes: 0, 2 usage, 3 the model or its inputs \
      were rejected.

      EXAMPLES
        irbench symunet-s --size 512x768 --steps
        irbench network.onnx --input in.npz --output out.npz --runs 20 --json
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [
    .option("--dim", now: "--size"), .option("--memory-limit", now: "--memory"),
  ]

  @Argument(help: "A model file (.onnx), or the name of a model in Models.", completion: .file())
  var model: String

  @Option(
    help: ArgumentHelp(
      "Tensors for the model's inputs: by name, the only one for the only input, or all of them in order.",
      valueName: "npz|npy|safetensors"), completion: .file())
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Height and width of the model's images if it leaves them open and there is no --input.",
      valueName: "HxW"))
  var size = Sides(height: 256, width: 256)

  @Option(
    help: ArgumentHelp("Where to write the outputs of the first run.", valueName: "npz|safetensors"),
    completion: .file())
  var output: String?

  @Option(help: "Runs that are timed.")
  var runs = 5

  @OptionGroup var threads: ThreadOptions

  @OptionGroup var memoryOptions: ProgramMemoryOptions
  @OptionGroup var precision: PrecisionOptions

  @Flag(
    help:
      "Print the time of each kernel and of the slowest steps (with --json of all steps), the fastest run of each."
  )
  var steps = false

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Run when a line of the standard input asks for it, and answer in JSON.")
  var onRequest = false

  func validate() throws {
    guard !(steps && onRequest) else { throw ValidationError("--steps is not for --on-request") }
    guard runs >= 1 else { throw ValidationError("--runs is \(runs), must be at least 1") }
  }

  func run() throws {
    let bench = try Bench(
      model: model, input: input, sides: size,
      options: RuntimeOptions(threadCount: threads.count, precision: precision.value),
      memory: memoryOptions)
    try bench.warmUp(writingTo: output)
    var profile: Profile? = steps ? Profile() : nil
    if onRequest {
      try Terminal.say(json: bench.result([]))
      while let line = readLine() {
        guard let count = Int(line), (1...1_000_000).contains(count) else {
          throw ValidationError("a request is a count of runs, not \(line)")
        }
        try Terminal.say(json: bench.result(try bench.run(count, &profile)))
      }
    } else {
      var result = bench.result(try bench.run(runs, &profile))
      result.kernelTimes = profile.map { KernelTimes(bench.program, seconds: $0.fastest) }
      if json { try Terminal.say(json: result) } else { Terminal.say(result.text) }
    }
  }
}
