import IRGraph
import IRTensor

/// How one graph differs from another: ports, nodes by name, weights by name.
struct GraphDifference {
  private var lines: [String] = []
  private static let listLimit = 40

  init(_ old: Graph, _ new: Graph, names: (String, String)) {
    lines = ["--- \(names.0)", "+++ \(names.1)"]
    compare(
      "inputs", Self.ports(old, old.inputs.map { ($0, old[$0].name) }),
      Self.ports(new, new.inputs.map { ($0, new[$0].name) }))
    compare(
      "outputs", Self.ports(old, old.outputs.map { ($0.value, $0.name) }),
      Self.ports(new, new.outputs.map { ($0.value, $0.name) }))
    compare("metadata", old.metadata, new.metadata)
    compare("nodes", Self.nodes(old), Self.nodes(new))
    compareCounts(old, new)
    compareWeights(old, new)
    if lines.count == 2 { lines.append("no difference") }
  }

  var text: String { lines.joined(separator: "\n") }

  private static func ports(_ graph: Graph, _ values: [(ValueID, String)]) -> [String: String] {
    Dictionary(values.map { ($0.1, "\(graph[$0.0].type)") }, uniquingKeysWith: { first, _ in first })
  }

  private static func nodes(_ graph: Graph) -> [String: String] {
    Dictionary(
      graph.nodesInOrder.map { id in
        (
          graph[id].name,
          "\(graph[id].operator) : \(graph.outputTypes(of: id).map(\.description).joined(separator: ", "))"
        )
      }, uniquingKeysWith: { "\($0); \($1)" })
  }

  private mutating func compare(_ what: String, _ old: [String: String], _ new: [String: String]) {
    var found: [String] = []
    for name in Set(old.keys).union(new.keys).sorted() {
      switch (old[name], new[name]) {
      case (let a?, let b?) where a != b: found += ["- \(name): \(a)", "+ \(name): \(b)"]
      case (let a?, nil): found.append("- \(name): \(a)")
      case (nil, let b?): found.append("+ \(name): \(b)")
      default: break
      }
    }
    append(what, found)
  }

  private mutating func append(_ what: String, _ found: [String]) {
    guard !found.isEmpty else { return }
    lines.append("@@ \(what)")
    lines += found.prefix(Self.listLimit)
    if found.count > Self.listLimit { lines.append("  … and \(found.count - Self.listLimit) more") }
  }

  private mutating func compareCounts(_ old: Graph, _ new: Graph) {
    func counts(_ graph: Graph) -> [String: String] {
      Dictionary(grouping: graph.nodesInOrder) { graph[$0].operator.name }.mapValues { "\($0.count)" }
    }
    compare("operators", counts(old), counts(new))
    var sums: [String] = []
    for (what, a, b) in [
      ("parameters", old.parameterCount, new.parameterCount),
      ("multiply-adds", old.multiplyAddCount, new.multiplyAddCount),
    ] where a != b { sums += ["- \(what): \(a)", "+ \(what): \(b)"] }
    append("sums", sums)
  }

  private mutating func compareWeights(_ old: Graph, _ new: Graph) {
    func weights(_ graph: Graph) -> [String: Tensor] {
      Dictionary(
        graph.values.compactMap { id in graph.constant(id).map { (graph[id].name, $0) } },
        uniquingKeysWith: { first, _ in first })
    }
    let (a, b) = (weights(old), weights(new))
    var found: [String] = []
    for name in Set(a.keys).union(b.keys).sorted() {
      switch (a[name], b[name]) {
      case (let x?, let y?) where x.type != y.type: found += ["- \(name): \(x.type)", "+ \(name): \(y.type)"]
      case (let x?, let y?) where x != y:
        let (u, v) = (x.doubles, y.doubles)
        let largest = zip(u, v).reduce(0) { max($0, abs($1.0 - $1.1)) }
        let scale = u.reduce(0) { max($0, abs($1)) }
        found.append("~ \(name): \(x.type), largest change \(largest) of \(scale)")
      case (let x?, nil): found.append("- \(name): \(x.type)")
      case (nil, let y?): found.append("+ \(name): \(y.type)")
      default: break
      }
    }
    append("weights", found)
  }
}
