import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// The footprint of one of a node's outputs from those of its inputs, by what the operator states of its
/// axes.
struct FootprintRule {
  struct Reason: Error { var text: String }
  typealias Outcome = Result<Footprint, Reason>

  let node: Node
  let graph: Graph
  /// Nil for inputs that the image does not reach.
  let sources: [Footprint?]
  let winograd: WinogradForm?

  /// The side of the squares of results that are rounded together, counted from the first row and column.
  var grid: Int {
    guard let convolution = node.operator as? Convolution,
      let form = winograd, form.applies(to: convolution, weight: graph[node.inputs[1]].type.shape)
    else { return 1 }
    return form.tile
  }

  private static let global = Reason(text: "makes every output depend on the whole picture")

  func footprint(of output: Int) -> Outcome {
    guard let mapped = node.operator as? any AxisMappedOperator else { return .failure(Self.global) }
    let types = NodeTypes(
      inputs: node.inputs.map { graph[$0].type }, outputs: node.outputs.map { graph[$0].type })
    let maps = node.inputs.indices.map { mapped.axes(of: output, from: $0, types) }
    var result: Footprint?
    for (source, map) in zip(sources, maps) {
      guard let source else { continue }
      guard let moved = moved(source, by: map, types.outputs[output].shape) else {
        return .failure(Self.global)
      }
      guard let union = result.map({ $0.union(moved) }) ?? moved else {
        return .failure(Reason(text: "meets parts of the picture of other sizes or orders"))
      }
      result = union
    }
    guard let result else { return .failure(Self.global) }
    for (source, map) in zip(sources, maps) where source == nil {
      // A constant that varies along height or width lies elsewhere in another tile.
      guard result.axes.allSatisfy({ map[$0] == .new }) else {
        return .failure(Reason(text: "has a constant of the picture's size"))
      }
    }
    return .success(result)
  }

  /// The footprint in terms of the result's axes; nil if height or width is not among them.
  private func moved(_ source: Footprint, by map: [AxisRelation], _ result: Shape) -> Footprint? {
    guard let merged = source.merged else { return moved(source, by: map) }
    let axis = source.axes[0]
    var digits: [Int] = []
    for (position, relation) in map.enumerated() {
      switch relation {
      case .same(axis): return Footprint(axes: [position, position], spans: source.spans, merged: merged)
      case .digit(axis, _): digits.append(position)
      default: continue
      }
    }
    guard digits.map({ result[$0] }) == merged else { return nil }
    return Footprint(axes: digits, spans: source.spans, merged: nil)
  }

  /// As above, for height and width on axes of their own.
  private func moved(_ source: Footprint, by map: [AxisRelation]) -> Footprint? {
    let pair = source.axes[0]..<(source.axes[0] + 2)
    if source.axes[1] == source.axes[0] + 1, let one = map.firstIndex(of: .joined(pair)) {
      let extents = pair.map { graph[node.inputs[0]].type.shape[$0] }
      return Footprint(axes: [one, one], spans: source.spans, merged: extents)
    }
    var (axes, spans) = ([Int](), [Footprint.Span]())
    for (axis, span) in zip(source.axes, source.spans) {
      for (position, relation) in map.enumerated() {
        switch relation {
        case .same(axis):
          axes.append(position)
          spans.append(span)
        case .window(axis, let window):
          // The bits of a result depend on the windows of all results of its square.
          let neighbours = Double((grid - 1) * window.stride)
          axes.append(position)
          spans.append(
            span.through(
              window.stride, over: window.division, first: window.first - neighbours,
              last: window.last + neighbours))
        default: continue
        }
      }
    }
    return axes.count == 2 && axes[0] != axes[1] ? Footprint(axes: axes, spans: spans, merged: nil) : nil
  }
}
