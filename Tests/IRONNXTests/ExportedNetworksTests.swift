import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import Testing

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures/exported").path

/// Networks exported by both of PyTorch's exporters, with what PyTorch computed.
@Test(arguments: ["symunet", "restormer", "nafnet"], ["dynamo", "torchscript"])
func exportedNetworksEqualPyTorch(network: String, exporter: String) throws {
  let path = "\(folder)/\(network)-\(exporter)"
  let model = try ONNXModel(contentsOf: "\(path)/model.onnx")
  let tensors = Dictionary(
    uniqueKeysWithValues: try NumPyArchive.read("\(path)/io.npz").map { ($0.name, $0.tensor) })
  let name = try #require(model.graphInputs.first?.name)
  let input = try #require(tensors[name])
  var binding = ONNXBinding()
  guard case .tensor(_, let shape?)? = model.graphInputs.first?.type else { return }
  for (axis, dimension) in shape.enumerated() {
    switch dimension {
    case .symbolic(let symbol) where !symbol.isEmpty: binding.dimensions[symbol] = input.shape[axis]
    default: binding.dimensions["\(name).\(axis)"] = input.shape[axis]
    }
  }
  let graph = try ONNXImporter(model, path: path).graph(binding: binding)
  let program = try Compiler(threadCount: 2).compile(
    graph)
  #expect(program.memoryPlan.conflict == nil)
  let output = try #require(graph.outputs.first?.name)
  let expected = try #require(tensors[output]).doubles
  let interpreted = try #require(try GraphInterpreter(graph).run([name: input])[output]).doubles
  let compiled = try #require(
    try Session(program, options: RuntimeOptions(threadCount: 2)).run([name: input])[output]
  ).doubles
  #expect(interpreted.count == expected.count)
  for index in expected.indices {
    #expect((interpreted[index] - expected[index]).magnitude < 1e-4)
    #expect((compiled[index] - expected[index]).magnitude < 1e-4)
  }
}

@Test func damagedArchivesAreRefused() throws {
  let whole = try #require(FileManager.default.contents(atPath: "\(folder)/nafnet-dynamo/io.npz"))
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID().uuidString).npz")
    .path
  defer { try? FileManager.default.removeItem(atPath: path) }
  for cut in stride(from: 0, to: whole.count, by: max(1, whole.count / 50)) {
    try whole.prefix(cut).write(to: URL(fileURLWithPath: path))
    #expect(throws: TensorFileError.self) { try NumPyArchive.read(path) }
  }
  var state: UInt64 = 7
  for _ in 0..<300 {
    var bytes = [UInt8](whole)
    for _ in 0..<4 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    _ = try? NumPyArchive.read(path)
  }
}
