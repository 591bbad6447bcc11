import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// Stores feature maps as float16 between regions, which compute on float32 as
/// before.
///
/// A region converts the rows that it makes as it writes them, and those that it reads as it reads them, so
/// that no whole feature map of float32 is there at any time. Each feature map kept so is rounded once, to 11
/// bits of precision; what exceeds 65504 becomes infinite.
struct Float16Storage {
  /// A feature map that regions alone make and read.
  struct FeatureMap {
    var value: ValueID
    var byteCount: Int
    var maker: Int
    var readers: [Int]
    /// Whether other feature maps are made between its maker and its last reader.
    var isSkip: Bool
  }

  private(set) var graph: Graph
  private(set) var regions: [Region]
  /// The names of the values that are kept so.
  private(set) var names: [String] = []

  private let support: KernelSupport

  init(_ graph: Graph, _ regions: [Region], _ support: KernelSupport) {
    self.graph = graph
    self.regions = regions
    self.support = support
  }

  /// All that may be kept so, those first that cost least precision for what they free: skips, then the
  /// others, the largest of each first; one group has feature maps of one kind and size.
  var groups: [[FeatureMap]] {
    let featureMaps = featureMaps
    let kinds = Set(featureMaps.map { Kind($0) })
    return kinds.sorted().map { kind in featureMaps.filter { Kind($0) == kind } }
  }

  private struct Kind: Hashable, Comparable {
    var isSkip: Bool
    var byteCount: Int

    init(_ featureMap: FeatureMap) { (isSkip, byteCount) = (featureMap.isSkip, featureMap.byteCount) }

    static func < (a: Kind, b: Kind) -> Bool {
      a.isSkip != b.isSkip ? a.isSkip : a.byteCount > b.byteCount
    }
  }

  private var featureMaps: [FeatureMap] {
    let regionOf = regions.indicesByNode
    let order = Schedule(graph, regions: regions.map(\.nodes)).units.compactMap { unit in
      if case .region(let index) = unit { index } else { nil }
    }
    let joined = JoinedValues(in: graph, support)
    let homes = Set(joined.places.values.map(\.root)).union(joined.places.keys)
    return regions.indices.flatMap { maker in
      regions[maker].plan.outputs.compactMap { value -> FeatureMap? in
        guard isFeatureMap(value), !homes.contains(value), !graph.isOutput(value) else { return nil }
        let users = graph.users(of: value).filter { regionOf[$0] != maker }
        let readers = Set(users.compactMap { regionOf[$0] }).sorted()
        guard !users.isEmpty, users.allSatisfy({ regionOf[$0] != nil && readsFeatureMap($0, value) }) else {
          return nil
        }
        let byteCount = graph[value].type.byteCount
        let waiting = order.drop { $0 != maker }.prefix(upTo: order.lastIndex { readers.contains($0) } ?? 0)
        return FeatureMap(
          value: value, byteCount: byteCount, maker: maker, readers: readers,
          isSkip: waiting.dropFirst().contains { region in
            !readers.contains(region)
              && regions[region].plan.outputs.contains { graph[$0].type.byteCount >= byteCount / 8 }
          })
      }
    }
  }

  /// More than a number for each channel.
  private func isFeatureMap(_ value: ValueID) -> Bool {
    let type = graph[value].type
    return type.elementType == .float32 && type.shape.rank == 4 && type.shape[2] * type.shape[3] > 1
  }

  /// Whether the node reads the value as the feature map that it works on, rather than as weights.
  private func readsFeatureMap(_ id: NodeID, _ value: ValueID) -> Bool {
    guard let operation = graph.regionOperation(of: id, support) else { return false }
    return operation.readsWhole || graph.regionGrid(of: id, operation) == RegionGrid(graph[value].type)
  }

  /// Keeps a feature map so.
  /// - Returns: whether it does; nothing has changed where not.
  mutating func store(_ featureMap: FeatureMap) -> Bool {
    var changed = self
    guard (try? changed.convert(featureMap)) == true else { return false }
    self = changed
    return true
  }

  private mutating func convert(_ featureMap: FeatureMap) throws(GraphError) -> Bool {
    let name = graph[featureMap.value].name
    let half = try graph.addNode(Cast(to: .float16), inputs: [featureMap.value], name: "\(name).float16")[0]
    guard let narrowing = graph.producer(of: half) else { return false }
    regions[featureMap.maker].nodes.append(narrowing)
    for reader in featureMap.readers {
      let whole = try graph.addNode(Cast(to: .float32), inputs: [half], name: "\(name).float32")[0]
      guard let widening = graph.producer(of: whole) else { return false }
      graph.replaceUses(of: featureMap.value, with: whole, in: Set(regions[reader].nodes))
      regions[reader].nodes.insert(widening, at: 0)
    }
    names.append(name)
    return ([featureMap.maker] + featureMap.readers).allSatisfy { regions[$0].replan(in: graph, support) }
      && !regions[featureMap.maker].plan.outputs.contains(featureMap.value)
  }
}
