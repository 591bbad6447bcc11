import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import ImageRestoration

/// Runs a model on files of tensors as they are.
package final class TensorRun {
  let path: String
  let model: ONNXModel
  let options: RuntimeOptions
  /// Pads an image input to multiples of this and crops the outputs back; nil runs the tensors raw.
  let multiple: Int?
  let verifies: Bool
  let profiles: Bool
  private weak var monitor: (any BatchMonitor)?
  private let weights = PackedWeights()
  /// The latest program and the tensors it is for: files of equal shapes share it.
  private var latest: (types: [String: TensorType], graph: Graph, session: Session)?

  package init(
    model name: String, multiple: Int?, verifies: Bool, profiles: Bool, options: RuntimeOptions,
    monitor: (any BatchMonitor)? = nil
  ) throws {
    self.monitor = monitor
    path = try ModelCatalogue.path(of: name)
    model = try ONNXModel(contentsOf: path)
    self.multiple = multiple
    self.verifies = verifies
    self.profiles = profiles
    self.options = options
  }

  package func process(_ job: Job) throws -> Report {
    let expected = try job.reference.map { try TensorFile.read($0.text) }
    var inputs = try TensorFile.inputs(model.graphInputs.map(\.name), in: job.input.text)
    let size = try pad(&inputs)
    let (graph, session) = try compiled(for: inputs)
    let program = session.program
    var profile: Profile? = profiles ? Profile() : nil
    let begin = ContinuousClock.now
    let results = try session.run(inputs, profile: &profile)
    let seconds = begin.duration(to: .now).inSeconds
    if let profile { monitor?.ran(program, profile) }
    monitor?.restored(job)
    let outputs = graph.outputs.compactMap { output in
      results[output.name].map { NamedTensor(output.name, cropped($0, to: size)) }
    }
    var report = Report(
      input: job.input.text, output: job.output.text, shape: outputs.first?.tensor.shape.extents ?? [],
      seconds: seconds
    )
    if let expected { report.reference = try differences(outputs, expected, job.reference?.text ?? "") }
    if verifies {
      let start = ContinuousClock.now
      let interpreted = try GraphInterpreter(graph).run(inputs) { [monitor] done, count in
        monitor?.advanced("reference interpreter", done: done, of: count, since: start)
      }
      report.verification = outputs.compactMap { output in
        interpreted[output.name].map {
          Report.Difference(output.tensor.doubles, cropped($0, to: size).doubles, output: output.name)
        }
      }
    }
    try TensorFile.write(outputs, to: job.output.text)
    return report
  }

  private func compiled(for inputs: [String: Tensor]) throws -> (Graph, Session) {
    let types = inputs.mapValues(\.type)
    if let latest, latest.types == types { return (latest.graph, latest.session) }
    latest = nil
    let graph = try ONNXImporter(model, path: path).graph(for: inputs)
    let compiler = Compiler(
      threadCount: options.threadCount, weights: weights, memoryByteCount: options.memoryLimit,
      allowsFloat16Storage: options.allowsFloat16Storage, precision: options.precision)
    let program = try compiler.compile(graph)
    let session = try Session(program, options: options)
    // If values decide shapes, another file of equal shapes may need another program.
    if graph.inputs.count == inputs.count { latest = (types, graph, session) }
    return (graph, session)
  }

  /// Pads the only input where that was asked for.
  /// - Returns: its size before.
  private func pad(_ inputs: inout [String: Tensor]) throws -> (height: Int, width: Int)? {
    guard let multiple else { return nil }
    guard inputs.count == 1, let (name, image) = inputs.first, image.shape.rank == 4,
      image.elementType == .float32,
      image.elementCount > 0
    else {
      throw RestorationError.notARestorer(
        path: path, detail: "--multiple needs one float32 input [N, C, H, W]")
    }
    inputs[name] = image.reflectPadded(toMultipleOf: multiple)
    return (image.shape[2], image.shape[3])
  }

  private func cropped(_ output: Tensor, to size: (height: Int, width: Int)?) -> Tensor {
    guard let size, output.shape.rank == 4, output.elementType == .float32, output.shape[2] >= size.height,
      output.shape[3] >= size.width
    else { return output }
    return output.cropped(height: size.height, width: size.width)
  }

  private func differences(
    _ outputs: [NamedTensor], _ expected: [NamedTensor], _ path: String
  ) throws -> [Report.Difference] {
    let result = try outputs.enumerated().compactMap { index, output -> Report.Difference? in
      // A model's first output is compared with what the file calls `output`, whatever else it holds.
      let first = index == 0 ? expected.first { $0.name == "output" } : nil
      let match =
        expected.first { $0.name == output.name } ?? first ?? (expected.count == 1 ? expected[0] : nil)
      guard let match else { return nil }
      guard match.tensor.shape == output.tensor.shape else {
        throw TensorFileError.malformed(
          path: path,
          detail: "\(match.name) is \(match.tensor.type), the output \(output.name) is \(output.tensor.type)")
      }
      return Report.Difference(output.tensor.doubles, match.tensor.doubles, output: output.name)
    }
    guard !result.isEmpty else {
      throw TensorFileError.malformed(
        path: path, detail: "holds none of the outputs \(outputs.map(\.name).joined(separator: ", "))")
    }
    return result
  }
}
