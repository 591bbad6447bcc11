import Foundation
import IRBatch
import IRGraph
import IRONNX
import IROperators
import IRTensor
import ImageRestoration

/// Runs a test in a folder of its own.
func withFolder<R>(_ body: (String) throws -> R) throws -> R {
  let folder = NSTemporaryDirectory() + "irbatch-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

func makeFolder(_ path: String) throws {
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
}

func names(_ folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted()
}

func write(_ text: String, to path: String) throws {
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

/// A picture of 8-bit samples that depend on `seed`.
func writePicture(_ path: String, width: Int = 17, height: Int = 11, seed: Int = 1) throws {
  let pixels = (0..<(3 * width * height)).map { Float(($0 * 31 * seed + seed) % 251) / 255 }
  try ImageFile.write(Image(width: width, height: height, channelCount: 3, pixels: pixels), to: path)
}

/// A restorer of any size whose result is a multiple of its input, at `path`.
func makeRestorer(_ path: String, factor: Float = 1) throws -> Restorer {
  var builder = GraphBuilder()
  let image = builder.input("image", TensorType(.float32, [1, 3, 8, 8]))
  let weight = builder.constant(Tensor(scalar: factor))
  builder.output(try builder.value(Binary(.multiply), [image, weight]), name: "restored")
  var model = try ONNXModel(try builder.finished())
  let open: [ONNXDimension] = [.fixed(1), .fixed(3), .symbolic("H"), .symbolic("W")]
  model.graph.inputs[0].type = .tensor(elementType: ElementType.float32.rawValue, shape: open)
  model.graph.outputs[0].type = .tensor(elementType: ElementType.float32.rawValue, shape: nil)
  model.graph.valueInfos = []
  try model.write(to: path)
  return try Restorer(model: path)
}

/// The jobs of a command: inputs, and an output as it would be asked for.
func jobs(
  _ inputs: [String], to output: String, recurses: Bool = false, excluded: [String] = [], shard: Shard? = nil,
  format: String? = nil, ifExists: ExistingFile = .overwrite, list: String? = nil,
  comparison: Comparison? = nil
) throws -> JobList {
  var input = InputOptions()
  (input.recurses, input.excluded, input.list, input.shard) = (recurses, excluded, list, shard)
  var options = OutputOptions()
  (options.format, options.ifExists, options.comparison) = (format, ifExists, comparison)
  return try Batch(
    inputs, to: output, model: "models/tiny.onnx", input: input, options: options,
    lines: LineStream(STDIN_FILENO)
  ).known
}

/// The outcomes of a run, by the names of their inputs: an output's name, `kept`, or an error's text.
func outcomes(
  _ run: ImageRun, _ jobs: any JobSource, stopsAfter count: Int = .max
) -> [(input: String, result: String)] {
  var found: [(String, String)] = []
  run.process(jobs) { outcome in
    switch outcome {
    case .done(let report): found.append((report.input, report.output))
    case .kept(let job): found.append((job.input.text, "kept"))
    case .failed(let job, let error): found.append((job.input.text, "\(error)"))
    }
    return found.count < count
  }
  return found.map { (($0 as NSString).lastPathComponent, ($1 as NSString).lastPathComponent) }
}
