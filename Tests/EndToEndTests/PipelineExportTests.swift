import Foundation
import IRModels
import IRONNX
import IRTensor
import IRTensorFiles
import Testing

/// A small latent diffusion model in diffusers' layout, with fresh weights.
struct SmallModel {
  var unet = DenoisingUNetConfiguration()
  var vae = AutoencoderConfiguration()
  var text = TextTowerConfiguration()

  init() throws {
    unet = try Self.decoded(
      #"{"in_channels": 8, "block_out_channels": [8, 16], "layers_per_block": 1, "attention_head_dim": [1, 2], "#
        + #""cross_attention_dim": 8, "norm_num_groups": 4, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "#
        + #""up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}"#)
    vae = try Self.decoded(
      #"{"block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4, "down_block_types": "#
        + #"["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"#
    )
    (text.width, text.hidden, text.layers, text.heads) = (8, 16, 1, 2)
  }

  private static func decoded<C: NetworkConfiguration>(_ json: String) throws -> C {
    try JSONDecoder().decode(C.self, from: Data(json.utf8))
  }

  static func write(_ value: some Encodable, to path: String) throws {
    try FileManager.default.createDirectory(
      at: URL(fileURLWithPath: path).deletingLastPathComponent(), withIntermediateDirectories: true)
    try JSONEncoder().encode(value).write(to: URL(fileURLWithPath: path))
  }

  private func save(_ networks: [any PartNetwork], _ configuration: some Encodable, _ path: String) throws {
    try Self.write(configuration, to: "\(path)/config.json")
    var weights: [String: Tensor] = [:]
    for network in networks {
      weights.merge(InitialWeights.check(try network.parameters())) { first, _ in first }
    }
    let isText = networks[0] is TextTower
    let tensors = weights.sorted { $0.key < $1.key }.map { NamedTensor($0.key, $0.value) }
    try TensorFile.write(
      tensors, to: "\(path)/\(isText ? "model" : "diffusion_pytorch_model").safetensors")
  }

  func write(to folder: String) throws {
    try save([DenoisingUNet(unet)], unet, "\(folder)/unet")
    try save([AutoencoderEncoder(vae), AutoencoderDecoder(vae)], vae, "\(folder)/vae")
    try save([TextTower(text)], text, "\(folder)/text_encoder")
    try Self.write(["timestep_spacing": "trailing"], to: "\(folder)/scheduler/scheduler_config.json")
  }
}

@Test func aPipelineIsFrozen() throws {
  try withFolder { folder in
    try SmallModel().write(to: "\(folder)/model")
    let outcome = try run(
      "irexport", "unires", "--weights", "\(folder)/model", "-o", "\(folder)/out", "--verify", "2",
      "--unscaled-condition")
    #expect(outcome.code == 0, "\(outcome.errors)")
    for (part, open) in [
      ("unet", ["H", "N", "W"]), ("vae_encoder", ["H", "N", "W"]), ("vae_decoder", ["H", "N", "W"]),
    ] {
      let model = try ONNXModel(contentsOf: "\(folder)/out/\(part)/model.onnx")
      #expect(model.openDimensions.sorted() == open, "\(part): \(model.openDimensions)")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/out/\(part)/config.json"))
    }
    let unet = try ONNXModel(contentsOf: "\(folder)/out/unet/model.onnx")
    #expect(unet.graph.inputs.map(\.name) == ["sample", "timestep", "prompt"])
    #expect(unet.graph.outputs.map(\.name) == ["out_sample"])
    // Keys and values of the prompts stand for the matrices that made them.
    #expect(!unet.graph.initializers.contains { $0.name.hasSuffix("attn2.to_k.weight") })
    let index = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out/model_index.json"))
    let entries = try #require(try JSONSerialization.jsonObject(with: index) as? [String: Any])
    #expect(entries["condition_scaling_factor"] as? Double == 1)
    #expect(entries["scaling_factor"] as? Double == 0.18215)
    #expect((entries["prompts"] as? [String])?.count == 5)
    let scheduler = try Data(
      contentsOf: URL(fileURLWithPath: "\(folder)/out/scheduler/scheduler_config.json"))
    #expect(String(decoding: scheduler, as: UTF8.self).contains(#""timestep_spacing" : "trailing""#))
    // Low-rank updates are merged; what the model does not have is named.
    let update = [
      NamedTensor("unet.conv_in.lora_A.weight", Tensor(zeros: TensorType(.float32, [1, 8, 3, 3]))),
      NamedTensor("unet.conv_in.lora_B.weight", Tensor(zeros: TensorType(.float32, [8, 1, 1, 1]))),
    ]
    try TensorFile.write(update, to: "\(folder)/a.safetensors")
    let merged = try run(
      "irexport", "unires", "--weights", "\(folder)/model", "-o", "\(folder)/out", "--lora",
      "\(folder)/a.safetensors:0.8")
    #expect(merged.code == 0 && merged.errors.contains("changes 1 modules, at 0.8"), "\(merged.errors)")
    let strange = update.map {
      NamedTensor($0.name.replacingOccurrences(of: "conv_in", with: "conv"), $0.tensor)
    }
    try TensorFile.write(strange, to: "\(folder)/b.safetensors")
    let refused = try run(
      "irexport", "unires", "--weights", "\(folder)/model", "-o", "\(folder)/out", "--lora",
      "\(folder)/b.safetensors")
    #expect(refused.code == 3 && refused.errors.contains("unet.conv"), "\(refused.errors)")
    // Nothing half: the index is gone until all parts are there.
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/out/model_index.json"))
  }
}

@Test func whatIsNoRestorerIsSaid() throws {
  try withFolder { folder in
    func refusal(_ code: Int32, _ options: [String] = [], _ change: (String) throws -> Void) throws -> String
    {
      let model = "\(folder)/\(UUID().uuidString)"
      try SmallModel().write(to: model)
      try change(model)
      let outcome = try run("irexport", ["unires", "--weights", model, "-o", "\(folder)/out"] + options)
      #expect(outcome.code == code, "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/out/model_index.json"))
      return outcome.errors
    }
    func settings(_ part: String, _ json: String) -> (String) throws -> Void {
      { model in try Data(json.utf8).write(to: URL(fileURLWithPath: "\(model)/\(part)")) }
    }
    let missing = try refusal(4) { try FileManager.default.removeItem(atPath: "\($0)/vae") }
    #expect(missing.contains("vae/config.json"), "\(missing)")
    let weightless = try refusal(4) {
      try FileManager.default.removeItem(atPath: "\($0)/unet/diffusion_pytorch_model.safetensors")
    }
    #expect(weightless.contains("holds no weights"), "\(weightless)")
    let other = try refusal(3, [], settings("unet/config.json", "{}"))
    #expect(other.contains("hidden_size"), "\(other)")
    let broken = try refusal(3, [], settings("unet/config.json", #"{"in_channels": "#))
    #expect(broken.contains("unet/config.json"), "\(broken)")
    let deep = String(repeating: "[", count: 100_000)
    let nested = try refusal(3, [], settings("unet/config.json", #"{"block_out_channels": "# + deep))
    #expect(nested.contains("config.json"), "\(nested)")
    let never = try refusal(3, [], settings("scheduler/scheduler_config.json", #"{"beta_end": 7}"#))
    #expect(never.contains("beta_end 7.0"), "\(never)")
    let spaced = try refusal(
      3, [], settings("scheduler/scheduler_config.json", #"{"timestep_spacing": "x"}"#))
    #expect(spaced.contains("timestep_spacing"), "\(spaced)")
    let shards = #"{"weight_map": {"conv_in.weight": "../../secret.safetensors"}}"#
    let outside = try refusal(4) { model in
      try FileManager.default.removeItem(atPath: "\(model)/unet/diffusion_pytorch_model.safetensors")
      try settings("unet/diffusion_pytorch_model.safetensors.index.json", shards)(model)
    }
    #expect(outside.contains("../../secret.safetensors must be the name"), "\(outside)")
    let file = "\(folder)/one.safetensors"
    try TensorFile.write([NamedTensor("a", Tensor(scalar: 1))], to: file)
    let one = try run("irexport", "unires", "--weights", file, "-o", "\(folder)/out")
    #expect(one.code == 3 && one.errors.contains("does not hold all parts"), "\(one.errors)")
    #expect(try run("irexport", "unires", "-o", "\(folder)/out").code == 2)
    #expect(try run("irexport", "nafnet", "--lora", "x", "-o", "\(folder)/out").code == 2)
  }
}
