import ArgumentParser
import Foundation
import IRCommandLine
import IRONNX
import IRTensor
import IRTraining
import ImageRestoration

/// The batches of a run on the standard output, for other trainers.
struct Batches: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the batches of a run to the standard output, for other trainers.",
    usage: "irtrain batches [options] MODEL --clean FOLDER --steps N",
    discussion: """
      The output begins with a line of JSON: count, channels, height, width, taskCount. For every step follow, in little \
      endian, the degraded images and the targets, both float32 [count, channels, height, width], and the tasks, int32 \
      [count]. If the model takes a noise level, the line has noise: true, and each step ends in the levels, float32 \
      [count], of pictures in 0...1. The bytes are those that irtrain trains on with the same data, tasks, sizes and seed.

      EXAMPLES
        irtrain batches net.onnx --clean photos --tasks noise25 --steps 100 | trainer
      """)

  @Argument(help: "Model to train; it states the number of channels.", completion: .file())
  var model: String

  @Option(help: "Number of steps of the run.")
  var steps: Int

  @Option(help: "First step.")
  var from = 0

  @Option(
    help: """
      Write a part of each batch only, INDEX/COUNT: every COUNTth image, from INDEX on (counted from 0). --batch must be a \
      multiple of COUNT.
      """)
  var share: BatchShare?

  @OptionGroup var threads: ThreadOptions

  @Flag(help: "Use all photographs, including those that irtrain would validate with.")
  var all = false

  @OptionGroup(title: "Data") var source: DataOptions

  func validate() throws {
    guard steps >= 1, (0...steps).contains(from) else {
      throw ValidationError("--from is \(from), must be 0 to --steps, which is \(steps)")
    }
    if let count = share?.value.count, source.batch % count != 0 {
      throw ValidationError(
        "--batch is \(source.batch), must be a multiple of \(count), of which --share is one")
    }
  }

  private struct Header: Encodable {
    var count: Int
    var channels: Int
    var height: Int
    var width: Int
    var taskCount: Int
    /// Whether each step has noise levels; left out where it has none.
    var noise: Bool?
  }

  func run() throws {
    let path = try ModelCatalogue.path(of: model)
    let ports = try DataOptions.ports(try ONNXModel(contentsOf: path), path)
    var data = try source.data(for: ports, heldOut: all ? [] : try source.heldOut())
    if let share { data.share = share.value }
    let output = FileHandle.standardOutput
    let header = Header(
      count: source.batch / data.share.count, channels: ports.image.channelCount, height: source.crop,
      width: source.crop, taskCount: data.taskCount, noise: ports.noise == nil ? nil : true)
    try output.write(contentsOf: try JSONEncoder().encode(header) + Data([10]))
    let loader = BatchLoader(
      data, from: from, to: steps, depth: 2 * threads.count, threadCount: threads.count)
    defer { loader.stop() }
    for _ in from..<steps {
      let batch = try loader.next()
      for tensor in [batch.images, batch.targets] {
        try tensor.withUnsafeBytes { try output.write(contentsOf: Data($0)) }
      }
      let tasks = batch.tasks.map { Int32($0).littleEndian }
      try tasks.withUnsafeBytes { try output.write(contentsOf: Data($0)) }
      guard ports.noise != nil else { continue }
      let levels = batch.noiseLevels.map { Float($0 / 255).bitPattern.littleEndian }
      try levels.withUnsafeBytes { try output.write(contentsOf: Data($0)) }
    }
  }
}

/// A share of batches: `0/2`.
struct BatchShare: ExpressibleByArgument {
  var value: TrainingData.Share

  init?(argument: String) {
    let numbers = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard numbers.count == 2, let index = numbers[0], let count = numbers[1], index >= 0, index < count,
      count <= 1 << 14
    else { return nil }
    value = TrainingData.Share(index: index, count: count)
  }
}
