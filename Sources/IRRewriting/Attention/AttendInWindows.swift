import IRGraph
import IROperators
import IRTensor

/// Attention of tokens that were cut out of a feature map as windows reads the windows in the feature map,
/// and writes them there. Movements of operands decrease, and that of the result may meet its inverse; exact.
struct AttendInWindows: RewriteRule {
  static let name = "attend-in-windows"

  /// The tokens of an operand as windows of a feature map.
  private struct Windows: Hashable {
    var side: [Int]
    var offset: [Int]
    /// `[N, C, H, W]`.
    var featureMap: ValueID
    var shape: Shape
  }

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard var attention = node.operator as? Attention, attention.window.isEmpty else { return nil }
    let operands = node.inputs.prefix(3).compactMap { windows($0, graph) }
    guard operands.count == 3, let first = operands.first,
      operands.allSatisfy({
        $0.side == first.side && $0.offset == first.offset
          && $0.shape.dropFirst(2).elementsEqual(first.shape.dropFirst(2))
      })
    else { return nil }
    (attention.window, attention.offset) = (first.side, first.offset)
    var patch = GraphPatch(to: graph)
    let inputs = operands.map(\.featureMap) + node.inputs.dropFirst(3)
    let featureMap = try patch.value(attention, inputs.map { .existing($0) }, name: node.name)
    let (batch, height, width) = (first.shape[0], first.shape[2], first.shape[3])
    let (down, across) = (first.side[0], first.side[1])
    let channels = attention.heads * attention.valueSize
    let name = node.name
    var tokens = try patch.value(Transpose.toLast, [featureMap], name: "\(name).pixels")
    if first.offset != [0, 0] {
      tokens = try patch.value(
        Roll(offsets: [0, first.offset[0], first.offset[1], 0]), [tokens], name: "\(name).rolled")
    }
    if [down, across] != [height, width] {
      tokens = try patch.value(
        Reshape(shape: [batch, height / down, down, width / across, across, channels]), [tokens],
        name: "\(name).cut")
      tokens = try patch.value(
        Transpose(permutation: [0, 1, 3, 2, 4, 5]), [tokens], name: "\(name).windows")
    }
    tokens = try patch.value(
      Reshape(shape: graph[node.outputs[0]].type.shape), [tokens], name: "\(name).tokens")
    patch.replace(node.outputs[0], with: tokens)
    return patch
  }

  /// The windows that tokens `[batch, count, C]` are, of a feature map whose channels were moved last.
  private func windows(_ value: ValueID, _ graph: Graph) -> Windows? {
    var origin = Origin(of: value, in: graph)
    repeat {
      guard origin.scale == 1 else { return nil }
      guard let (_, transpose, sources) = graph.producer(of: origin.root, as: Transpose.self),
        transpose == .toLast
      else { continue }
      let shape = graph[sources[0]].type.shape
      guard let side = side(origin, shape) else { continue }
      return Windows(
        side: side, offset: Array(origin.offsets[1...2]), featureMap: sources[0], shape: shape)
    } while origin.step()
    return nil
  }

  /// Height and width of the windows where the value's axes are (feature map, row, column), (row, column in
  /// the window), channel.
  private func side(_ origin: Origin, _ shape: Shape) -> [Int]? {
    typealias Digit = Origin.Digit
    guard origin.axes.count == 3, origin.starts == [0, 0, 0, 0], origin.offsets[0] == 0,
      origin.offsets[3] == 0
    else { return nil }
    let (batch, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    func extent(_ axis: Int) -> Int { origin.axes[1].first { $0.axis == axis }?.extent ?? 1 }
    let (down, across) = (extent(1), extent(2))
    guard down > 0, across > 0, height % down == 0, width % across == 0 else { return nil }
    let wanted = [
      Origin.digits([
        Digit(axis: 0, extent: batch, stride: 1), Digit(axis: 1, extent: height / down, stride: down),
        Digit(axis: 2, extent: width / across, stride: across),
      ]),
      Origin.digits([
        Digit(axis: 1, extent: down, stride: 1), Digit(axis: 2, extent: across, stride: 1),
      ]),
      Origin.digits([Digit(axis: 3, extent: channels, stride: 1)]),
    ]
    return origin.axes == wanted ? [down, across] : nil
  }
}

extension Transpose {
  /// `[N, C, H, W]` to `[N, H, W, C]`.
  static let toLast = Transpose(permutation: [0, 2, 3, 1])
}
