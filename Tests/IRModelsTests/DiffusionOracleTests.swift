import Foundation
import IRGraph
import IRModels
import IRTensor
import IRTestSupport
import Testing

@Test(arguments: ["unet-sd1", "unet-sd2"], ["a", "b", "odd"])
func denoisersAreDiffusers(_ name: String, _ sample: String) throws {
  guard let oracle = try DiffusionOracle(name) else { return }
  let network = DenoisingUNet(try oracle.configuration(DenoisingUNetConfiguration.self))
  let latents = try oracle.tensor("\(sample).sample")
  let inputs = [
    "sample": latents, "timestep": try oracle.tensor("\(sample).timestep").converted(to: .float32),
    "encoder_hidden_states": try oracle.tensor("\(sample).context"),
  ]
  for (way, found) in try network.outputs(inputs, weights: oracle.weights, shape: latents.shape) {
    expectClose(
      found["out_sample"], try oracle.tensor("\(sample).output"), .ofRange(1e-5), "\(name) \(sample) \(way)")
  }
}

/// Keys and values of known prompts are constants, chosen by number: the same output.
@Test(arguments: ["unet-sd1", "unet-sd2"])
func promptsAreConstants(_ name: String) throws {
  guard let oracle = try DiffusionOracle(name) else { return }
  var network = DenoisingUNet(try oracle.configuration(DenoisingUNetConfiguration.self))
  network.prompts = try oracle.tensor("context")
  let latents = try oracle.tensor("a.sample")
  let inputs = [
    "sample": latents, "timestep": try oracle.tensor("a.timestep").converted(to: .float32),
    "prompt": Tensor([Int64(0), 3], shape: [2]),
  ]
  for (way, found) in try network.outputs(inputs, weights: oracle.weights, shape: latents.shape) {
    expectClose(found["out_sample"], try oracle.tensor("a.output"), .ofRange(1e-5), "\(name) \(way)")
  }
}

@Test(arguments: ["a", "b"])
func autoencodersAreDiffusers(_ sample: String) throws {
  guard let oracle = try DiffusionOracle("vae") else { return }
  let configuration = try oracle.configuration(AutoencoderConfiguration.self)
  let image = try oracle.tensor("\(sample).image")
  let centred = Tensor(image.type, doubles: image.doubles.map { 2 * $0 - 1 })
  let encoder = AutoencoderEncoder(configuration)
  for (way, found) in try encoder.outputs(
    ["sample": centred], weights: oracle.weights, shape: centred.shape)
  {
    for (output, key) in [("latent_sample", "mean"), ("latent_logvar", "logvar")] {
      expectClose(found[output], try oracle.tensor("\(sample).\(key)"), .ofRange(1e-5), "\(output) \(way)")
    }
  }
  let decoder = AutoencoderDecoder(configuration)
  for (from, to) in [("latent", "decoded"), ("mean", "decoded_mean")] {
    let latents = try oracle.tensor("\(sample).\(from)")
    for (way, found) in try decoder.outputs(
      ["latent_sample": latents], weights: oracle.weights, shape: latents.shape)
    {
      expectClose(found["sample"], try oracle.tensor("\(sample).\(to)"), .ofRange(1e-5), "\(to) \(way)")
    }
  }
}

@Test(arguments: ["quick_gelu", "gelu"], ["", "_zero_padded"])
func textTowersAreTransformers(_ activation: String, _ padding: String) throws {
  guard let oracle = try DiffusionOracle("clip-text") else { return }
  var configuration = TextTowerConfiguration()
  (configuration.vocabularySize, configuration.width, configuration.hidden) = (13, 48, 96)
  (configuration.layers, configuration.heads, configuration.activation) = (3, 4, activation)
  let rows = try oracle.tensor("rows\(padding)")
  let ids = Tensor(rows.integers, shape: rows.shape)
  for (way, found) in try TextTower(configuration).outputs(
    ["input_ids": ids], weights: oracle.weights, shape: ids.shape)
  {
    expectClose(
      found["last_hidden_state"], try oracle.tensor("\(activation)\(padding)"), .ofRange(1e-5), way)
  }
}

@Test func promptsAreCLIPsTokens() throws {
  guard let oracle = try DiffusionOracle("clip-text") else { return }
  #expect(
    TaskPrompts.tokens(padding: .end).flatMap { $0 } == (try oracle.tensor("token_ids")).integers)
  #expect(
    TaskPrompts.tokens(padding: .zero).flatMap { $0 }
      == (try oracle.tensor("token_ids_zero_padded")).integers)
}

@Test(arguments: ["landscape", "portrait", "panorama"])
func musiqIsPyiqas(_ name: String) throws {
  guard let oracle = try DiffusionOracle("musiq") else { return }
  var configuration = try oracle.configuration(MUSIQConfiguration.self)
  let image = try oracle.tensor("\(name).image")
  let one = oracle.weights.filter { !$0.name.hasPrefix("head10") }
  for (way, found) in try MUSIQ(configuration).outputs(["image": image], weights: one, shape: image.shape) {
    let expected = try oracle.tensor("\(name).score")
    #expect(
      (found["score"]!.doubles[0] - expected.doubles[0]).magnitude < 1e-4
        * max(expected.doubles[0].magnitude, 1),
      "\(way): \(found), \(expected)")
  }
  configuration.classes = 10
  let ten = oracle.weights.filter { !$0.name.hasPrefix("head.") }.map {
    (name: $0.name.replacingOccurrences(of: "head10", with: "head.0"), tensor: $0.tensor)
  }
  for (way, found) in try MUSIQ(configuration).outputs(["image": image], weights: ten, shape: image.shape) {
    expectClose(
      found["distribution"], try oracle.tensor("\(name).distribution10").reshaped(to: [1, 10]),
      .ofRange(1e-4), way)
    let expected = try oracle.tensor("\(name).score10").doubles[0]
    #expect((found["score"]!.doubles[0] - expected).magnitude < 1e-4 * expected, "\(way)")
  }
}

/// diffusers' `AutoencoderTiny` with random weights.
@Test func tinyAutoencodersAreDiffusers() throws {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/diffusion").path
  let io = try tensors("\(folder)/taesd-io.safetensors")
  let weights = try tensors("\(folder)/taesd.safetensors").map { (name: $0.key, tensor: $0.value) }
  var configuration = TinyAutoencoderConfiguration()
  (configuration.encoderWidths, configuration.decoderWidths) = ([8, 8, 8, 8], [8, 8, 8, 8])
  (configuration.encoderBlocks, configuration.decoderBlocks) = ([1, 2, 1, 1], [1, 1, 2, 1])
  let (image, latents) = (try #require(io["image"]), try #require(io["latents"]))
  for (way, found) in try TinyAutoencoderEncoder(configuration).outputs(
    ["sample": image], weights: weights, shape: image.shape)
  {
    expectClose(found["latent_sample"], try #require(io["encoded"]), .ofRange(1e-5), way)
  }
  for (way, found) in try TinyAutoencoderDecoder(configuration).outputs(
    ["latent_sample": latents], weights: weights, shape: latents.shape)
  {
    expectClose(found["sample"], try #require(io["decoded"]), .ofRange(1e-5), way)
  }
}
