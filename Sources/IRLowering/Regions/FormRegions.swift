import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// Groups the nodes of a graph that are computed together row by row.
///
/// Nodes that can be, of one grid, that feed each other without a detour over other nodes are cut into
/// regions at the places that the cost model finds cheapest: a longer region saves passes over memory, and
/// pays with margins that are computed twice and rows that crowd the cache.
struct FormRegions {
  let graph: Graph
  let machine: MachineModel
  private let limits: KernelSupport.RegionLimits
  private var operations: [NodeID: any RegionOperation] = [:]
  private var grids: [NodeID: RegionGrid] = [:]
  /// Longer pieces are not tried.
  private static let lengthLimit = 24

  /// `excluded` are nodes that nothing computes. Nil for kernels that compute no regions.
  init?(_ graph: Graph, _ support: KernelSupport, machine: MachineModel, excluding excluded: Set<NodeID> = [])
  {
    guard let limits = support.regions else { return nil }
    self.graph = graph
    self.machine = machine
    self.limits = limits
    for id in graph.nodesInOrder where !excluded.contains(id) {
      guard let operation = graph.regionOperation(of: id, support), !isBetterInPlace(id, operation) else {
        continue
      }
      operations[id] = operation
      grids[id] = graph.regionGrid(of: id, operation)
    }
  }

  /// Whether a large sum of feature maps is better computed by itself, over one of them: in a region with
  /// windows all of its operands would have to stay beside its result, which is kept in any case.
  private func isBetterInPlace(_ id: NodeID, _ operation: any RegionOperation) -> Bool {
    guard operation.isElementwise, let result = graph[id].outputs.first,
      graph[result].type.byteCount > machine.sharedCacheByteCount, graph.users(of: result).count > 1
    else { return false }
    let featureMaps = Set(graph[id].inputs).filter { graph[$0].type == graph[result].type }
    return featureMaps.count > 1
      && featureMaps.contains { featureMap in
        let producer = graph.producer(of: featureMap)
        return graph.onlyUser(of: featureMap) == id && producer.map { operations[$0] == nil } ?? false
      }
  }

  /// The regions, each with its nodes in order. Nodes in none are computed one by one.
  func regions() -> [Region] {
    var known: [[NodeSignature]: [Int]] = [:]
    return components().flatMap { nodes -> [Region] in
      let signature = signature(of: nodes)
      let ends = known[signature] ?? cut(nodes)
      known[signature] = ends
      var start = 0
      return ends.compactMap { end in
        defer { start = end }
        let piece = Array(nodes[start..<end])
        guard isWorthARegion(nodes[start..<end]), let plan = planned(piece).0 else { return nil }
        return Region(nodes: piece, plan: plan)
      }
    }
  }

  private func endsRegion(_ id: NodeID) -> Bool { operations[id]?.endsRegion ?? false }

  /// All that the cost of a component depends on: networks repeat their blocks, whose cuts are then known.
  private struct NodeSignature: Hashable {
    enum Input: Hashable {
      case member(Int, output: Int)
      case constant(TensorType)
      case outside(Int, TensorType)
    }

    var `operator`: AnyHashable
    var inputs: [Input]
    var areUsedOutside: [Bool]
  }

  private func signature(of nodes: [NodeID]) -> [NodeSignature] {
    let position = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) })
    var outside: [ValueID] = []
    return nodes.map { id in
      let node = graph[id]
      let inputs = node.inputs.map { value -> NodeSignature.Input in
        if case .node(let producer, let output) = graph[value].definition, let index = position[producer] {
          return .member(index, output: output)
        }
        if graph.placedConstant(value) != nil { return .constant(graph[value].type) }
        if !outside.contains(value) { outside.append(value) }
        return .outside(outside.firstIndex(of: value) ?? 0, graph[value].type)
      }
      let uses = node.outputs.map { output in
        graph.isOutput(output) || graph.users(of: output).contains { position[$0] == nil }
      }
      return NodeSignature(operator: AnyHashable(node.operator), inputs: inputs, areUsedOutside: uses)
    }
  }

  /// Sets of nodes within which no path leaves and returns: a node's level counts the most detours on
  /// any path to it, and a component has one level.
  private func components() -> [[NodeID]] {
    var levels: [NodeID: Int] = [:]
    for id in graph.nodesInOrder {
      levels[id] = graph[id].inputs.compactMap { graph.producer(of: $0) }.reduce(0) {
        max($0, levels[$1, default: 0] + (isNear($1, id) ? 0 : 1))
      }
    }
    var position = Dictionary(uniqueKeysWithValues: graph.nodesInOrder.enumerated().map { ($1, 2 * $0) })
    let late = lateReads(&levels, position)
    var component: [NodeID: Int] = [:]
    var members: [[NodeID]] = []
    for id in graph.nodesInOrder where grids[id] != nil {
      var own: Int?
      for input in graph[id].inputs {
        guard let producer = graph.producer(of: input), isNear(producer, id), levels[producer] == levels[id],
          let other = component[producer]
        else { continue }
        guard let known = own else { own = other; continue }
        guard known != other else { continue }
        for node in members[other] { component[node] = known }
        members[known] += members[other]
        members[other] = []
      }
      let target = own ?? members.count
      if own == nil { members.append([]) }
      component[id] = target
      members[target].append(id)
    }
    for (id, reader) in late { position[id] = position[reader, default: 0] - 1 }
    return members.filter { !$0.isEmpty }
      .map { $0.sorted { position[$0, default: 0] < position[$1, default: 0] } }
  }

  /// Whether a region could compute a node from what it computes of its producer.
  private func isNear(_ producer: NodeID, _ id: NodeID) -> Bool {
    grids[id] != nil && grids[producer] == grids[id] && !endsRegion(producer)
  }

  /// Moves of feature maps that have no rows in a region come with their first reader, each with that: they
  /// are then at its level. Nothing in a region comes before them, so that no path returns through them.
  private func lateReads(_ levels: inout [NodeID: Int], _ position: [NodeID: Int]) -> [NodeID: NodeID] {
    var late: [NodeID: NodeID] = [:]
    for id in graph.nodesInOrder where operations[id]?.readsWhole ?? false {
      let readers = graph.users(of: graph[id].outputs[0])
      guard !readers.isEmpty, readers.allSatisfy({ isNear(id, $0) }) else { continue }
      let first = readers.min {
        (levels[$0, default: 0], position[$0, default: 0]) < (
          levels[$1, default: 0], position[$1, default: 0]
        )
      }
      late[id] = first
      levels[id] = first.flatMap { levels[$0] }
    }
    return late
  }

  /// The cheapest way to cut a component, kept in order, into pieces: where each ends.
  private func cut(_ nodes: [NodeID]) -> [Int] {
    var best = [Double](repeating: .infinity, count: nodes.count + 1)
    var starts = [Int](repeating: 0, count: nodes.count + 1)
    best[0] = 0
    for end in 1...nodes.count {
      for start in max(0, end - Self.lengthLimit)..<end {
        let seconds = planned(Array(nodes[start..<end])).1
        if best[start] + seconds < best[end] { (best[end], starts[end]) = (best[start] + seconds, start) }
      }
    }
    var ends: [Int] = []
    var end = nodes.count
    while end > 0 {
      ends.append(end)
      end = starts[end]
    }
    return ends.reversed()
  }

  /// Sums are always a region's, even of one node, so that no cut changes how a result is rounded.
  private func isWorthARegion(_ nodes: ArraySlice<NodeID>) -> Bool {
    let worth = nodes.map { operations[$0]?.worth ?? .nothing }
    return worth.contains(.alone) || worth.count { $0 == .joined } > 1
  }

  private func planned(_ nodes: [NodeID]) -> (RegionPlan?, Double) {
    guard var planner = RegionPlanner(nodes, operations, in: graph),
      let plan = planner.planned(within: limits),
      var seconds = plan.bestCut(on: machine, within: limits)?.seconds
    else {
      return (nil, 0)
    }
    if let last = plan.instructions.last, !isWorthARegion(nodes[...]),
      let alone = last.operation.secondsAlone(
        last, pixelCount: plan.batch * plan.height * plan.width, on: machine)
    {
      seconds = alone
    }
    return (plan, seconds + 1e-5)
  }
}
