import Foundation
import IRGraph
import IRModels
import IRTensor
import IRTestSupport
import Testing

private func weights(_ names: [String], _ shape: Shape = [1]) -> [NamedWeight] {
  names.map { ($0, Tensor(zeros: TensorType(.float32, shape))) }
}

/// CompVis' names, those of its table, become diffusers'.
@Test func compVisNamesAreTranslated() throws {
  let unet = [
    "input_blocks.0.0.weight": "conv_in.weight", "time_embed.2.bias": "time_embedding.linear_2.bias",
    "input_blocks.1.0.in_layers.2.weight": "down_blocks.0.resnets.0.conv1.weight",
    "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight":
      "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_k.weight",
    "input_blocks.3.0.op.weight": "down_blocks.0.downsamplers.0.conv.weight",
    "input_blocks.4.0.skip_connection.weight": "down_blocks.1.resnets.0.conv_shortcut.weight",
    "input_blocks.11.0.emb_layers.1.weight": "down_blocks.3.resnets.1.time_emb_proj.weight",
    "middle_block.0.out_layers.3.bias": "mid_block.resnets.0.conv2.bias",
    "middle_block.1.proj_in.weight": "mid_block.attentions.0.proj_in.weight",
    "middle_block.2.out_layers.0.weight": "mid_block.resnets.1.norm2.weight",
    "output_blocks.2.1.conv.weight": "up_blocks.0.upsamplers.0.conv.weight",
    "output_blocks.5.2.conv.bias": "up_blocks.1.upsamplers.0.conv.bias",
    "output_blocks.11.1.norm.weight": "up_blocks.3.attentions.2.norm.weight",
    "out.0.weight": "conv_norm_out.weight", "out.2.weight": "conv_out.weight",
  ]
  let autoencoder = [
    "encoder.down.1.block.0.nin_shortcut.weight": "encoder.down_blocks.1.resnets.0.conv_shortcut.weight",
    "encoder.down.2.downsample.conv.bias": "encoder.down_blocks.2.downsamplers.0.conv.bias",
    "decoder.up.3.block.2.norm1.weight": "decoder.up_blocks.0.resnets.2.norm1.weight",
    "decoder.up.1.upsample.conv.weight": "decoder.up_blocks.2.upsamplers.0.conv.weight",
    "encoder.mid.block_2.conv1.bias": "encoder.mid_block.resnets.1.conv1.bias",
    "decoder.mid.attn_1.norm.weight": "decoder.mid_block.attentions.0.group_norm.weight",
    "decoder.mid.attn_1.q.bias": "decoder.mid_block.attentions.0.to_q.bias",
    "decoder.mid.attn_1.proj_out.bias": "decoder.mid_block.attentions.0.to_out.0.bias",
    "encoder.norm_out.weight": "encoder.conv_norm_out.weight", "quant_conv.weight": "quant_conv.weight",
    "encoder.mid_block.attentions.0.proj_attn.bias": "encoder.mid_block.attentions.0.to_out.0.bias",
  ]
  let text = ["embeddings.token_embedding.weight": "embeddings.token_embedding.weight"]
  let file = weights(
    unet.keys.map { "state_dict.model.diffusion_model.\($0)" }
      + autoencoder.keys.map { "state_dict.first_stage_model.\($0)" }
      + text.keys.map { "state_dict.cond_stage_model.transformer.text_model.\($0)" }
      + ["state_dict.model_ema.decay", "state_dict.betas"])
  #expect(CompVisCheckpoint.isOne(file.map(\.name)))
  let checkpoint = try CompVisCheckpoint(file)
  #expect(Set(checkpoint.unet.map(\.name)) == Set(unet.values))
  #expect(Set(checkpoint.autoencoder.map(\.name)) == Set(autoencoder.values))
  #expect(checkpoint.text.map(\.name) == Array(text.values))
  #expect(checkpoint.otherCount == 2 && !checkpoint.isOpenCLIP)
}

@Test func openCLIPsAttentionIsCutInThree() throws {
  let rows = Tensor((0..<12).map { Float($0) }, shape: [6, 2])
  let file: [NamedWeight] = [
    ("cond_stage_model.model.transformer.resblocks.7.attn.in_proj_weight", rows),
    ("cond_stage_model.model.transformer.resblocks.7.mlp.c_fc.bias", Tensor(scalar: 1)),
    ("cond_stage_model.model.positional_embedding", Tensor(scalar: 2)),
  ]
  let text = try CompVisCheckpoint(file).text
  let found = Dictionary(uniqueKeysWithValues: text.map { ($0.name, $0.tensor) })
  #expect(found["encoder.layers.7.self_attn.q_proj.weight"] == Tensor([Float(0), 1, 2, 3], shape: [2, 2]))
  #expect(found["encoder.layers.7.self_attn.v_proj.weight"] == Tensor([Float(8), 9, 10, 11], shape: [2, 2]))
  #expect(found["encoder.layers.7.mlp.fc1.bias"] != nil)
  #expect(found["embeddings.position_embedding.weight"] != nil)
  // Files have what lies behind the hidden states too.
  for name in ["text_projection", "logit_scale", "attn_mask"] {
    let rest = try CompVisCheckpoint([("cond_stage_model.model.\(name)", Tensor(scalar: 1))]).text
    #expect(rest.map(\.name) == [name])
    #expect(TextTower(TextTowerConfiguration()).ignores(weight: name))
  }
  let wrong: [NamedWeight] = [
    ("cond_stage_model.model.transformer.resblocks.7.attn.in_proj_weight", Tensor(scalar: 1))
  ]
  #expect(throws: ModelError.self) { try CompVisCheckpoint(wrong) }
}

@Test(arguments: [DenoisingUNetConfiguration(), .stableDiffusion1])
func settingsFollowFromShapes(_ configuration: DenoisingUNetConfiguration) throws {
  // Shapes alone: no memory is touched.
  let storage = TensorStorage(byteCount: 64)
  let parameters = try DenoisingUNet(configuration).parameters()
  let small = parameters.filter { $0.shape.elementCount <= 16 }
  #expect(small.count == 1)
  let file: [NamedWeight] = parameters.map { parameter in
    (parameter.name, Tensor(TensorType(.uint8, parameter.shape), storage: pages(parameter.shape, storage)))
  }
  #expect(DenoisingUNetConfiguration(weights: file) == configuration)
  #expect(DenoisingUNetConfiguration(weights: Array(file.dropFirst(200))) == nil)
}

/// Memory of a shape's size that is never written.
private func pages(_ shape: Shape, _ small: TensorStorage) -> TensorStorage {
  shape.elementCount <= small.byteCount ? small : TensorStorage(byteCount: shape.elementCount)
}

@Test func missingChannelsAreZeros() throws {
  let weight = Tensor((0..<16).map { Float($0) }, shape: [2, 2, 2, 2])
  let file: [NamedWeight] = [("conv_in.weight", weight), ("conv_in.bias", weight)]
  let wide = DenoisingUNet.widened(file, to: 3)
  #expect(
    wide[0].tensor
      == Tensor(
        [Float(0), 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 8, 9, 10, 11, 12, 13, 14, 15, 0, 0, 0, 0],
        shape: [2, 3, 2, 2]))
  #expect(wide[1].tensor == weight)
}

/// W + strength · α / r · up · down under each of the spellings.
@Test(arguments: [
  ("unet.a.to_q.lora_A.weight", "unet.a.to_q.lora_B.weight", "unet.a.to_q.alpha"),
  ("unet.a.to_q.lora.down.weight", "unet.a.to_q.lora.up.weight", "unet.a.to_q.alpha"),
  ("unet.a.processor.to_q_lora.down.weight", "unet.a.processor.to_q_lora.up.weight", "unet.a.to_q.alpha"),
  ("lora_unet_a_to_q.lora_down.weight", "lora_unet_a_to_q.lora_up.weight", "lora_unet_a_to_q.alpha"),
])
func lowRankUpdatesAreAdded(_ down: String, _ up: String, _ alpha: String) throws {
  let file: [NamedWeight] = [
    (down, Tensor([Float(1), 2, 3, -1, 0, 1], shape: [2, 3])),
    (up, Tensor([Float(1), 10, 2, 20], shape: [2, 2])),
  ]
  for (rest, factor) in [([], 0.5), ([(name: alpha, tensor: Tensor(scalar: 1))], 0.25)] {
    var update = try LowRankUpdate(file + rest)
    var weights = [
      "a.to_q.weight": Tensor(TensorType(.float32, [2, 3]), repeating: 1), "b.weight": Tensor(scalar: 1),
    ]
    try update.merge(into: &weights, prefixes: ["unet", "lora_unet"], strength: 0.5)
    let product: [Double] = [-9, 2, 13, -18, 4, 26]
    #expect(weights["a.to_q.weight"]?.doubles == product.map { 1 + factor * $0 })
    #expect(weights["b.weight"] == Tensor(scalar: 1))
    #expect(update.unused == [] && update.mergedCount == 1)
  }
}

@Test func updatesThatDoNotFitAreRefused() throws {
  let down: NamedWeight = ("unet.a.lora_A.weight", Tensor([Float(1), 2], shape: [1, 2]))
  #expect(throws: ModelError.self) { try LowRankUpdate([down]) }
  #expect(throws: ModelError.self) { try LowRankUpdate([("unet.a.weight", Tensor(scalar: 1))]) }
  #expect(throws: ModelError.self) {
    try LowRankUpdate([down, ("unet.a.lora_B.weight", Tensor([Float(1), 2], shape: [1, 2]))])
  }
  var update = try LowRankUpdate([down, ("unet.a.lora_B.weight", Tensor([Float(1), 2], shape: [2, 1]))])
  var weights = ["a.weight": Tensor(zeros: TensorType(.float32, [2, 3]))]
  #expect(throws: ModelError.self) { try update.merge(into: &weights, prefixes: ["unet"], strength: 1) }
  weights = [:]
  try update.merge(into: &weights, prefixes: ["unet"], strength: 1)
  #expect(update.unused == ["unet.a"])
}

@Test func settingsOfDiffusionModelsAreChecked() throws {
  func message<C: NetworkConfiguration>(_: C.Type, _ json: String, _ make: (C) throws -> Void) -> String {
    do { try make(try JSONDecoder().decode(C.self, from: Data(json.utf8))) } catch { return "\(error)" }
    return ""
  }
  let unet = { (c: DenoisingUNetConfiguration) in _ = try DenoisingUNet(c).parameters() }
  for (json, word) in [
    (#"{"act_fn": "gelu"}"#, "act_fn is gelu, only silu"),
    (#"{"class_embed_type": "timestep"}"#, "is not a key"),
    (#"{"block_out_channels": [300]}"#, "down_block_types"),
    (#"{"norm_num_groups": 7}"#, "multiples of norm_num_groups 7"),
    (#"{"attention_head_dim": 7}"#, "attention_head_dim"), (#"{"attention_head_dim": [5]}"#, "has none"),
    (#"{"up_block_types": ["UpBlock2D"]}"#, "do not mirror"), (#"{"norm_eps": -1}"#, "norm_eps"),
  ] {
    let text = message(DenoisingUNetConfiguration.self, json, unet)
    #expect(text.contains(word), "\(json): \(text)")
  }
  #expect(message(DenoisingUNetConfiguration.self, #"{"class_embed_type": null, "_x": 1}"#) { _ in } == "")
  let vae = { (c: AutoencoderConfiguration) in _ = try AutoencoderDecoder(c).parameters() }
  #expect(message(AutoencoderConfiguration.self, #"{"scaling_factor": 0}"#, vae).contains("scaling_factor"))
  #expect(
    message(AutoencoderConfiguration.self, #"{"block_out_channels": [32]}"#, vae).contains("DownEncoder"))
  let text = { (c: TextTowerConfiguration) in _ = try TextTower(c).parameters() }
  #expect(message(TextTowerConfiguration.self, #"{"hidden_act": "relu"}"#, text).contains("hidden_act relu"))
  let tiny = { (c: TinyAutoencoderConfiguration) in _ = try TinyAutoencoderDecoder(c).parameters() }
  #expect(
    message(TinyAutoencoderConfiguration.self, #"{"num_decoder_blocks": [1]}"#, tiny).contains(
      "must be equal"))
  let musiq = { (c: MUSIQConfiguration) in _ = try MUSIQ(c).parameters() }
  #expect(message(MUSIQConfiguration.self, #"{"longer_side_lengths": [64]}"#, musiq).contains("num_scales 3"))
}
