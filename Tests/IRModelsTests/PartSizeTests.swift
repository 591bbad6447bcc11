import Foundation
import IRGraph
import IRModels
import IRONNX
import IRTensor
import IRTestSupport
import Testing

private func settings<C: NetworkConfiguration>(_: C.Type, _ json: String) throws -> C {
  try JSONDecoder().decode(C.self, from: Data(json.utf8))
}

/// Small parts, each with two sizes of its first input beside the sample's.
private func smallParts() throws -> [(network: any PartNetwork, shapes: [Shape])] {
  let unet = try settings(
    DenoisingUNetConfiguration.self,
    #"{"block_out_channels": [8, 16], "layers_per_block": 1, "attention_head_dim": 2, "cross_attention_dim": 8, "#
      + #""norm_num_groups": 4, "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "#
      + #""up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]}"#)
  let vae = try settings(
    AutoencoderConfiguration.self,
    #"{"block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4, "down_block_types": "#
      + #"["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D"]}"#
  )
  let tiny = try settings(
    TinyAutoencoderConfiguration.self,
    #"{"encoder_block_out_channels": [8, 8], "decoder_block_out_channels": [8, 8], "num_encoder_blocks": [1, 1], "#
      + #""num_decoder_blocks": [1, 1]}"#)
  var generator = SeededGenerator(seed: 3)
  let prompts = generator.tensor([5, 7, 8], in: -1...1)
  let linear = LinearAutoencoderConfiguration()
  var tasks = unet
  (tasks.inputChannels, tasks.outputChannels) = (8, 4)
  return [
    (DenoisingUNet(unet), [[2, 8, 9, 14], [3, 8, 6, 11]]),
    (DenoisingUNet(unet, prompts: prompts), [[2, 8, 9, 14], [6, 8, 12, 4]]),
    (AutoencoderEncoder(vae), [[1, 3, 6, 10], [2, 3, 12, 4]]),
    (AutoencoderDecoder(vae), [[2, 4, 3, 5], [1, 4, 6, 2]]),
    (TinyAutoencoderEncoder(tiny), [[1, 3, 6, 10], [2, 3, 12, 4]]),
    (TinyAutoencoderDecoder(tiny), [[2, 4, 3, 5], [1, 4, 6, 2]]),
    (TaskUNet(tasks), [[2, 8, 9, 14], [3, 8, 6, 11]]),
    (TaskUNet(tasks, hasOwnWeights: true), [[1, 8, 9, 14], [1, 8, 6, 11]]),
    (LinearEncoder(linear), [[2, 3, 12, 20], [1, 3, 4, 8]]),
    (LinearDecoder(linear), [[2, 16, 3, 5], [1, 16, 1, 2]]),
  ]
}

/// A graph for one size, typed anew for another, is the graph built for that one; and so is the file with
/// open sizes.
@Test func partsHoldForEverySize() throws {
  for (network, shapes) in try smallParts() {
    let weights = InitialWeights.check(try network.parameters())
    let graph = try network.graph(weights: weights, shape: network.sampleShape)
    let models = try ([18, 21] as [Int64]).map { opset in
      let model = try ONNXModel(graph, opset: opset, openSizes: network.openSizes)
      return try model.serialized().withUnsafeBytes { try ONNXModel(bytes: $0) }
    }
    for shape in shapes {
      let built = try network.graph(weights: weights, shape: shape)
      let types = Dictionary(uniqueKeysWithValues: built.inputs.map { (built[$0].name, built[$0].type) })
      let rebound = try graph.rebound(to: types)
      #expect(rebound.text(constantByteCountLimit: 0) == built.text(constantByteCountLimit: 0))
      var sizes: [String: Int] = [:]
      for (name, axes) in network.openSizes {
        for (axis, symbol) in axes { sizes[symbol] = types[name]?.shape[axis] }
      }
      let inputs = numbers(for: built)
      let expected = try GraphInterpreter(built).run(inputs)
      for model in models {
        let graph = try ONNXImporter(model).graph(binding: ONNXBinding(dimensions: sizes))
        let found = try compiled(graph, inputs)
        for (name, tensor) in expected {
          expectClose(found[name], tensor, .ofRange(2e-5), "\(type(of: network)) \(name) at \(shape)")
        }
      }
    }
  }
}

/// Blocks of pixels through the matrix, and back through the other.
@Test func linearAutoencodersAreMatrices() throws {
  let configuration = LinearAutoencoderConfiguration()
  let (encoder, decoder) = (LinearEncoder(configuration), LinearDecoder(configuration))
  var generator = SeededGenerator(seed: 5)
  let image = generator.tensor([1, 3, 8, 12], in: -1...1)
  let weights = InitialWeights.fresh(
    try encoder.parameters() + decoder.parameters(), seed: 4
  ).sorted { $0.key < $1.key }.map { (name: $0.key, tensor: $0.value) }
  let values = Dictionary(uniqueKeysWithValues: weights.map { ($0.name, $0.tensor.doubles) })
  let (x, matrix, bias) = (
    image.doubles, try #require(values["encoder.weight"]), try #require(values["encoder.bias"])
  )
  var latents = [Double](repeating: 0, count: 16 * 2 * 3)
  for k in 0..<16 {
    for row in 0..<2 {
      for column in 0..<3 {
        var sum = bias[k]
        for c in 0..<3 {
          for dy in 0..<4 {
            for dx in 0..<4 {
              sum +=
                matrix[((k * 3 + c) * 4 + dy) * 4 + dx] * x[(c * 8 + row * 4 + dy) * 12 + column * 4 + dx]
            }
          }
        }
        latents[(k * 2 + row) * 3 + column] = sum
      }
    }
  }
  let expected = Tensor(TensorType(.float32, [1, 16, 2, 3]), doubles: latents)
  for (way, found) in try encoder.outputs(["sample": image], weights: weights, shape: image.shape) {
    expectClose(found["latent_sample"], expected, .ofRange(1e-6), way)
  }
  let (back, offset) = (try #require(values["decoder.weight"]), try #require(values["decoder.bias"]))
  var picture = [Double](repeating: 0, count: 3 * 8 * 12)
  for c in 0..<3 {
    for y in 0..<8 {
      for column in 0..<12 {
        picture[(c * 8 + y) * 12 + column] = (0..<16).reduce(offset[c]) { sum, k in
          let weight = back[((k * 3 + c) * 4 + y % 4) * 4 + column % 4]
          return sum + weight * latents[(k * 2 + y / 4) * 3 + column / 4]
        }
      }
    }
  }
  let restored = Tensor(TensorType(.float32, [1, 3, 8, 12]), doubles: picture)
  for (way, found) in try decoder.outputs(
    ["latent_sample": expected], weights: weights, shape: expected.shape)
  {
    expectClose(found["sample"], restored, .ofRange(1e-6), way)
  }
}

/// A network whose prompts have weights of their own is for each prompt the one with that row of them.
@Test func promptsHaveWeightsOfTheirOwn() throws {
  let configuration = try settings(
    DenoisingUNetConfiguration.self,
    #"{"in_channels": 8, "out_channels": 4, "block_out_channels": [8, 8], "layers_per_block": 1, "#
      + #""attention_head_dim": 2, "cross_attention_dim": 4, "norm_num_groups": 4, "#
      + #""down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "#
      + #""up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}"#)
  let (rows, one) = (TaskUNet(configuration, hasOwnWeights: true), TaskUNet(configuration))
  let weights = InitialWeights.check(try rows.parameters())
  let graph = try rows.graph(weights: weights, shape: [1, 8, 6, 8])
  var generator = SeededGenerator(seed: 8)
  var inputs = [
    "sample": generator.tensor([1, 8, 6, 8], in: -1...1), "timestep": Tensor([700] as [Float], shape: [1]),
  ]
  var earlier: [Tensor] = []
  for prompt in 0..<5 {
    inputs["prompt"] = Tensor([Int64(prompt)], shape: [1])
    let own = weights.mapValues { tensor in
      let size = tensor.elementCount / 5
      return Tensor(
        Array(tensor.floats[(prompt * size)..<((prompt + 1) * size)]),
        shape: Shape(Array(tensor.shape.extents.dropFirst())))
    }
    let expected = try GraphInterpreter(one.graph(weights: own, shape: [1, 8, 6, 8])).run(inputs)
    let found = try compiled(graph, inputs)
    let prediction = try #require(expected["out_sample"])
    expectClose(found["out_sample"], prediction, .ofRange(2e-5), "prompt \(prompt)")
    #expect(!earlier.contains(prediction))
    earlier.append(prediction)
  }
  #expect(throws: ModelError.self) { try rows.graph(weights: weights, shape: [2, 8, 6, 8]) }
}
