import IRGraph
import IROperators
import IRTensor

/// The two parts of a value, joined the other way round, are the value rolled; two rolls in a row are one,
/// and a roll by 0 is removed. Parts that regions join row by row are left alone. Nodes decrease; exact.
struct RecognizeRoll: RewriteRule {
  static let name = "recognize-roll"
  /// Whether a region would compute a node row by row.
  let isComputedByRows: @Sendable (NodeID, Graph) -> Bool

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    var patch = GraphPatch(to: graph)
    if let concatenate = node.operator as? Concatenate, node.inputs.count == 2,
      !isJoinedByRegions(id, graph),
      let (first, source) = part(node.inputs[0], concatenate.axis, graph),
      let (second, other) = part(node.inputs[1], concatenate.axis, graph), source == other
    {
      let extent = graph[source].type.shape[concatenate.axis]
      guard second.lowerBound == 0, second.upperBound == first.lowerBound, first.upperBound == extent,
        !first.isEmpty, !second.isEmpty
      else { return nil }
      var offsets = graph[source].type.shape.map { _ in 0 }
      offsets[concatenate.axis] = first.lowerBound
      patch.replace(
        node.outputs[0],
        with: try patch.value(Roll(offsets: offsets), [.existing(source)], name: node.name))
      return patch
    }
    guard let roll = node.operator as? Roll else { return nil }
    if roll.offsets.allSatisfy({ $0 == 0 }) {
      patch.replace(node.outputs[0], with: .existing(node.inputs[0]))
      return patch
    }
    guard let (_, inner, sources) = graph.producer(of: node.inputs[0], as: Roll.self) else { return nil }
    let shape = graph[node.outputs[0]].type.shape
    let both = shape.indices.map {
      shape[$0] == 0 ? 0 : (roll.offsets[$0] + inner.offsets[$0]) % shape[$0]
    }
    patch.replace(
      node.outputs[0],
      with: try patch.value(Roll(offsets: both), [.existing(sources[0])], name: node.name))
    return patch
  }

  private func isJoinedByRegions(_ id: NodeID, _ graph: Graph) -> Bool {
    isComputedByRows(id, graph)
      && graph.users(of: graph[id].outputs[0]).contains { isComputedByRows($0, graph) }
  }

  /// Which places along the axis of which value this is.
  private func part(_ value: ValueID, _ axis: Int, _ graph: Graph) -> (Range<Int>, of: ValueID)? {
    guard case .node(let id, let output) = graph[value].definition else { return nil }
    let node = graph[id]
    if let split = node.operator as? Split, split.axis == axis {
      let start = split.sizes[..<output].reduce(0, +)
      return (start..<(start + split.sizes[output]), node.inputs[0])
    }
    guard let slice = node.operator as? Slice, slice.steps.allSatisfy({ $0 == 1 }) else { return nil }
    let shape = graph[node.inputs[0]].type.shape
    guard shape.indices.allSatisfy({ $0 == axis || slice.extents[$0] == shape[$0] }) else { return nil }
    return (slice.starts[axis]..<(slice.starts[axis] + slice.extents[axis]), node.inputs[0])
  }
}
