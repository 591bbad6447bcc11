import Foundation
import IRDiffusion
import IRGraph
import IRModels
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import Testing

@testable import IRPipelines

/// A folder of `shared/oracles/unires`; nil, with a remark, where the oracles are not beside the checkout.
func oracle(_ name: String) -> String? {
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<4 { url.deleteLastPathComponent() }
  let path = url.appendingPathComponent("shared/oracles/unires/\(name)").path
  if FileManager.default.fileExists(atPath: path) { return path }
  print("no oracles beside the checkout: \(name) is not compared")
  return nil
}

func tensors(_ path: String) throws -> [String: Tensor] {
  Dictionary(uniqueKeysWithValues: try TensorFile.read(path).map { ($0.name, $0.tensor) })
}

func decoded<C: Decodable>(_: C.Type, _ json: String) throws -> C {
  try JSONDecoder().decode(C.self, from: Data(json.utf8))
}

func withFolder(_ body: (String) throws -> Void) throws {
  let folder = NSTemporaryDirectory() + "irkit-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

func write(_ text: String, _ path: String) throws {
  try FileManager.default.createDirectory(
    at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

func freezeWeights(
  _ network: some PartNetwork, _ weights: [String: Tensor], _ part: String, _ folder: String
) throws {
  let graph = try network.graph(weights: weights, shape: network.sampleShape)
  try FileManager.default.createDirectory(atPath: "\(folder)/\(part)", withIntermediateDirectories: true)
  try ONNXModel(graph, openSizes: network.openSizes).write(to: "\(folder)/\(part)/model.onnx")
}

/// Numbers in 0...1.
func numbers(_ count: Int) -> [Float] { (0..<count).map { Float(($0 * 7919) % 251) / 250 } }

/// A pipeline of small networks with weights that anyone can compute.
func writeSmall(
  _ folder: String, channels: Int = 8, prompts: Bool = true, scheduler: String = "{}"
) throws {
  let unet = try decoded(
    DenoisingUNetConfiguration.self,
    #"{"in_channels": \#(channels), "block_out_channels": [8, 16], "layers_per_block": 1, "attention_head_dim": 2, "#
      + #""cross_attention_dim": 8, "norm_num_groups": 4, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "#
      + #""up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}"#)
  let vae = try decoded(
    AutoencoderConfiguration.self,
    #"{"block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4, "down_block_types": "#
      + #"["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"#
  )
  let texts = Tensor(numbers(5 * 77 * 8).map { 2 * $0 - 1 }, shape: [5, 77, 8])
  let denoiser = DenoisingUNet(unet, prompts: prompts ? texts : nil)
  func freeze(_ network: some PartNetwork, _ part: String) throws {
    try freezeWeights(network, InitialWeights.check(try network.parameters()), part, folder)
  }
  try freeze(denoiser, "unet")
  try freeze(AutoencoderEncoder(vae), "vae_encoder")
  try freeze(AutoencoderDecoder(vae), "vae_decoder")
  try write(scheduler, "\(folder)/scheduler/scheduler_config.json")
  try write(#"{"_class_name": "OnnxUniResPipeline"}"#, "\(folder)/model_index.json")
}

func picture(height: Int, width: Int) -> Tensor {
  Tensor(numbers(3 * height * width), shape: [1, 3, height, width])
}
