import IRGraph
import IROperators
import IRTensor

/// Conversion between float32 and float16, in which whole feature maps alone are: a copy, or part of a move
/// of blocks.
package struct RegionConversion: RegionOperation {
  private let isNarrowing: Bool

  package init?(_ node: RegionNode) {
    guard let cast = node.node.operator as? Cast else { return nil }
    isNarrowing = cast.elementType == .float16
    guard node.filledGrid(ofInput: isNarrowing) != nil else { return nil }
    let pair = [node.types[0].elementType, cast.elementType]
    guard pair == [.float32, .float16] || pair == [.float16, .float32] else { return nil }
  }

  package var isOnInputGrid: Bool { isNarrowing }
  package var endsRegion: Bool { isNarrowing }
  package var readsWhole: Bool { true }
  package var isConversion: Bool { true }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let input = planner.graph[id].inputs[0]
    let operand = isNarrowing ? planner.operand(input, isReadOften: false) : planner.wholeInput(input)
    planner.append(
      RegionCopy(), [operand], to: planner.graph[id].outputs[0],
      multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }
}
