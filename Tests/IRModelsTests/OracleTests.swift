import Foundation
import IRGraph
import IRModels
import IRTensor
import IRTensorFiles
import IRTestSupport
import Testing

/// The authors' outputs for their networks with random weights, interpreted and compiled.
@Test(arguments: ["symunet", "symunet-s", "restormer", "nafnet"])
func authorsOutputsAreReproduced(_ name: String) throws {
  guard let folder = oracle(name) else {
    print("no oracles beside the checkout: \(name) is not compared with its authors' output")
    return
  }
  let type = name == "symunet-s" ? "symunet" : name
  let network = try network(type, json: String(contentsOfFile: "\(folder)/config.json", encoding: .utf8))
  let file = try TensorFile.read("\(folder)/weights.safetensors").map { (name: $0.name, tensor: $0.tensor) }
  let match = try network.match([file])
  #expect(match.notes == [])
  let io = Dictionary(
    uniqueKeysWithValues: try TensorFile.read("\(folder)/io.safetensors").map { ($0.name, $0.tensor) })
  let image = try #require(io["input"])
  let graph = try network.graph(weights: match.weights, image: image.shape)
  let expected = try #require(io["output"])
  expectClose(try compiled(graph, ["image": image])["restored"], expected, .ofRange(1e-5), "\(name) compiled")
  guard name != "symunet-s" else { return }
  expectClose(
    try GraphInterpreter(graph).run(["image": image])["restored"], expected, .ofRange(1e-5),
    "\(name) interpreted")
}
