import IRGraph
import IROperators
import IRTensor

/// A network as a person would draw it: runs of nodes between the places where only one value is alive are
/// blocks, equal blocks behind each other are one, and each block stands on the level of its picture's size.
struct BlockGraph {
  struct Block {
    var nodes: [NodeID]
    /// How often the block's nodes repeat.
    var count = 1
    /// How much smaller than the input its pictures are; below 1 where they are larger.
    var reduction: Double
    var title: String
    var detail: String
    var kind: Kind
  }

  enum Kind { case input, output, convolution, attention, residual, resampling, other }

  struct Edge: Hashable {
    var from: Int
    var to: Int
    var label: String
  }

  private(set) var blocks: [Block] = []
  private(set) var edges: [Edge] = []
  private let graph: Graph
  private let picture: (height: Int, width: Int)
  private var reduction: [NodeID: Double] = [:]

  /// - Parameter graph: of one image `[N, C, H, W]`; other graphs are drawn on one level.
  init(_ graph: Graph) {
    self.graph = graph
    let shape = graph.inputs.first.map { graph[$0].type.shape } ?? []
    picture = shape.rank == 4 ? (shape[2], shape[3]) : (0, 0)
    let order = reachable()
    findLevels(order)
    assemble(folded(pieces(order)))
  }

  /// Nodes that depend on an input, in order.
  private func reachable() -> [NodeID] {
    var known = Set(graph.inputs)
    return graph.nodesInOrder.filter { id in
      guard graph[id].inputs.contains(where: known.contains) else { return false }
      known.formUnion(graph[id].outputs)
      return true
    }
  }

  /// How much smaller than the input a value is, where it is a picture of the same proportions.
  private func reduction(of value: ValueID) -> Double? {
    let shape = graph[value].type.shape
    guard shape.rank == 4, picture.height > 0, shape[2] > 1, shape[3] > 1 else { return nil }
    let ratio = Double(picture.height) / Double(shape[2])
    // Maps of attention are as square as many pictures, but of sizes that no stride or shuffle makes.
    let isWhole = ratio == ratio.rounded() || 1 / ratio == (1 / ratio).rounded()
    return isWhole && ratio * Double(shape[3]) == Double(picture.width) ? ratio : nil
  }

  private mutating func findLevels(_ order: [NodeID]) {
    for id in order {
      let node = graph[id]
      let own = node.outputs.compactMap { reduction(of: $0) }.first
      let inherited = node.inputs.compactMap { input in graph.producer(of: input).flatMap { reduction[$0] } }
        .max()
      reduction[id] = own ?? inherited ?? 1
    }
  }

  /// Nodes cut wherever one value alone goes on; values that skip over other levels do not count.
  private func pieces(_ order: [NodeID]) -> [[NodeID]] {
    var segment: [NodeID: Int] = [:]
    var position: [NodeID: Int] = [:]
    var current = 0
    for (index, id) in order.enumerated() {
      if index > 0, reduction[id] != reduction[order[index - 1]] { current += 1 }
      (segment[id], position[id]) = (current, index)
    }
    // The number of values of a segment that are alive behind each node, of those that stay in it.
    var change = [Int](repeating: 0, count: order.count + 1)
    var own = [Int](repeating: 0, count: order.count)
    for (index, id) in order.enumerated() {
      for output in graph[id].outputs {
        let users = graph.users(of: output).filter { segment[$0] == segment[id] }
        guard let last = users.compactMap({ position[$0] }).max(), last > index + 1 || users.count > 1 else {
          continue
        }
        // A value over most of a long segment is a skip, too.
        let extent = last - index
        guard extent < 12 || extent * 3 < order.count else { continue }
        change[index] += 1
        own[index] += 1
        change[last] -= 1
      }
    }
    var result: [[NodeID]] = []
    var piece: [NodeID] = []
    var alive = 0
    for (index, id) in order.enumerated() {
      piece.append(id)
      alive += change[index]
      let isLast = index + 1 == order.count || segment[order[index + 1]] != segment[id]
      // The one value that may go on is this node's own.
      guard isLast || alive == own[index] else { continue }
      result.append(piece)
      piece = []
    }
    return joined(result)
  }

  /// Small pieces behind a convolution go with it.
  private func joined(_ pieces: [[NodeID]]) -> [[NodeID]] {
    var result: [[NodeID]] = []
    for piece in pieces {
      let isSmall = piece.count == 1 && !isContraction(piece[0])
      if isSmall, let last = result.last, reduction[last[0]] == reduction[piece[0]], last.count < 12 {
        result[result.count - 1] += piece
      } else {
        result.append(piece)
      }
    }
    return result
  }

  private func isContraction(_ id: NodeID) -> Bool { graph[id].operator is any ContractionOperator }

  /// The form of a piece, without names.
  private func signature(_ piece: [NodeID]) -> [String] {
    piece.map { id in "\(graph[id].operator.name) \(graph.outputTypes(of: id).map { "\($0.shape)" })" }
  }

  private func folded(_ pieces: [[NodeID]]) -> [(nodes: [NodeID], count: Int)] {
    let signatures = pieces.map(signature)
    var result: [(nodes: [NodeID], count: Int)] = []
    var index = 0
    while index < pieces.count {
      var best = (period: 1, count: 1)
      for period in 1...4 {
        var count = 1
        while index + (count + 1) * period <= pieces.count,
          (0..<period).allSatisfy({ signatures[index + $0] == signatures[index + count * period + $0] })
        { count += 1 }
        if count > 1, count * period > best.count * best.period { best = (period, count) }
      }
      let end = index + best.period * best.count
      result.append((pieces[index..<end].flatMap { $0 }, best.count))
      index = end
    }
    return result
  }

  private mutating func assemble(_ groups: [(nodes: [NodeID], count: Int)]) {
    let input = graph.inputs.first
    let name = input.map { graph[$0].name } ?? "input"
    blocks = [Block(nodes: [], reduction: 1, title: name, detail: "", kind: .input)]
    var owner: [ValueID: Int] = [:]
    for value in graph.inputs { owner[value] = 0 }
    for group in groups {
      let (title, kind) = BlockNaming(
        graph: graph, nodes: Array(group.nodes.prefix(group.nodes.count / group.count))
      ).name
      let work = group.nodes.reduce(0) { $0 + graph.multiplyAddCount(of: $1) }
      let detail = work > 0 ? "\(SizeText.count(work)) mult-adds" : "\(group.nodes.count) nodes"
      for id in group.nodes { for value in graph[id].outputs { owner[value] = blocks.count } }
      blocks.append(
        Block(
          nodes: group.nodes, count: group.count, reduction: group.nodes.first.flatMap { reduction[$0] } ?? 1,
          title: title, detail: detail, kind: kind))
    }
    var seen: Set<Edge> = []
    func connect(_ value: ValueID, to block: Int) {
      guard let from = owner[value], from != block else { return }
      let edge = Edge(from: from, to: block, label: SizeText.shape(graph[value].type.shape))
      if seen.insert(edge).inserted { edges.append(edge) }
    }
    for (index, block) in blocks.enumerated() {
      for id in block.nodes { for value in graph[id].inputs { connect(value, to: index) } }
    }
    for output in graph.outputs {
      let end = blocks.count
      blocks.append(
        Block(
          nodes: [], reduction: reduction(of: output.value) ?? 1, title: output.name, detail: "",
          kind: .output))
      connect(output.value, to: end)
    }
  }
}
