import IRGraph
import IRModels
import IRTensor
import IRTestSupport
import Testing

/// Pictures that the routers send to different experts give the same in one batch as alone.
@Test(arguments: [
  (
    "daair",
    #"{"dim": 8, "num_blocks": [2, 1, 1, 1], "num_dec_blocks": [1, 1, 1], "num_refinement_blocks": 0}"#
  ),
  ("moce-ir", #"{"dim": 16, "num_blocks": [1, 1, 1, 1], "num_dec_blocks": [2, 2, 2]}"#),
  ("se-symunet", smallNetworks.first { $0.name == "se-symunet" }?.json ?? ""),
  ("swinir", smallNetworks.first { $0.name == "swinir" }?.json ?? ""),
  ("promptir", smallNetworks.first { $0.name == "promptir" }?.json ?? ""),
])
func aBatchGivesWhatEachPictureGives(_ name: String, _ json: String) throws {
  let network = try network(name, json: json)
  let weights = InitialWeights.check(try network.parameters())
  let single: Shape = [1, 3, 24, 40]
  var generator = SeededGenerator(seed: 5)
  // Dark, bright, and noisy pictures.
  let pictures = [
    generator.tensor(single, in: 0...0.1), generator.tensor(single, in: 0.8...1), generator.tensor(single),
  ]
  let batch = Tensor(pictures.flatMap(\.floats), shape: [3, 3, 24, 40])
  let graph = try network.graph(weights: weights, image: batch.shape)
  let together = try compiled(graph, ["image": batch])
  var routes: Set<[Int]> = []
  for (index, picture) in pictures.enumerated() {
    let graph = try network.graph(weights: weights, image: single)
    for (output, alone) in try compiled(graph, ["image": picture]) {
      let count = alone.elementCount
      let part = try #require(together[output]).floats[(index * count)..<((index + 1) * count)]
      expectClose(
        Tensor(Array(part), shape: alone.shape), alone, .ofRange(1e-5), "\(name) \(output) \(index)")
      if output == "routing" {
        let width = alone.shape[2]
        routes.insert(
          (0..<alone.shape[1]).map { row in
            (0..<width).max { alone.floats[row * width + $0] < alone.floats[row * width + $1] } ?? 0
          })
      }
    }
  }
  if together["routing"] != nil { #expect(routes.count > 1, "every picture went the same way") }
}
