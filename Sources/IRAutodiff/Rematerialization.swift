import IRGraph
import IROperators
import IRTensor

extension Graph {
  /// The result of `rematerialized`.
  package struct Rematerialization: Sendable {
    package var graph: Graph
    /// How many nodes compute what another one computed before.
    package var nodeCount: Int
    /// The most bytes of values alive at once; a memory plan takes about as many.
    package var peakByteCount: Int
  }

  /// The graph with nodes computed a second time where their values are needed late, so that these are not
  /// kept in between: memory for work, as gradients need most of it, which read what the way there computed.
  ///
  /// Again and again, at the step where most bytes are alive, the value goes whose second computation is the
  /// least work for each byte that it frees, until at most `byteCount` bytes are alive at once or nothing
  /// frees any. Only what lies in a program's memory counts: not inputs and constants, and reshapes are
  /// names. The same operators compute the same inputs: results keep their bits. Merging duplicates would
  /// undo it.
  package func rematerialized(under byteCount: Int) -> Rematerialization {
    var graph = self
    var made = 0
    // Each round moves at least one use to a node made for it.
    for _ in 0..<(4 * nodeCount) {
      let liveness = Liveness(graph)
      guard liveness.peakByteCount > byteCount, let node = liveness.cheapest(in: graph) else { break }
      made += graph.recompute(node, behind: liveness) ? 1 : 0
    }
    return Rematerialization(graph: graph, nodeCount: made, peakByteCount: Liveness(graph).peakByteCount)
  }

  /// Gives the uses of a node's value behind the peak a node of their own.
  /// - Returns: whether both nodes are still used.
  private mutating func recompute(_ id: NodeID, behind liveness: Liveness) -> Bool {
    let node = self[id]
    moveUses(of: node.outputs[0], to: copy(node, reading: node.inputs), behind: liveness)
    removeDeadNodes(making: node.outputs)
    return contains(id)
  }

  private mutating func copy(_ node: Node, reading inputs: [ValueID]) -> ValueID {
    do { return try addNode(node.operator, inputs: inputs, name: "\(node.name).again")[0] } catch {
      preconditionFailure("\(node.name) was valid before: \(error)")
    }
  }

  private mutating func moveUses(of old: ValueID, to new: ValueID, behind liveness: Liveness) {
    let users = Set(users(of: old))
    let names = users.filter { self[$0].operator is Reshape }
    let early = users.subtracting(names).filter { !liveness.isBehindPeak($0) }
    replaceUses(of: old, with: new, except: names.union(early))
    for name in names.sorted() {
      let (node, view) = (self[name], self[name].outputs[0])
      guard liveness.isReadBehindPeak(view, in: self) else { continue }
      moveUses(of: view, to: copy(node, reading: [new]), behind: liveness)
      removeDeadNodes(making: [view])
    }
  }
}

/// Which values are alive at which step, were the nodes computed in the graph's order.
private struct Liveness {
  /// A value that has bytes, from the step that makes it to the last that reads it.
  private struct Lifetime {
    var byteCount: Int
    var start: Int
    var end: Int
    var reads: [Int] = []
    var isResult = false
  }

  private let order: [NodeID]
  /// The step of each node slot.
  private var steps: [Int]
  private var lifetimes: [ValueID: Lifetime] = [:]
  /// The value whose bytes a reshape names.
  private var roots: [ValueID: ValueID] = [:]
  private var peak = 0
  private(set) var peakByteCount = 0

  init(_ graph: Graph) {
    order = graph.nodesInOrder
    steps = [Int](repeating: 0, count: graph.nodeSlots.count)
    for (step, id) in order.enumerated() {
      let node = graph[id]
      steps[id.index] = step
      if node.operator is Reshape {
        roots[node.outputs[0]] = root(node.inputs[0])
        continue
      }
      for input in node.inputs {
        lifetimes[root(input)]?.reads.append(step)
        lifetimes[root(input)]?.end = step
      }
      for output in node.outputs {
        lifetimes[output] = Lifetime(byteCount: graph[output].type.byteCount, start: step, end: step)
      }
    }
    for output in graph.outputs {
      lifetimes[root(output.value)]?.isResult = true
      lifetimes[root(output.value)]?.end = order.count
    }
    var changes = [Int](repeating: 0, count: order.count + 2)
    for lifetime in lifetimes.values {
      changes[lifetime.start] += lifetime.byteCount
      changes[lifetime.end + 1] -= lifetime.byteCount
    }
    var alive = 0
    for step in order.indices {
      alive += changes[step]
      if alive > peakByteCount { (peak, peakByteCount) = (step, alive) }
    }
  }

  private func root(_ value: ValueID) -> ValueID { roots[value] ?? value }

  func isBehindPeak(_ node: NodeID) -> Bool { steps[node.index] > peak }

  /// Whether something reads the value, under any shape, behind the peak.
  func isReadBehindPeak(_ value: ValueID, in graph: Graph) -> Bool {
    graph.users(of: value).contains { user in
      graph[user].operator is Reshape
        ? isReadBehindPeak(graph[user].outputs[0], in: graph) : isBehindPeak(user)
    }
  }

  /// The node to compute again behind the peak; nil if none frees memory there.
  func cheapest(in graph: Graph) -> NodeID? {
    var best: (node: NodeID, work: Double)?
    for id in order.prefix(peak) {
      let node = graph[id]
      guard node.outputs.count == 1, let lifetime = lifetimes[node.outputs[0]], lifetime.end > peak,
        !lifetime.isResult, !lifetime.reads.contains(peak),
        let again = lifetime.reads.first(where: { $0 > peak })
      else { continue }
      // Inputs that nothing reads any more would have to stay for it.
      var freed = lifetime.byteCount
      for input in Set(node.inputs.map(root)) {
        if let other = lifetimes[input], other.end < min(peak, again) { freed -= other.byteCount }
      }
      guard freed > 0 else { continue }
      // An element read and written takes about as long as a few products.
      let work = Double(graph.multiplyAddCount(of: id) + lifetime.byteCount) / Double(freed)
      if work < best?.work ?? .infinity { best = (id, work) }
    }
    return best?.node
  }
}
