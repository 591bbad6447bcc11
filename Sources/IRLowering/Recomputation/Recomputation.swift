import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// Computes feature maps in the region that reads them, rather than in the one that reads their operands
/// first.
///
/// A feature map that one region hands to a later one goes through memory, and stays there until the later
/// one runs. If its operands are in memory then in any case, the later region can compute the rows that it
/// needs itself: v of an attention from the block's input, for one. The first region then computes only what
/// is still asked of it. The same operators compute the same rows: no bit of them changes.
struct Recomputation {
  /// A feature map that one region makes for another alone.
  struct Crossing {
    var value: ValueID
    var byteCount: Int
    var maker: Int
    var reader: Int
  }

  private(set) var graph: Graph
  private(set) var regions: [Region]
  /// The names of the values that are computed where they are read.
  private(set) var names: [String] = []
  /// The unit of the schedule that computes each node.
  private let positions: [NodeID: Int]
  private let machine: MachineModel
  private let support: KernelSupport
  private var made: [Part: ValueID] = [:]
  private var newNodes: [NodeID] = []

  /// Some channels of a feature map.
  private struct Part: Hashable {
    var value: ValueID
    var channels: Range<Int>
  }

  /// The most nodes that are computed again, and the share of both regions' multiply-adds that they may add:
  /// one in so many.
  private static let nodeLimit = 8
  private static let workShare = 4

  init(_ graph: Graph, _ regions: [Region], _ support: KernelSupport, machine: MachineModel) {
    self.graph = graph
    self.regions = regions
    self.support = support
    self.machine = machine
    var positions: [NodeID: Int] = [:]
    for (position, unit) in Schedule(graph, regions: regions.map(\.nodes)).units.enumerated() {
      switch unit {
      case .node(let id): positions[id] = position
      case .region(let index): for id in regions[index].nodes { positions[id] = position }
      }
    }
    self.positions = positions
  }

  /// The feature maps that only one other region reads.
  var crossings: [Crossing] {
    let regionOf = regions.indicesByNode
    return regions.indices.flatMap { maker in
      regions[maker].plan.outputs.compactMap { value in
        let readers = graph.users(of: value).compactMap { regionOf[$0] }
        guard let reader = readers.first(where: { $0 != maker }) else { return nil }
        if let producer = graph.producer(of: value),
          graph.regionOperation(of: producer, support)?.endsRegion ?? false
        {
          return nil
        }
        let byteCount = graph[value].type.byteCount
        let crossing = Crossing(value: value, byteCount: byteCount, maker: maker, reader: reader)
        return isUnchanged(crossing) ? crossing : nil
      }
    }
  }

  /// Whether the value still exists, and only its maker and the one reader read it: another move may have
  /// changed that.
  private func isUnchanged(_ crossing: Crossing) -> Bool {
    let (maker, reader) = (regions[crossing.maker].nodes, regions[crossing.reader].nodes)
    return graph.contains(crossing.value) && !graph.isOutput(crossing.value)
      && graph.users(of: crossing.value).contains(where: reader.contains)
      && graph.users(of: crossing.value).allSatisfy { maker.contains($0) || reader.contains($0) }
  }

  /// Has the reader compute the value, `ifFaster` only where the cost model finds both regions faster so.
  /// Otherwise the regions' sums keep their order.
  /// - Returns: whether it does; nothing has changed where not.
  mutating func recompute(_ crossing: Crossing, ifFaster: Bool = false) -> Bool {
    var changed = self
    guard isUnchanged(crossing), changed.move(crossing) else { return false }
    if ifFaster {
      let isLarge = crossing.byteCount > machine.displacingByteCount
      let allowed = isLarge ? 1 + machine.displacementShare : 1
      guard changed.seconds(crossing) < allowed * seconds(crossing) else { return false }
    } else {
      for index in [crossing.maker, crossing.reader] where changed.regions[index].plan.hasSums {
        let pattern = regions[index].cutLike ?? regions[index].plan
        // Without windows sums go over any parts of the pixels, with them over rows.
        guard pattern.hasWindows == changed.regions[index].plan.hasWindows else { return false }
        changed.regions[index].cutLike = pattern
      }
    }
    self = changed
    return true
  }

  private func seconds(_ crossing: Crossing) -> Double {
    guard let limits = support.regions else { return .infinity }
    return [crossing.maker, crossing.reader].reduce(0) { sum, index in
      sum + (regions[index].plan.bestCut(on: machine, within: limits)?.seconds ?? .infinity)
    }
  }

  private mutating func move(_ crossing: Crossing) -> Bool {
    let (value, maker, reader) = (crossing.value, regions[crossing.maker], regions[crossing.reader])
    let (makers, name) = (Set(maker.nodes), graph[value].name)
    guard let step = reader.nodes.compactMap({ positions[$0] }).first else { return false }
    (made, newNodes) = ([:], [])
    let shape = graph[value].type.shape
    guard shape.rank == 4,
      let again = part(
        Part(value: value, channels: 0..<shape[1]), from: makers, reading: .kept(at: step, but: value)),
      again != value, newNodes.count <= Self.nodeLimit
    else { return false }
    let workBefore = work(crossing)
    // New nodes read what is outside of the reader, in the order in which they were made.
    let readerNodes = newNodes + reader.nodes
    graph.replaceUses(of: value, with: again, except: makers)
    var (makerNodes, narrowed) = (maker.nodes, self)
    if let left = narrowed.narrow(value, in: maker.nodes) { (self, makerNodes) = (narrowed, left) }
    graph.removeDeadNodes(making: [value])
    names.append(name)
    return replan(crossing.maker, makerNodes) && replan(crossing.reader, readerNodes) && replanReaders()
      && !regions[crossing.reader].plan.inputs.contains(value)
      && work(crossing) <= workBefore + workBefore / Self.workShare
  }

  /// Multiply-adds of both regions.
  private func work(_ crossing: Crossing) -> Int {
    (regions[crossing.maker].nodes + regions[crossing.reader].nodes)
      .reduce(0) { $0 + graph.multiplyAddCount(of: $1) }
  }

  /// Whole values that need not be computed again.
  private enum Sources {
    case all
    /// Those that memory holds at a step in any case, but for one.
    case kept(at: Int, but: ValueID)
  }

  private func isInMemory(_ value: ValueID, _ sources: Sources) -> Bool {
    guard case .kept(let step, let exception) = sources else { return true }
    guard value != exception else { return false }
    guard let producer = graph.producer(of: value) else { return true }
    return (positions[producer] ?? step) < step && isKept(value)
      && graph.users(of: value).contains { (positions[$0] ?? -1) >= step }
  }

  /// Whether the value is whole in memory, rather than rows of a region.
  private func isKept(_ value: ValueID) -> Bool {
    guard let producer = graph.producer(of: value),
      let region = regions.first(where: { $0.nodes.contains(producer) })
    else { return true }
    return region.plan.outputs.contains(value)
  }

  /// Computes channels of a value by new nodes like those that made it; values that are in memory are used as
  /// they are.
  /// - Returns: nil if it cannot be.
  private mutating func part(
    _ wanted: Part, from members: Set<NodeID>, reading sources: Sources
  ) -> ValueID? {
    let (value, channels) = (wanted.value, wanted.channels)
    let shape = graph[value].type.shape
    let isAll = channels == 0..<shape[1]
    if isAll, isInMemory(value, sources) { return value }
    if let known = made[wanted] { return known }
    guard let id = graph.producer(of: value), members.contains(id),
      let operation = graph.regionOperation(of: id, support),
      let computed = graph.part(channels, of: value, by: operation)
    else { return nil }
    let node = graph[id]
    func part(_ input: ValueID, _ channels: Range<Int>) -> ValueID? {
      self.part(Part(value: input, channels: channels), from: members, reading: sources)
    }
    guard case .node(let newOperator, let parts) = computed else {
      guard case .view(let source) = computed else { return nil }
      return part(node.inputs[0], source)
    }
    var inputs = node.inputs
    for (index, own) in parts.enumerated() {
      let input = node.inputs[index]
      let new: ValueID? =
        switch own {
        case .channels(let channels): part(input, channels)
        case .rows(let channels): rows(channels, of: input, like: value)
        case .few: isSmall(input, beside: value) ? input : nil
        }
      guard let new else { return nil }
      inputs[index] = new
    }
    guard let result = try? graph.addNode(newOperator, inputs: inputs, name: "\(node.name).again").first,
      let new = graph.producer(of: result)
    else { return nil }
    newNodes.append(new)
    made[wanted] = result
    return result
  }

  /// Rows of a weight or a bias; weights that are not constant only in full.
  private mutating func rows(_ rows: Range<Int>, of weight: ValueID, like value: ValueID) -> ValueID? {
    let shape = graph[weight].type.shape
    if rows == 0..<shape[0] { return isSmall(weight, beside: value) ? weight : nil }
    guard let tensor = graph.placedConstant(weight) else { return nil }
    let name = "\(graph[weight].name).\(rows.lowerBound)"
    return graph.addConstant(tensor.reshaped(to: shape).part(alongFirstAxis: rows), name: name)
  }

  /// Whether keeping numbers longer costs nothing worth counting.
  private func isSmall(_ numbers: ValueID, beside value: ValueID) -> Bool {
    graph.placedConstant(numbers) != nil || graph[numbers].type.byteCount <= graph[value].type.byteCount / 16
  }

  /// Removes the channels of an unused part of a split from the nodes that compute the whole.
  /// - Returns: the nodes then, in order; nil if they are not, and nodes may be left over.
  private mutating func narrow(_ value: ValueID, in nodes: [NodeID]) -> [NodeID]? {
    (made, newNodes) = ([:], [])
    guard graph.users(of: value).isEmpty, !graph.isOutput(value), let id = graph.producer(of: value),
      let position = nodes.firstIndex(of: id), let split = graph[id].operator as? Split, split.axis == 1,
      graph.onlyUser(of: graph[id].inputs[0]) == id
    else { return nil }
    let node = graph[id]
    let used = node.outputs.indices.filter {
      !graph.users(of: node.outputs[$0]).isEmpty || graph.isOutput(node.outputs[$0])
    }
    guard let first = used.first, let last = used.last, used.count == last - first + 1 else { return nil }
    let start = split.sizes[..<first].reduce(0, +)
    let sizes = Array(split.sizes[first...last])
    let channels = start..<(start + sizes.reduce(0, +))
    guard
      let rest = part(
        Part(value: node.inputs[0], channels: channels), from: Set(nodes), reading: .all)
    else { return nil }
    var results = [rest]
    if used.count > 1 {
      guard
        let parts = try? graph.addNode(
          Split(axis: 1, sizes: sizes), inputs: [rest], name: "\(node.name).rest")
      else { return nil }
      graph.producer(of: parts[0]).map { newNodes.append($0) }
      results = parts
    }
    for (index, result) in zip(used, results) { graph.replaceUses(of: node.outputs[index], with: result) }
    graph.removeDeadNodes(making: node.outputs)
    return nodes[..<position] + newNodes + nodes[position...]
  }

  /// Plans the regions anew that read what other values have replaced.
  private mutating func replanReaders() -> Bool {
    regions.indices.allSatisfy { index in
      regions[index].plan.inputs.allSatisfy { graph.contains($0) } || replan(index, regions[index].nodes)
    }
  }

  /// Plans a region for the nodes that are left of these, in order.
  private mutating func replan(_ index: Int, _ nodes: [NodeID]) -> Bool {
    regions[index].nodes = nodes.filter { graph.contains($0) }
    return regions[index].replan(in: graph, support)
  }
}
