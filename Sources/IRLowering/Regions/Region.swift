import IRGraph
import IRRewriting

/// Nodes that are computed together, and how.
struct Region {
  var nodes: [NodeID]
  var plan: RegionPlan
  /// A plan that this one is cut like, so that its sums keep their order.
  var cutLike: RegionPlan?

  /// Plans the nodes anew.
  /// - Returns: whether they make a region.
  mutating func replan(in graph: Graph, _ support: KernelSupport) -> Bool {
    var operations: [NodeID: any RegionOperation] = [:]
    for id in nodes { operations[id] = graph.regionOperation(of: id, support) }
    guard let limits = support.regions, operations.count == nodes.count,
      var planner = RegionPlanner(nodes, operations, in: graph),
      let plan = planner.planned(within: limits)
    else { return false }
    self.plan = plan
    return true
  }
}

extension Sequence<Region> {
  /// The index of the region of each node that has one.
  var indicesByNode: [NodeID: Int] {
    var result: [NodeID: Int] = [:]
    for (index, region) in enumerated() {
      for id in region.nodes { result[id] = index }
    }
    return result
  }
}
