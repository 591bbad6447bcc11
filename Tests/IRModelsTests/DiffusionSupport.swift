import Foundation
import IRGraph
import IRModels
import IRTensor
import IRTensorFiles
import IRTestSupport
import Testing

/// A folder of `shared/oracles/unires`: what diffusers, transformers and pyiqa compute.
struct DiffusionOracle {
  let config: String
  let io: [String: Tensor]
  let weights: [(name: String, tensor: Tensor)]

  /// Nil, with a remark, where the oracles are not beside the checkout.
  init?(_ name: String) throws {
    guard let folder = oracle("unires/\(name)") else {
      print("no oracles beside the checkout: \(name) is not compared")
      return nil
    }
    config = try String(contentsOfFile: "\(folder)/config.json", encoding: .utf8)
    io = try tensors("\(folder)/io.safetensors")
    let path = "\(folder)/weights.safetensors"
    weights =
      FileManager.default.fileExists(atPath: path)
      ? try TensorFile.read(path).map { ($0.name, $0.tensor) } : []
  }

  func tensor(_ name: String) throws -> Tensor { try #require(io[name], "\(name) is missing") }

  func configuration<C: NetworkConfiguration>(_: C.Type) throws -> C {
    try JSONDecoder().decode(C.self, from: Data(config.utf8))
  }
}

func tensors(_ path: String) throws -> [String: Tensor] {
  Dictionary(uniqueKeysWithValues: try TensorFile.read(path).map { ($0.name, $0.tensor) })
}

extension PartNetwork {
  /// The outputs for these inputs, compiled and interpreted; weights are matched by their names.
  func outputs(
    _ inputs: [String: Tensor], weights: [(name: String, tensor: Tensor)], shape: Shape,
    interpreted: Bool = true
  ) throws -> [(way: String, outputs: [String: Tensor])] {
    let match = try match([weights])
    let graph = try graph(weights: match.weights, shape: shape)
    let fast = ("compiled", try compiled(graph, inputs))
    return interpreted ? [fast, ("interpreted", try GraphInterpreter(graph).run(inputs))] : [fast]
  }
}
