import Foundation
import IRGraph
import IROperators
import IRTensor
import Testing

@testable import IRONNX

private let corpus: [String] = {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Tools/fuzzing/corpus/model").standardized
  let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
  return names.filter { $0.hasSuffix(".onnx") }.sorted().map { folder.appendingPathComponent($0).path }
}()

private let integers: [Int64] = [
  -1, 0, 1, 2, 3, 5, 7, 64, 4096, 1 << 20, 1 << 31, 1 << 40, 1 << 62, .max, .min, .min + 1, -2, -3,
]
private let numbers: [Float] = [0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e-30, 1e30, 3.5]

/// Changes of what a model states, not of its bytes: deeper than damaged files reach.
private struct Mutation {
  var generator: SplitMix64

  mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &generator) == 0 }
  mutating func pick<T>(_ values: [T]) -> T { values[Int.random(in: values.indices, using: &generator)] }

  mutating func change(_ graph: inout ONNXGraph) {
    let names =
      graph.inputs.map(\.name) + graph.initializers.map(\.name) + graph.nodes.flatMap(\.outputs) + [""]
    switch Int.random(in: 0..<8, using: &generator) {
    case 0 where !graph.inputs.isEmpty: change(&graph.inputs[pick(Array(graph.inputs.indices))])
    case 1 where !graph.initializers.isEmpty:
      change(&graph.initializers[pick(Array(graph.initializers.indices))])
    case 2 where !graph.outputs.isEmpty: graph.outputs[0].name = pick(names)
    case 3 where graph.nodes.count > 1: graph.nodes.shuffle(using: &generator)
    default:
      guard !graph.nodes.isEmpty else { return }
      let position = pick(Array(graph.nodes.indices))
      var node = graph.nodes[position]
      change(&node, names)
      graph.nodes[position] = node
    }
  }

  private mutating func change(_ node: inout ONNXNode, _ names: [String]) {
    if !node.attributes.isEmpty, !chance(3) {
      let index = pick(Array(node.attributes.indices))
      change(&node.attributes[index].value)
      return
    }
    switch Int.random(in: 0..<4, using: &generator) {
    case 0 where !node.inputs.isEmpty: node.inputs[pick(Array(node.inputs.indices))] = pick(names)
    case 1 where !node.inputs.isEmpty: node.inputs.remove(at: pick(Array(node.inputs.indices)))
    case 2: node.inputs.append(pick(names))
    default: node.attributes.append(ONNXNamedAttribute("axis", .int(pick(integers))))
    }
  }

  private mutating func change(_ attribute: inout ONNXAttribute) {
    switch attribute {
    case .int: attribute = .int(pick(integers))
    case .float: attribute = .float(pick(numbers))
    case .ints(var values):
      if values.isEmpty || chance(4) {
        values.append(pick(integers))
      } else {
        values[pick(Array(values.indices))] = pick(integers)
      }
      attribute = .ints(values)
    case .floats(var values):
      values.append(pick(numbers))
      attribute = .floats(values)
    case .string:
      attribute = .string(pick(["", "SAME_UPPER", "VALID", "LEFT", "reverse", "none", "sum", "é"]))
    case .strings(var values):
      values.append(Array("Relu".utf8))
      attribute = .strings(values)
    case .graph(var graph):
      change(&graph)
      attribute = .graph(graph)
    default: attribute = .int(pick(integers))
    }
  }

  private mutating func change(_ port: inout ONNXValueInfo) {
    guard case .tensor(var type, var shape?) = port.type else { return }
    if chance(4) { type = pick([1, 6, 7, 9, 10, 11, 16]) }
    let extent = ONNXDimension.fixed(pick(integers))
    if shape.isEmpty || chance(4) {
      shape.append(extent)
    } else {
      shape[pick(Array(shape.indices))] = extent
    }
    port.type = .tensor(elementType: type, shape: shape)
  }

  private mutating func change(_ tensor: inout ONNXTensor) {
    guard let own = try? tensor.tensor(), own.elementCount > 0 else { return }
    var values = own.doubles.map { Int64(exactly: $0.rounded()) ?? 0 }
    values[pick(Array(values.indices))] = pick(integers)
    if own.elementType.isInteger {
      tensor = ONNXTensor(Tensor(own.type, integers: values), name: tensor.name)
    } else {
      var floats = own.doubles
      floats[pick(Array(floats.indices))] = Double(pick(numbers))
      tensor = ONNXTensor(Tensor(own.type, doubles: floats), name: tensor.name)
    }
  }

  /// Small numbers, as shapes, axes and scales are.
  mutating func sizes(_ type: TensorType) -> Tensor {
    let values = (0..<type.shape.elementCount).map { _ in
      chance(40) ? Double(pick(numbers)) : pick(type.elementType.isFloatingPoint ? [0.5, 1, 2] : [1, 2, 3])
    }
    return Tensor(type, doubles: values)
  }

  mutating func tensor(_ type: TensorType) -> Tensor {
    let values = (0..<type.shape.elementCount).map { _ in
      chance(4) ? Double(pick(numbers)) : Double(Int.random(in: -3...9, using: &generator)) / 2
    }
    return Tensor(type, doubles: values)
  }
}

/// The graph for small sizes, inputs whose values decide shapes bound to small numbers.
private func imported(_ model: ONNXModel, _ mutation: inout Mutation) -> Graph? {
  var binding = ONNXBinding()
  for name in model.openDimensions { binding.dimensions[name] = 4 }
  for _ in 0..<4 {
    do throws(ONNXError) { return try ONNXImporter(model).graph(binding: binding) } catch {
      #expect(!"\(error)".isEmpty)
      guard case .unboundValues(let names) = error else { return nil }
      for input in model.graphInputs where names.contains(input.name) {
        guard case .tensor(let type, let shape?) = input.type, let elementType = ElementType(rawValue: type)
        else { return nil }
        let extents = shape.map { if case .fixed(let extent) = $0 { Int(clamping: extent) } else { 4 } }
        let own = TensorType(elementType, Shape(extents))
        guard Graph.holds(own), own.shape.elementCount <= 1 << 10 else { return nil }
        binding.values[input.name] = mutation.sizes(own)
      }
    }
  }
  return nil
}

/// A model of the corpus that states other things is refused, or runs by the definitions.
@Test(arguments: corpus.indices) func changedModelsAreRefusedOrRun(_ index: Int) throws {
  let original = try ONNXModel(contentsOf: corpus[index])
  var mutation = Mutation(generator: SplitMix64(seed: UInt64(index) + 1))
  var ran = 0
  for _ in 0..<400 {
    var model = original
    for _ in 0...mutation.pick([0, 0, 1, 2]) { mutation.change(&model.graph) }
    guard let graph = imported(model, &mutation) else { continue }
    // Large values are right to import, and too slow for definitions.
    let isSmall = graph.values.allSatisfy { graph[$0].type.shape.elementCount <= 1 << 14 }
    let work = graph.nodesInOrder.reduce(0) { total, id in
      let contraction = graph[id].operator as? any ContractionOperator
      return isSmall ? total + (contraction?.multiplyAddCount(for: graph.inputTypes(of: id)) ?? 0) : 0
    }
    guard isSmall, work <= 1 << 20, graph.nodeCount <= 200 else { continue }
    var inputs: [String: Tensor] = [:]
    for input in graph.inputs { inputs[graph[input].name] = mutation.tensor(graph[input].type) }
    _ = try GraphInterpreter(graph).run(inputs)
    ran += 1
  }
  // One whose sizes follow from values rarely runs on values that are drawn.
  let needsValues = (try? ONNXImporter(original).graph()) == nil && original.openDimensions.isEmpty
  #expect(ran > 0 || needsValues, "no change of \(corpus[index]) ran")
}

@Test func theCorpusIsThere() { #expect(corpus.count > 100) }
