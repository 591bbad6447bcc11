import Foundation
import IRGraph
import IRModels
import IRONNX
import IRTensor
import IRTestSupport
import Testing

private let settings = #"{"width": 8, "enc_blk_nums": [1], "middle_blk_num": 0, "dec_blk_nums": [1]}"#

private func named(_ weights: [String: Tensor], _ prefix: String = "") -> [(name: String, tensor: Tensor)] {
  weights.map { (prefix + $0.key, $0.value) }
}

@Test(arguments: ["", "module.", "net.", "params.module.", "state_dict.model.", "params_ema."])
func prefixesAreLeftOut(_ prefix: String) throws {
  let network = try network("nafnet", json: settings)
  let weights = InitialWeights.check(try network.parameters())
  let extra = [(name: "optimizer.state.0.step", tensor: Tensor(scalar: 3))]
  let match = try network.match([named(weights, prefix) + (prefix.isEmpty ? [] : extra)])
  #expect(match.weights == weights)
  #expect(match.notes.isEmpty == prefix.isEmpty)
}

@Test func averagedWeightsComeFirst() throws {
  let network = try network("nafnet", json: settings)
  let (first, second) = (
    try InitialWeights.fresh(network.parameters(), seed: 1),
    try InitialWeights.fresh(network.parameters(), seed: 2)
  )
  #expect(first != second)
  #expect(try InitialWeights.fresh(network.parameters(), seed: 1) == first)
  #expect(try network.match([named(first, "params.") + named(second, "params_ema.")]).weights == second)
}

@Test func everyWeightThatDoesNotFitIsNamed() throws {
  let network = try network("nafnet", json: settings)
  var weights = InitialWeights.check(try network.parameters())
  weights["encoders.0.0.convl.weight"] = weights.removeValue(forKey: "encoders.0.0.conv1.weight")
  weights["ending.bias"] = Tensor([Float(1), 2], shape: [2])
  weights["intro.weight"] = nil
  let error = #expect(throws: ModelError.self) { try network.match([named(weights)]) }
  let text = "\(try #require(error))"
  #expect(text.contains("4 weights do not fit"))
  #expect(
    text.contains(
      "encoders.0.0.conv1.weight [16, 8, 1, 1] is missing; the file has encoders.0.0.convl.weight"))
  #expect(
    text.contains(
      "encoders.0.0.convl.weight [16, 8, 1, 1] is not of this network; the nearest is encoders.0.0.conv1.weight"
    ))
  #expect(text.contains("ending.bias is [2], the network takes [3]"))
  #expect(text.contains("intro.weight [8, 3, 3, 3] is missing"))
}

@Test func halvesAndScalarsFit() throws {
  let network = try network("se-symunet", json: smallNetworks.first { $0.name == "se-symunet" }?.json ?? "{}")
  var weights = InitialWeights.check(try network.parameters())
  let alpha = try #require(weights["middle_guide_attention.alpha"])
  weights["middle_guide_attention.alpha"] = alpha.reshaped(to: [1])
  weights["intro.weight"] = try #require(weights["intro.weight"]).converted(to: .float16)
  // The tower in a file of its own, without its prefix; what lies behind it and the text side are passed
  // over.
  let tower = weights.filter { $0.key.hasPrefix("clip_model.vision_model.") }
  let own = weights.filter { !$0.key.hasPrefix("clip_model.") }
  let file = tower.map { (name: String($0.key.dropFirst("clip_model.".count)), tensor: $0.value) }
  let further = ["text_model.encoder.x", "vision_model.post_layernorm.weight", "logit_scale"].map {
    (name: $0, tensor: Tensor(scalar: 1))
  }
  let match = try network.match([named(own), file + further])
  #expect(match.weights["middle_guide_attention.alpha"]?.shape == .scalar)
  #expect(match.weights["intro.weight"]?.elementType == .float32)
  #expect(match.weights.count == weights.count)
}

@Test func settingsAreChecked() throws {
  let wrong = [
    ("nafnet", #"{"widht": 8}"#, "did you mean width"), ("nafnet", #"{"width": 0}"#, "must be 1 to 1024"),
    ("nafnet", #"{"enc_blk_nums": [1, -1]}"#, "holds -1"),
    ("symunet", #"{"enc_blk_nums": [1, 1], "dec_blk_nums": [1]}"#, "are not of one depth"),
    ("symunet", #"{"ffn_expansion_factor": -1}"#, "ffn_expansion_factor"),
    ("restormer", #"{"heads": [5, 5, 5, 5]}"#, "48 channels in 5 heads"),
    ("swinir", #"{"upscale": 4}"#, "upscale 4 be 1"), ("daair", #"{"tasks": []}"#, "tasks 1 to 64"),
    ("moce-ir", #"{"dim": 12}"#, "multiple of 8"), ("promptir", #"{"decoder": false}"#, "decoder"),
    ("se-symunet", #"{"clip": {"patch_size": 13}}"#, "patch_size"),
    ("se-symunet", #"{"pos_embed_size": [33, 64]}"#, "multiples of 32"),
  ]
  for (name, json, detail) in wrong {
    let error = #expect(throws: ModelError.self, "\(name) \(json)") {
      try network(name, json: json).parameters()
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(detail), "\(text)")
  }
  let error = #expect(throws: ModelError.self) { try NetworkCatalogue.network("restromer") }
  #expect("\(try #require(error))".contains("did you mean restormer?"))
}

@Test(arguments: NetworkCatalogue.networks.indices)
func settingsSurviveTheirFile(_ index: Int) throws {
  func check<N: RestorationNetwork>(_: N.Type) throws {
    for preset in N.presets {
      let data = try JSONEncoder().encode(preset.configuration)
      #expect(try JSONDecoder().decode(N.Configuration.self, from: data) == preset.configuration)
    }
    #expect(!N.card.paper.isEmpty && !N.card.task.isEmpty && !N.card.licence.isEmpty)
  }
  try check(NetworkCatalogue.networks[index])
}

@Test func halfWeightsComputeNearlyTheSame() throws {
  let network = try network("symunet", json: smallNetworks[0].json)
  let weights = InitialWeights.check(try network.parameters())
  let graph = try network.graph(weights: weights, image: [1, 3, 24, 32])
  let (model, count) = try ONNXModel(graph, openSizes: openSides).storingHalfWeights()
  #expect(count > 20)
  let read = try imported(model, height: 24, width: 32)
  let inputs = numbers(for: graph)
  let (found, expected) = (try compiled(read, inputs), try compiled(graph, inputs))
  expectClose(found["restored"], try #require(expected["restored"]), .ofRange(1e-2))
  #expect(found != expected)
  // Weights become float32 before anything runs: no cast is left among the compiled steps.
  #expect(try model.serialized().count < 7 * ONNXModel(graph).serialized().count / 10)
}
