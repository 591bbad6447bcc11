import Foundation
import IRGraph
import IRModels
import IRTensor
import IRTensorFiles
import IRTestSupport
import Testing

/// The authors' outputs for their networks with random weights, interpreted and compiled.
@Test(arguments: ["symunet", "symunet-s", "se-symunet", "restormer", "nafnet"])
func authorsOutputsAreReproduced(_ name: String) throws {
  guard let folder = oracle(name) else {
    print("no oracles beside the checkout: \(name) is not compared with its authors' output")
    return
  }
  let type = name == "symunet-s" ? "symunet" : name
  let plain = try network(type, json: String(contentsOfFile: "\(folder)/config.json", encoding: .utf8))
  let file = try TensorFile.read("\(folder)/weights.safetensors").map { (name: $0.name, tensor: $0.tensor) }
  let network = plain.adapted(to: [file])
  let match = try network.match([file])
  #expect(match.notes == [])
  let io = Dictionary(
    uniqueKeysWithValues: try TensorFile.read("\(folder)/io.safetensors").map { ($0.name, $0.tensor) })
  let image = try #require(io["input"])
  let graph = try network.graph(weights: match.weights, image: image.shape)
  let ways =
    [("compiled", try compiled(graph, ["image": image]))]
    + (name == "symunet-s" ? [] : [("interpreted", try GraphInterpreter(graph).run(["image": image]))])
  for (way, found) in ways {
    for (output, key) in [("restored", "output"), ("clip_features", "clip_features")] where io[key] != nil {
      expectClose(found[output], try #require(io[key]), .ofRange(1e-5), "\(name) \(output) \(way)")
    }
  }
}

/// The authors' code on a picture of odd sides, its weights in PyTorch's own file.
@Test func swinIRIsReproduced() throws {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/swinir").path
  let network = try network("swinir", json: String(contentsOfFile: "\(folder)/config.json", encoding: .utf8))
  let file = try TensorFile.readWeights("\(folder)/weights.pth").map { (name: $0.name, tensor: $0.tensor) }
  let match = try network.match([file])
  let io = Dictionary(
    uniqueKeysWithValues: try TensorFile.read("\(folder)/io.safetensors").map { ($0.name, $0.tensor) })
  let (image, expected) = (try #require(io["input"]), try #require(io["output"]))
  let graph = try network.graph(weights: match.weights, image: image.shape)
  expectClose(try compiled(graph, ["image": image])["restored"], expected, .ofRange(1e-5), "compiled")
  expectClose(
    try GraphInterpreter(graph).run(["image": image])["restored"], expected, .ofRange(1e-5), "interpreted")
}
