import IRGraph

/// The order in which a program computes nodes and regions: each after what it reads, otherwise as the graph
/// has its nodes.
struct Schedule {
  enum Unit: Hashable {
    case node(NodeID)
    case region(Int)
  }

  private(set) var units: [Unit] = []

  /// - Precondition: no path leaves a region and returns to it.
  init(_ graph: Graph, regions: [[NodeID]]) {
    let order = graph.nodesInOrder
    var regionOf: [NodeID: Int] = [:]
    for (index, nodes) in regions.enumerated() {
      for id in nodes { regionOf[id] = index }
    }
    func unit(of id: NodeID) -> Unit { regionOf[id].map { .region($0) } ?? .node(id) }
    func dependencies(_ unit: Unit) -> [Unit] {
      let nodes =
        switch unit {
        case .node(let id): [id]
        case .region(let index): regions[index]
        }
      return nodes.flatMap { graph[$0].inputs }.compactMap { graph.producer(of: $0) }.map(unit(of:))
        .filter { $0 != unit }
    }
    var open: Set<Unit> = []
    for id in order {
      var stack: [(unit: Unit, pending: [Unit])] = []
      func push(_ next: Unit) {
        guard open.insert(next).inserted else { return }
        stack.append((next, dependencies(next).reversed()))
      }
      push(unit(of: id))
      while let top = stack.indices.last {
        if let next = stack[top].pending.popLast() {
          push(next)
        } else {
          units.append(stack.removeLast().unit)
        }
      }
    }
  }
}
