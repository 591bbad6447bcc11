import Foundation
import IRCommandLine
import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor

/// Runs the same numbers through several graphs that should agree, and says by how much they do not.
struct Verification {
  /// The largest difference of a right file, as a share of the output's range.
  let tolerance: Double
  let threadCount: Int
  private(set) var worst = 0.0
  private let progress = ProgressLine()

  init(tolerance: Double, threadCount: Int) {
    self.tolerance = tolerance
    self.threadCount = threadCount
  }

  /// Compares compiled graphs with the reference interpreter on the first of them.
  mutating func compare(_ graphs: [(name: String, graph: Graph)], round: Int, of count: Int) throws {
    guard let first = graphs.first else { return }
    let inputs = Self.numbers(first.graph, seed: UInt64(round))
    let begin = Date()
    let expected = try GraphInterpreter(first.graph).run(inputs) { [progress] done, total in
      progress.show("verify \(round)/\(count): reference", done: done, of: total, since: begin)
    }
    progress.clear()
    var parts: [String] = []
    for (name, graph) in graphs {
      let program = try Compiler(threadCount: threadCount).compile(graph)
      let found = try Session(program, options: RuntimeOptions(threadCount: threadCount)).run(inputs)
      let difference = Self.difference(found, expected)
      worst = max(worst, difference)
      parts.append("\(name) \(String(format: "%.2g", difference))")
    }
    let shape = graphs[0].graph.inputs.first.map { "\(graphs[0].graph[$0].type.shape)" } ?? ""
    Terminal.say("verify \(round)/\(count) \(shape): \(parts.joined(separator: ", ")) of the outputs' range")
  }

  var isFine: Bool { worst <= tolerance }

  private static func difference(_ found: [String: Tensor], _ expected: [String: Tensor]) -> Double {
    var worst = 0.0
    for (name, tensor) in expected {
      guard let other = found[name], other.type == tensor.type else { return .infinity }
      let values = tensor.doubles
      let range = max((values.max() ?? 0) - (values.min() ?? 0), 1e-6)
      for (a, b) in zip(values, other.doubles) where a != b {
        let distance = (a - b).magnitude / range
        worst = max(worst, distance.isNaN ? .infinity : distance)
      }
    }
    return worst
  }

  /// Even numbers in 0..<1; integers are -1, which no router takes for a task.
  private static func numbers(_ graph: Graph, seed: UInt64) -> [String: Tensor] {
    var generator = SplitMix64(seed: seed)
    var result: [String: Tensor] = [:]
    for id in graph.inputs {
      let type = graph[id].type
      let values = (0..<type.shape.elementCount).map { _ in
        type.elementType.isFloatingPoint ? Double.random(in: 0..<1, using: &generator) : -1
      }
      result[graph[id].name] = Tensor(type, doubles: values)
    }
    return result
  }
}
