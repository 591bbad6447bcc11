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
    abstract: "Times a model on tensors.",
    usage: "irbench [options] MODEL",
    discussion: """
      The model is loaded, compiled and run once to warm up; then --runs runs are timed. Without --input, the inputs are \
      random numbers in 0..<1 with the sides of --size, the same in every run; integers are 0.

      GFLOP/s counts two operations per multiply-add of the imported graph, before compiler passes. Memory is the \
      largest growth of the process since before the arena was mapped; the plan's size is printed beside it.

      --on-request lets a program alternate between runtimes. irbench prints a line of JSON when the model is ready. \
      It then reads the number of runs from each line of the standard input, and answers with their times.

      \(HelpText.exitCodes([3: "the model or its inputs were rejected"]))

      EXAMPLES
        irbench symunet-s --size 512x768 --steps
        irbench network.onnx --input in.npz --output out.npz --runs 20 --json

      SEE ALSO
        Tools/bench (times other runtimes too), irdump --program
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [
    .option("--dim", now: "--size"), .option("--memory-limit", now: "--memory"),
  ]

  @Argument(help: .model, completion: .file())
  var model: String

  @Option(
    help: ArgumentHelp(
      "File with the inputs: tensors with the inputs' names, or as many tensors as inputs, in order. (default: random numbers)",
      valueName: "npz|npy|safetensors"), completion: .file())
  var input: String?

  @Option(
    help: ArgumentHelp(
      "Height and width of the images, if the model leaves them open and there is no --input.",
      valueName: "HxW"))
  var size = Sides(height: 256, width: 256)

  @Option(
    help: ArgumentHelp("File for the outputs of the first run.", valueName: "npz|safetensors"),
    completion: .file())
  var output: String?

  @Option(help: "Number of timed runs.")
  var runs = 5

  @OptionGroup var threads: ThreadOptions

  @OptionGroup var memoryOptions: ProgramMemoryOptions
  @OptionGroup var precision: PrecisionOptions

  @Flag(
    help:
      "Print the time of each kernel and of the slowest steps, each of its fastest run. --json has all steps."
  )
  var steps = false

  @Flag(help: .json)
  var json = false

  @Flag(help: "Run when the standard input asks for it, and answer in JSON.")
  var onRequest = false

  func validate() throws {
    guard !(steps && onRequest) else { throw ValidationError("--steps and --on-request exclude each other") }
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
          throw ValidationError("a request is a number of runs from 1 to 1000000, not \(line)")
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
