import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// Concatenations that no step computes: their inputs are computed where the result has them.
///
/// A concatenation of feature maps' channels lies in memory as its inputs one behind the other. The last of a
/// dense block holds those before it, so that none of them copies anything.
struct JoinedValues {
  /// The places of inputs, and of concatenations of the first of them, in the value that holds all.
  private(set) var places: [ValueID: ValuePlace] = [:]
  /// The concatenations.
  private(set) var nodes: Set<NodeID> = []
  /// The most nodes between a part and the concatenation: longer, the memory of all parts would be held for
  /// one.
  private static let distanceLimit = 24

  init(in graph: Graph, _ support: KernelSupport) {
    let order = graph.nodesInOrder
    let position = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    for id in order.reversed() {
      let node = graph[id]
      guard let concatenate = node.operator as? Concatenate, node.inputs.count > 1,
        graph[node.outputs[0]].type.shape[..<concatenate.axis].allSatisfy({ $0 == 1 }),
        Set(node.inputs).count == node.inputs.count,
        // A region that reads it row by row copies nothing but rows in the cache.
        graph.users(of: node.outputs[0]).allSatisfy({ !Self.isReadByRows($0, graph, support) })
      else { continue }
      let result = node.outputs[0]
      // Behind the first input, in a value that holds more, only what lies there already can follow.
      let shared = places[result] == nil ? places[node.inputs[0]] : nil
      let home = places[result] ?? shared ?? ValuePlace(root: result)
      var offset = home.byteOffset
      var wanted: [ValueID: ValuePlace] = [:]
      for input in node.inputs {
        wanted[input] = ValuePlace(root: home.root, byteOffset: offset)
        offset += graph[input].type.byteCount
      }
      let fits = node.inputs.allSatisfy { input in
        if let known = places[input] { return known == wanted[input] }
        guard shared == nil, let producer = graph.producer(of: input), graph.source(of: input) == nil else {
          return false
        }
        return position[id, default: 0] - position[producer, default: 0] <= Self.distanceLimit
      }
      guard fits else { continue }
      places.merge(wanted) { known, _ in known }
      if home.root != result { places[result] = home }
      nodes.insert(id)
    }
  }

  private static func isReadByRows(_ id: NodeID, _ graph: Graph, _ support: KernelSupport) -> Bool {
    graph.regionOperation(of: id, support)?.readsConcatenationsByRows ?? false
  }

  /// Resolves an alias to the value that holds its bytes.
  func resolved(_ place: ValuePlace) -> ValuePlace {
    guard let home = places[place.root] else { return place }
    return ValuePlace(root: home.root, byteOffset: home.byteOffset + place.byteOffset)
  }
}
