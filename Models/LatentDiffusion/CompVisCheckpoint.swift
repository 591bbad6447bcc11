import IRTensor

/// A tensor under a name, as files hold them.
package typealias NamedWeight = (name: String, tensor: Tensor)

/// The parts of a Stable Diffusion model in one file of CompVis' or Stability AI's code, under diffusers'
/// names.
package struct CompVisCheckpoint: Sendable {
  package private(set) var unet: [NamedWeight] = []
  package private(set) var autoencoder: [NamedWeight] = []
  package private(set) var text: [NamedWeight] = []
  /// Whether the text tower is OpenCLIP's, as in Stable Diffusion 2.
  package private(set) var isOpenCLIP = false
  /// Tensors that belong to none of them: averages, and constants of the schedule.
  package private(set) var otherCount = 0

  private static let unetPrefix = "model.diffusion_model."
  private static let autoencoderPrefix = "first_stage_model."
  private static let clipPrefix = "cond_stage_model.transformer.text_model."
  private static let openCLIPPrefix = "cond_stage_model.model."

  /// Whether names of a file are those of one file for all parts.
  package static func isOne(_ names: some Sequence<String>) -> Bool {
    names.contains { stripped($0).hasPrefix(unetPrefix) }
  }

  /// Sorts and renames the tensors; tensors of OpenCLIP's attention are cut in three.
  /// - Throws: `ModelError.configuration` for a tensor of OpenCLIP that cannot be cut.
  package init(_ file: [NamedWeight]) throws(ModelError) {
    let names = file.map { Self.stripped($0.name) }
    let blocks = Self.blocksPerLevel(names)
    let levels = Self.levelCount(names)
    for (name, (_, tensor)) in zip(names, file) {
      if name.hasPrefix(Self.unetPrefix) {
        let own = name.dropFirst(Self.unetPrefix.count)
        unet.append((Self.unetName(own, blocksPerLevel: blocks), tensor))
      } else if name.hasPrefix(Self.autoencoderPrefix) {
        let own = Self.autoencoderName(name.dropFirst(Self.autoencoderPrefix.count), levelCount: levels)
        autoencoder.append((own, Self.linear(own, tensor)))
      } else if name.hasPrefix(Self.clipPrefix) {
        text.append((String(name.dropFirst(Self.clipPrefix.count)), tensor))
      } else if name.hasPrefix(Self.openCLIPPrefix) {
        isOpenCLIP = true
        text += try Self.openCLIP(name.dropFirst(Self.openCLIPPrefix.count), tensor)
      } else {
        otherCount += 1
      }
    }
  }

  /// Files of training hold all under one key.
  private static func stripped(_ name: String) -> String {
    name.hasPrefix("state_dict.") ? String(name.dropFirst("state_dict.".count)) : name
  }

  /// The residual blocks of a level, from where the first halving stands: `input_blocks.3.0.op` follows two.
  private static func blocksPerLevel(_ names: [String]) -> Int {
    let halvings = names.compactMap { name -> Int? in
      guard name.hasPrefix(unetPrefix + "input_blocks."), name.hasSuffix(".0.op.weight") else { return nil }
      return Int(name.dropFirst(unetPrefix.count).split(separator: ".")[1]).flatMap {
        (1..<1 << 16).contains($0) ? $0 : nil
      }
    }
    return max((halvings.min() ?? 3) - 1, 1)
  }

  /// The levels of the autoencoder.
  private static func levelCount(_ names: [String]) -> Int {
    let levels = names.compactMap { name -> Int? in
      let start = autoencoderPrefix + "decoder.up."
      return name.hasPrefix(start) ? Int(name.dropFirst(start.count).prefix { $0 != "." }) : nil
    }
    return min((levels.max() ?? 3), 15) + 1
  }

  /// Older files have linear maps as 1×1 convolutions.
  private static func linear(_ name: String, _ tensor: Tensor) -> Tensor {
    guard name.contains(".attentions."), tensor.shape.rank == 4, tensor.shape.suffix(2) == [1, 1] else {
      return tensor
    }
    return tensor.reshaped(to: Shape(Array(tensor.shape.prefix(2))))
  }
}

extension CompVisCheckpoint {
  private static let residualNames = [
    "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
  ]

  /// A name behind `model.diffusion_model.` as diffusers has it; names that are not known stay.
  static func unetName(_ name: Substring, blocksPerLevel: Int) -> String {
    let words = name.split(separator: ".").map(String.init)
    guard words.count >= 3 else { return String(name) }
    let ends = [
      "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
      "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
    ]
    for count in [3, 2] {
      if let own = ends[words.prefix(count).joined(separator: ".")] {
        return ([own] + words.dropFirst(count)).joined(separator: ".")
      }
    }
    guard let number = Int(words[1]), number >= 0, number < 1 << 16 else { return String(name) }
    if words[0] == "middle_block" {
      let block = number == 1 ? "mid_block.attentions.0" : "mid_block.resnets.\(number / 2)"
      return inner(block, isResidual: number != 1, words.dropFirst(2))
    }
    guard let part = Int(words[2]), words.count >= 4 else { return String(name) }
    let stride = blocksPerLevel + 1
    switch words[0] {
    case "input_blocks" where number > 0:
      let (level, index) = ((number - 1) / stride, (number - 1) % stride)
      if index == blocksPerLevel {
        return (["down_blocks.\(level).downsamplers.0.conv"] + words.dropFirst(4)).joined(separator: ".")
      }
      let block = "down_blocks.\(level).\(part == 0 ? "resnets" : "attentions").\(index)"
      return inner(block, isResidual: part == 0, words.dropFirst(3))
    case "output_blocks":
      let (level, index) = (number / stride, number % stride)
      if part > 0, words[3] == "conv" {
        return (["up_blocks.\(level).upsamplers.0.conv"] + words.dropFirst(4)).joined(separator: ".")
      }
      let block = "up_blocks.\(level).\(part == 0 ? "resnets" : "attentions").\(index)"
      return inner(block, isResidual: part == 0, words.dropFirst(3))
    default: return String(name)
    }
  }

  private static func inner(_ block: String, isResidual: Bool, _ words: ArraySlice<String>) -> String {
    guard isResidual else { return ([block] + words).joined(separator: ".") }
    for count in [2, 1] {
      if let own = residualNames[words.prefix(count).joined(separator: ".")] {
        return ([block, own] + words.dropFirst(count)).joined(separator: ".")
      }
    }
    return ([block] + words).joined(separator: ".")
  }

  private static let autoencoderWords = [
    "nin_shortcut": "conv_shortcut", "norm_out": "conv_norm_out", "block_1": "resnets.0",
    "block_2": "resnets.1", "attn_1": "attentions.0", "mid": "mid_block", "block": "resnets",
    "downsample": "downsamplers.0", "upsample": "upsamplers.0",
  ]
  private static let attentionWords = [
    "norm": "group_norm", "q": "to_q", "k": "to_k", "v": "to_v", "proj_out": "to_out.0",
    // As diffusers itself had them once.
    "query": "to_q", "key": "to_k", "value": "to_v", "proj_attn": "to_out.0",
  ]

  /// A name behind `first_stage_model.`, or an old one of diffusers, as diffusers has it.
  package static func autoencoderName(_ name: some StringProtocol, levelCount: Int) -> String {
    let words = String(name).split(separator: ".").map { String($0) }
    var result: [String] = []
    var position = 0
    while position < words.count {
      let word = words[position]
      if position == 1, word == "down" || word == "up", words.count > 2, let level = Int(words[2]),
        (0..<64).contains(level)
      {
        result.append(word == "down" ? "down_blocks.\(level)" : "up_blocks.\(levelCount - 1 - level)")
        position += 2
        continue
      }
      let isAttention = words.prefix(position).contains { ["attn_1", "attentions"].contains($0) }
      result.append((isAttention ? attentionWords[word] : nil) ?? autoencoderWords[word] ?? word)
      position += 1
    }
    return result.joined(separator: ".")
  }

  private static let openCLIPNames = [
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
    "ln_final.weight": "final_layer_norm.weight", "ln_final.bias": "final_layer_norm.bias",
  ]
  private static let openCLIPWords = [
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn": "self_attn", "c_fc": "fc1", "c_proj": "fc2",
  ]

  /// A tensor behind `cond_stage_model.model.` as transformers has it: one, or an attention's three.
  private static func openCLIP(_ name: Substring, _ tensor: Tensor) throws(ModelError) -> [NamedWeight] {
    if let own = openCLIPNames[String(name)] { return [(own, tensor)] }
    let start = "transformer.resblocks."
    guard name.hasPrefix(start) else { return [(String(name), tensor)] }
    let words = name.dropFirst(start.count).split(separator: ".").map {
      openCLIPWords[String($0)] ?? String($0)
    }
    let layer = "encoder.layers.\(words.joined(separator: "."))"
    guard let last = words.last, last == "in_proj_weight" || last == "in_proj_bias" else {
      return [(layer, tensor)]
    }
    guard tensor.shape.rank >= 1, tensor.shape[0] % 3 == 0 else {
      throw .configuration("\(name) is \(tensor.shape), must hold queries, keys and values one below another")
    }
    let block = layer.dropLast(last.count)
    let kind = last == "in_proj_weight" ? "weight" : "bias"
    return ["q_proj", "k_proj", "v_proj"].enumerated().map { index, part in
      ("\(block)\(part).\(kind)", tensor.rows(index * tensor.shape[0] / 3, count: tensor.shape[0] / 3))
    }
  }
}

extension Tensor {
  /// `count` rows of the first axis from `start` on.
  fileprivate func rows(_ start: Int, count: Int) -> Tensor {
    var part = shape
    part[0] = count
    let size = byteCount / max(shape[0], 1)
    return Tensor(type.with(shape: part)) { target in
      withUnsafeBytes { source in
        target.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: source[(start * size)..<((start + count) * size)]))
      }
    }
  }
}
