import IRGraph
import IRModels
import IROperators
import IRTensor
import Testing

/// A network at its paper's size, and what the specification says of it.
struct FullSize: Sendable, CustomStringConvertible {
  var network: String
  var preset: String?
  var parameters: Int
  var tensors: Int
  /// Billions of multiply-adds for 256×256.
  var multiplyAdds: Double?
  /// With check weights: mean, population deviation, and elements [0, 0, 0, 0], [0, 1, 17, 33], the last.
  var height = 64
  var width = 64
  var statistics: [Double]?
  var description: String { "\(network) \(preset ?? "") \(height)×\(width)" }

  static let all = [
    FullSize(
      network: "symunet", parameters: 22_288_827, tensors: 453, multiplyAdds: 83.91,
      statistics: [1.309640, 5.262335, 2.860043, 0.569376, -5.617263]),
    FullSize(
      network: "symunet", parameters: 22_288_827, tensors: 453, height: 50, width: 70,
      statistics: [1.329247, 5.310753, 1.254894, -6.198947, -6.570853]),
    FullSize(
      network: "restormer", parameters: 26_126_644, tensors: 494, multiplyAdds: 154.88,
      statistics: [0.710538, 2.925646, -0.108960, -2.109958, 0.532195]),
    FullSize(
      network: "restormer", preset: "denoising", parameters: 26_111_668, tensors: 406, multiplyAdds: 154.88),
    FullSize(
      network: "nafnet", parameters: 17_111_907, tensors: 664, multiplyAdds: 15.96,
      statistics: [0.096027, 2.729927, 0.392591, 0.869965, 1.469388]),
    FullSize(
      network: "nafnet", preset: "gopro-64", parameters: 67_888_835, tensors: 664, multiplyAdds: 63.05),
    // The official network computes the last refinement, 9.14 billion, and drops it: ours does not.
    FullSize(
      network: "se-symunet", preset: "features", parameters: 67_432_643, tensors: 533,
      multiplyAdds: 118.31 - 9.14,
      statistics: [-0.271414, 5.480661, -0.860789, -1.285163, -0.511205]),
    FullSize(
      network: "se-symunet", parameters: 67_432_643 + 303_179_776 - 2048, tensors: 533 + 389,
      multiplyAdds: 118.31 - 9.14 + 81.01),
    FullSize(
      network: "daair", parameters: 5_838_238, tensors: 1793, multiplyAdds: 20.86,
      statistics: [0.788048, 2.572404, 0.821964, 3.828254, 0.002214]),
    FullSize(network: "daair", preset: "5-task", parameters: 6_251_302, tensors: 2387, multiplyAdds: 20.86),
    FullSize(
      network: "promptir", parameters: 35_592_263, tensors: 548, multiplyAdds: 172.71,
      statistics: [-0.090176, 2.580891, -1.414468, -2.600952, 0.493014]),
    FullSize(
      network: "moce-ir", parameters: 11_477_752, tensors: 1262,
      statistics: [0.211641, 2.804127, 1.741424, -3.943058, 0.225180]),
    FullSize(network: "moce-ir", preset: "full", parameters: 25_353_796, tensors: 1262),
    FullSize(network: "nafnet", preset: "sidd-32", parameters: 29_159_715, tensors: 664, multiplyAdds: 16.05),
  ]
}

private func network(_ full: FullSize) throws -> any RestorationNetwork {
  func preset<N: RestorationNetwork>(_: N.Type) throws -> any RestorationNetwork { try N.preset(full.preset) }
  return try preset(try NetworkCatalogue.network(full.network))
}

@Test(arguments: FullSize.all)
func sizesAreThePapers(_ full: FullSize) throws {
  let network = try network(full)
  let parameters = try network.parameters()
  #expect(parameters.elementCount == full.parameters)
  #expect(parameters.count == full.tensors)
  guard let billions = full.multiplyAdds else { return }
  let graph = try network.graph(image: [1, network.channelCount, 256, 256])
  let found = Double(graph.multiplyAddCount) / 1e9
  #expect((found - billions).magnitude < 0.01 * billions, "\(found) billion multiply-adds")
}

/// Numbers that the official networks gave for weights which anyone can compute.
@Test(arguments: FullSize.all.filter { $0.statistics != nil })
func checkWeightsGiveTheOfficialNumbers(_ full: FullSize) throws {
  let network = try network(full)
  let weights = InitialWeights.check(try network.parameters())
  let (height, width) = (full.height, full.width)
  let image = Tensor(
    (0..<(3 * height * width)).map { Float(InitialWeights.unit(0xFFFFF, $0)) }, shape: [1, 3, height, width])
  let graph = try network.graph(weights: weights, image: image.shape)
  var inputs = ["image": image]
  if full.preset == "features" {
    let tokens = (0..<(257 * 1024)).map { Float(2 * InitialWeights.unit(0xFFFFE, $0) - 1) }
    inputs["clip_features"] = Tensor(tokens, shape: [1, 257, 1024])
  }
  let outputs = try compiled(graph, inputs)
  let values = try #require(outputs["restored"]).doubles
  let mean = values.reduce(0, +) / Double(values.count)
  let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
  let found = [
    mean, variance.squareRoot(), values[0], values[height * width + 17 * width + 33],
    values[values.count - 1],
  ]
  for (a, b) in zip(found, full.statistics ?? []) {
    #expect((a - b).magnitude < 2e-4, "\(full): \(found)")
  }
  let routes: [String: [Int64]] = [
    "moce-ir": [2, 1, 0, 0, 3, 3, 3, 3, 3, 2],
    "daair": [
      1, 2, 0, 1, 1, 1, 0, 0, 1, 1, 2, 1, 0, 0, 2, 2, 0, 1, 2, 1, 0, 0, 0, 2, 2, 1, 2, 1, 2, 2, 1, 0, 0,
    ],
  ]
  if let expected = routes[full.network] {
    let routing = try #require(outputs["routing"])
    #expect(ArgExtreme(findsMaximum: true, axis: 2).evaluate([routing])[0].integers == expected)
  }
}

/// The numbers of the reconstruction with every router overruled, through a graph of batch 1.
@Test func aTaskOverrulesTheRouters() throws {
  var configuration = DaAIRConfiguration()
  configuration.takesTask = true
  let network = DaAIR(configuration)
  let weights = InitialWeights.check(try network.parameters())
  let image = Tensor(
    (0..<(3 * 64 * 64)).map { Float(InitialWeights.unit(0xFFFFF, $0)) }, shape: [1, 3, 64, 64])
  let graph = try network.graph(weights: weights, image: image.shape)
  for (task, expected) in [(1, [-1.332042, 3.164677, 1.152464]), (-1, [0.821964, 3.828254, 0.002214])] {
    let inputs = ["image": image, "task": Tensor([Int64(task)], shape: [1])]
    let values = try #require(try compiled(graph, inputs)["restored"]).doubles
    let found = [values[0], values[64 * 64 + 17 * 64 + 33], values[values.count - 1]]
    for (a, b) in zip(found, expected) { #expect((a - b).magnitude < 2e-4, "\(found)") }
  }
}

@Test func checkNumbersAreThoseStated() {
  let expected = [0.88331079, 0.56656152, 0.59118968, 0.11345029]
  for (index, value) in expected.enumerated() {
    #expect((InitialWeights.unit(0, index) - value).magnitude < 1e-8)
  }
  #expect((InitialWeights.unit(0xFFFFF, 0) - 0.08740598).magnitude < 1e-8)
}
