import ArgumentParser
import Foundation
import IRONNX
import IRRuntime
import IRTensor
import IRTraining
import ImageRestoration

/// The batches of a run on the standard output, for other trainers.
struct Batches: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the batches that a run would take to the standard output, for other trainers.",
    discussion: """
      One line of JSON (count, channels, height, width, taskCount), then for every step the degraded images, the \
      targets, both float32 [count, channels, height, width], and the tasks, int32 [count], all little-endian. They \
      are those of irtrain with the same data, tasks, sizes and seed, to the byte.
      """)

  @Argument(help: "The model that is trained: it says how many channels pictures have.")
  var model: String

  @Option(help: "Steps of the run.")
  var steps: Int

  @Option(help: "The step to begin with.")
  var from = 0

  @Option(
    name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @Flag(help: "Train on all photographs, also those that irtrain would validate with.")
  var all = false

  @OptionGroup var source: DataOptions

  func validate() throws {
    guard steps >= 1, (0...steps).contains(from) else {
      throw ValidationError("--from \(from) and --steps \(steps) are no run")
    }
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  private struct Header: Encodable {
    var count: Int
    var channels: Int
    var height: Int
    var width: Int
    var taskCount: Int
  }

  func run() throws { try withExitCodes(write) }

  private func write() throws {
    let path = try ModelCatalogue.path(of: model)
    let channels = try DataOptions.channelCount(try ONNXModel(contentsOf: path), path)
    let data = try source.data(channelCount: channels, heldOut: all ? [] : try source.heldOut())
    let output = FileHandle.standardOutput
    // A reader that has gone is an error to be told, not a signal.
    signal(SIGPIPE, SIG_IGN)
    let header = Header(
      count: source.batch, channels: channels, height: source.crop, width: source.crop,
      taskCount: data.taskCount)
    try output.write(contentsOf: try JSONEncoder().encode(header) + Data([10]))
    let count = threads ?? RuntimeOptions.defaultThreadCount
    let loader = BatchLoader(data, from: from, to: steps, depth: 2 * count, threadCount: count)
    defer { loader.stop() }
    for _ in from..<steps {
      let batch = try loader.next()
      for tensor in [batch.images, batch.targets] {
        try tensor.withUnsafeBytes { try output.write(contentsOf: Data($0)) }
      }
      let tasks = batch.tasks.map { Int32($0).littleEndian }
      try tasks.withUnsafeBytes { try output.write(contentsOf: Data($0)) }
    }
  }
}
