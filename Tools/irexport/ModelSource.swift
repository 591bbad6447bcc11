import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRestorers
import IRRuntime
import IRTensor

/// A model file to write anew.
struct ModelSource {
  let path: String
  let model: ONNXModel

  init(_ path: String) throws {
    self.path = path
    model = try ONNXModel(contentsOf: path)
  }

  /// The model's open sizes bound: batches 1, sides as given or some multiple of 64 that differs for each.
  func binding(_ dims: Dimensions, factor: Int = 1) -> ONNXBinding {
    var binding = ONNXBinding()
    for input in model.graphInputs {
      guard case .tensor(_, let shape?) = input.type else { continue }
      let axes = ImagePort(input)?.layout.sideAxes
      for axis in shape.indices {
        guard let name = input.openDimension(axis), binding.dimensions[name] == nil else { continue }
        if case .fixed(let sides) = dims, axis == axes?.height {
          binding.dimensions[name] = sides.height
        } else if case .fixed(let sides) = dims, axis == axes?.width {
          binding.dimensions[name] = sides.width
        } else if axis == 0, shape.count == 4 {
          binding.dimensions[name] = 1
        } else {
          binding.dimensions[name] = 64 * (1 + binding.dimensions.count) * factor
        }
      }
    }
    return binding
  }

  func graph(_ binding: ONNXBinding) throws -> Graph {
    try ONNXImporter(model, path: path).graph(binding: binding)
  }

  /// The model written anew: its graph, simplified, in an operator set. Where sizes stay open, the graph must
  /// be one that holds for all of them; a file that computes with its sizes is kept node for node.
  /// - Returns: the model, and remarks on what was done.
  func rewritten(_ dims: Dimensions, opset: Int64?) throws -> (ONNXModel, notes: [String]) {
    let isOpen = dims == .dynamic && !model.openDimensions.isEmpty
    let graph = try graph(binding(dims))
    if isOpen, !(try holdsForEverySize(graph)) {
      guard opset == nil || opset == model.opset else {
        throw ONNXError.notSerializable(
          reason: "the file computes with its open sizes, so its operator set stays \(model.opset): "
            + "fix them with --size HxW to write another")
      }
      return (model, ["the file computes with its open sizes: its nodes are kept as they are"])
    }
    let before = model.graph.nodes.count
    let simplified = try simplified(graph)
    let open = isOpen ? openSizes : [:]
    let target =
      opset ?? min(max(model.opset, ONNXModel.writableOpsets.lowerBound), ONNXModel.writableOpsets.upperBound)
    var result = try ONNXModel(simplified, opset: target, openSizes: open)
    (result.producerName, result.docString) = (
      model.producerName.isEmpty ? "irkit" : model.producerName, model.docString
    )
    return (result, ["\(before) nodes became \(result.graph.nodes.count)"])
  }

  private var openSizes: [String: [Int: String]] {
    var result: [String: [Int: String]] = [:]
    for input in model.graphInputs {
      guard case .tensor(_, let shape?) = input.type else { continue }
      for axis in shape.indices {
        if let name = input.openDimension(axis), axis > 0 || shape.count < 4 {
          result[input.name, default: [:]][axis] = name
        }
      }
    }
    return result
  }

  /// Whether the graph, typed for twice the sizes, is the one that the file gives there.
  private func holdsForEverySize(_ graph: Graph) throws -> Bool {
    let other = try self.graph(binding(.dynamic, factor: 2))
    let types = Dictionary(uniqueKeysWithValues: other.inputs.map { (other[$0].name, other[$0].type) })
    guard let rebound = try? graph.rebound(to: types) else { return false }
    return rebound.text(constantByteCountLimit: 4096) == other.text(constantByteCountLimit: 4096)
  }

  /// Constants computed, duplicates made one, nothing left that no output needs.
  private func simplified(_ graph: Graph) throws -> Graph {
    try Rewriter().reduced(graph)
  }
}
