import IRGraph
import IRTensor

/// Which extents of a graph's values change with the sizes that a file leaves open: found by typing the graph
/// anew for other sizes.
struct OpenSizes {
  /// The graph, and the same nodes for other sizes; the graph alone where nothing is open.
  let examples: [Graph]
  /// The extents that each symbol stands for, by example.
  private let symbols: [String: [Int]]

  init(_ graph: Graph, _ open: [String: [Int: String]]) throws(GraphError) {
    var examples = [graph]
    var symbols: [String: [Int]] = [:]
    var sources: [(input: String, type: TensorType, axes: [Int: String])] = []
    for (name, axes) in open.sorted(by: { $0.key < $1.key }) where !axes.isEmpty {
      guard let id = graph.inputs.first(where: { graph[$0].name == name }) else {
        throw .inputs(detail: "the graph has no input \(name)")
      }
      let type = graph[id].type
      for (axis, symbol) in axes {
        guard type.shape.indices.contains(axis) else {
          throw .inputs(detail: "input \(name) is \(type) and has no axis \(axis)")
        }
        guard symbols[symbol, default: [type.shape[axis]]] == [type.shape[axis]] else {
          throw .inputs(detail: "\(symbol) stands for \(symbols[symbol] ?? []) and \(type.shape[axis])")
        }
        symbols[symbol] = [type.shape[axis]]
      }
      sources.append((name, type, axes))
    }
    // Multiples of the graph's own sizes: what divides those divides these. Symbols differ from each other,
    // so that a result's sizes tell whose they are, and each is once the largest.
    let count = symbols.count
    for round in 0..<(sources.isEmpty ? 0 : 2) {
      for (position, symbol) in symbols.keys.sorted().enumerated() {
        let own = symbols[symbol]?[0] ?? 1
        symbols[symbol]?.append(own * (round == 0 ? 2 + position : 7 * (count - position)))
      }
      var types: [String: TensorType] = [:]
      for source in sources {
        var type = source.type
        for (axis, symbol) in source.axes { type.shape[axis] = symbols[symbol]?[round + 1] ?? 1 }
        types[source.input] = type
      }
      examples.append(try graph.rebound(to: types))
    }
    self.examples = examples
    self.symbols = symbols
  }

  func isOpen(_ value: ValueID, _ axis: Int) -> Bool {
    examples.contains { $0[value].type.shape[axis] != examples[0][value].type.shape[axis] }
  }

  /// The symbol that has the extents of the value's axis.
  func symbol(of value: ValueID, _ axis: Int) -> String? {
    let extents = examples.map { $0[value].type.shape[axis] }
    return symbols.keys.sorted().first { symbols[$0] == extents }
  }
}
