import Foundation
import IRCompiler
import IRGraph
import IRModels
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import IRTestSupport
import Testing

/// What others' code computes, beside the checkout; nil where it is not there.
func oracle(_ name: String) -> String? {
  let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/oracles/\(name)")
    .path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}

/// The network of a type with the settings of a JSON text.
func network<N: RestorationNetwork>(_: N.Type, json: String) throws -> any RestorationNetwork {
  N(try JSONDecoder().decode(N.Configuration.self, from: Data(json.utf8)))
}

func network(_ name: String, json: String) throws -> any RestorationNetwork {
  try network(try NetworkCatalogue.network(name), json: json)
}

/// The compiled graph's outputs.
func compiled(_ graph: Graph, _ inputs: [String: Tensor], threads: Int = 2) throws -> [String: Tensor] {
  let program = try Compiler(options: CompilerOptions(threadCount: threads), kernels: CPUKernelLibrary())
    .compile(graph)
  #expect(program.memoryPlan.conflict == nil)
  return try Session(program, options: RuntimeOptions(threadCount: threads)).run(inputs)
}

/// Inputs of the graph with numbers in 0...1; those that are integers are zeros.
func numbers(for graph: Graph, seed: UInt64 = 11) -> [String: Tensor] {
  var generator = SeededGenerator(seed: seed)
  var result: [String: Tensor] = [:]
  for id in graph.inputs {
    let type = graph[id].type
    result[graph[id].name] =
      type.elementType == .float32 ? generator.tensor(type.shape, in: 0...1) : Tensor(zeros: type)
  }
  return result
}

/// The model after its bytes, as a graph for these sides.
func imported(_ model: ONNXModel, height: Int, width: Int) throws -> Graph {
  let read = try model.serialized().withUnsafeBytes { try ONNXModel(bytes: $0) }
  return try ONNXImporter(read).graph(binding: ONNXBinding(dimensions: ["H": height, "W": width]))
}

let openSides: [String: [Int: String]] = ["image": [2: "H", 3: "W"]]

/// Small settings of every network.
let smallNetworks: [(name: String, json: String)] = [
  (
    "symunet",
    #"{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "restormer_heads": [1, 2]}"#
  ),
  ("restormer", #"{"dim": 8, "num_blocks": [1, 1, 1, 1], "num_refinement_blocks": 1}"#),
  (
    "restormer",
    #"{"dim": 8, "num_blocks": [1, 0, 1, 1], "num_refinement_blocks": 0, "LayerNorm_type": "BiasFree", "dual_pixel_task": true, "inp_channels": 6}"#
  ),
  ("nafnet", #"{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1]}"#),
  ("dncnn", #"{"nc": 8, "nb": 4}"#), ("ffdnet", #"{"nc": 8, "nb": 4}"#),
]
