import Foundation
import IRCompiler
import IRDrawing
import IRGraph
import IRONNX

/// A model in words and numbers, as text or as JSON.
struct ModelDescription: Encodable {
  struct Port: Encodable { var name, type: String }
  struct NodeLine: Encodable {
    var name, type: String
    var outputs: [String]
    var multiplyAdds: Int
  }
  struct Pass: Encodable {
    var name: String
    /// Patches by rule, in the pass's order; a pass without rules has none.
    var rules: [Rule]
    var patches, nodesBefore, nodesAfter: Int
    var milliseconds: Double
  }
  struct Rule: Encodable {
    var name: String
    var patches: Int
  }
  struct Step: Encodable {
    var kernel, node: String
    /// How the kernel cuts its work; may be empty.
    var cut: String
    var isReference: Bool
    var multiplyAdds, bytes: Int
  }

  var model: String
  var irVersion: Int64
  var operatorSet: Int64
  var producer: String
  var assumed: [String]
  var inputs: [Port]
  var outputs: [Port]
  var metadata: [String: String]
  var parameters: Int
  var multiplyAdds: Int
  var importedNodes: Int
  var compiledSteps: Int
  var threads: Int
  /// Bytes of the arena, which hold every value and workspace.
  var peakMemory: Int
  /// Bytes of packed weights, and of others that kernels read as float32, beside the arena.
  var weightMemory: Int
  /// Operators that run by their definition, for want of a kernel.
  var referenceOperators: [String]
  /// Values that regions recompute instead of reading them.
  var computedWhereRead: [String]
  /// Feature maps that are stored as float16.
  var keptAsFloat16: [String]
  var nodes: [NodeLine]?
  var passes: [Pass]?
  /// The last patch that was applied, where a limit was set.
  var lastPatch: String?
  var steps: [Step]?

  init(
    path: String, file: ONNXModel, assumed: [String], graph: Graph, program: Program, threads: Int,
    listsNodes: Bool,
    listsPasses: Bool, listsSteps: Bool
  ) {
    model = path
    (irVersion, operatorSet, producer) = (file.irVersion, file.opset, file.producerName)
    self.assumed = assumed
    inputs = program.inputs.map { Port(name: $0.name, type: "\($0.type)") }
    outputs = program.outputs.map { Port(name: $0.name, type: "\($0.type)") }
    metadata = graph.metadata
    (parameters, multiplyAdds, importedNodes) = (
      graph.parameterCount, graph.multiplyAddCount, graph.nodeCount
    )
    compiledSteps = program.steps.count
    self.threads = threads
    peakMemory = program.memoryPlan.peakByteCount
    weightMemory = program.weightByteCount
    (computedWhereRead, keptAsFloat16) = (program.recomputedValues, program.float16Values)
    referenceOperators = Set(program.steps.filter(\.kernel.isReference).map(\.operatorName)).sorted()
    if listsNodes {
      nodes = graph.nodesInOrder.map {
        NodeLine(
          name: graph[$0].name, type: graph[$0].operator.name,
          outputs: graph.outputTypes(of: $0).map(\.description),
          multiplyAdds: graph.multiplyAddCount(of: $0))
      }
    }
    if listsPasses {
      passes = program.report.entries.map {
        Pass(
          name: $0.pass, rules: $0.rules.map { Rule(name: $0.name, patches: $0.patches) },
          patches: $0.patches, nodesBefore: $0.nodesBefore, nodesAfter: $0.nodesAfter,
          milliseconds: $0.seconds * 1000)
      }
    }
    if listsSteps {
      steps = program.steps.map {
        Step(
          kernel: $0.kernel.name, node: $0.node, cut: $0.kernel.cut, isReference: $0.kernel.isReference,
          multiplyAdds: $0.multiplyAddCount,
          bytes: $0.byteCount)
      }
    }
  }

  /// All digits, and a short form of long numbers.
  private static func digits(_ number: Int) -> String {
    let short = SizeText.count(number)
    return short == "\(number)" ? short : "\(number) (\(short))"
  }

  var text: String {
    var lines = [
      "model         \(model)",
      "format        ONNX, IR version \(irVersion), operator set \(operatorSet), by \(producer)",
    ]
    if !assumed.isEmpty {
      lines.append("assumed       \(assumed.joined(separator: ", ")) (--size sets them)")
    }
    lines += inputs.map { "input         \($0.name) : \($0.type)" }
    lines += outputs.map { "output        \($0.name) : \($0.type)" }
    lines += metadata.sorted { $0.key < $1.key }.map { "metadata      \($0.key) = \($0.value)" }
    lines += [
      "parameters    \(Self.digits(parameters))",
      "multiply-adds \(Self.digits(multiplyAdds))",
      "nodes         \(importedNodes) imported, \(compiledSteps) steps compiled",
      "peak memory   \(SizeText.bytes(peakMemory)) in the arena with \(threads) threads",
      "weights       \(SizeText.bytes(weightMemory)) beside it, as kernels read them",
    ]
    if let lastPatch { lines.append("last patch    \(lastPatch)") }
    if !keptAsFloat16.isEmpty {
      lines.append("               \(keptAsFloat16.count) feature maps are stored as float16")
    }
    if !computedWhereRead.isEmpty {
      lines.append(
        "               \(computedWhereRead.count) feature maps are recomputed where they are read instead of kept"
      )
    }
    if !referenceOperators.isEmpty {
      lines.append("reference     no fast kernel: \(referenceOperators.joined(separator: ", "))")
    }
    for node in nodes ?? [] {
      lines.append("  \(node.type) \(node.name) : \(node.outputs.joined(separator: ", "))")
    }
    for pass in passes ?? [] {
      let milliseconds = String(format: "%.1f", pass.milliseconds)
      lines.append(
        "  \(pass.name): \(pass.patches) patches, \(pass.nodesBefore) -> \(pass.nodesAfter) nodes, \(milliseconds) ms"
      )
      lines += pass.rules.map { "    \($0.name): \($0.patches)" }
    }
    return lines.joined(separator: "\n")
  }
}
