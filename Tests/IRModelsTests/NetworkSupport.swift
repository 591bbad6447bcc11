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

/// The folder of another project's outputs, beside the checkout; nil where it is missing.
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
  let program = try Compiler(threadCount: threads)
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
  // DaAIR chooses by itself.
  if let task = result["task"] { result["task"] = Tensor(task.type, repeating: -1) }
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
  (
    "se-symunet",
    #"{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "restormer_heads": [1, 2], "cross_attn_inner_dims": [16, 16], "middle_cross_attn_inner_dim": 16, "pos_embed_size": [48, 32], "clip": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28}}"#
  ),
  ("daair", #"{"dim": 8, "num_blocks": [1, 1, 0, 1], "num_dec_blocks": [1, 0, 1], "task_input": true}"#),
  ("daair", #"{"dim": 8, "num_blocks": [1, 1, 0, 1], "num_dec_blocks": [1, 0, 1], "all_experts": true}"#),
  (
    "promptir",
    #"{"dim": 8, "num_blocks": [1, 1, 0, 1], "num_refinement_blocks": 1, "prompt_dims": [8, 16, 24], "prompt_sizes": [8, 6, 4]}"#
  ),
  (
    "moce-ir",
    #"{"dim": 8, "num_blocks": [1, 1, 0, 1], "num_dec_blocks": [1, 0, 1], "num_refinement_blocks": 1}"#
  ),
  ("swinir", #"{"embed_dim": 12, "depths": [2, 2], "num_heads": [2, 3], "window_size": 4}"#),
  ("dncnn", #"{"nc": 8, "nb": 4}"#), ("ffdnet", #"{"nc": 8, "nb": 4}"#),
  (
    "symunet",
    #"{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "restormer_heads": [1, 2], "noise_level": true}"#
  ),
]
