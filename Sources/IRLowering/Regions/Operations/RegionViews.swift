import IRGraph
import IROperators

/// Parts of channels, which are names of their input's rows.
package struct RegionViews: RegionOperation {
  private let starts: [Int]

  package init?(_ node: RegionNode) {
    guard let grid = node.filledGrid(), node.isFloat32 else { return nil }
    switch node.node.operator {
    case let split as Split where split.axis == 1:
      starts = split.sizes.indices.map { split.sizes[..<$0].reduce(0, +) }
    case let slice as Slice where slice.steps[1] == 1:
      guard RegionGrid(node.types[0]) == grid, slice.steps.allSatisfy({ $0 > 0 }) else { return nil }
      starts = [slice.starts[1]]
    default: return nil
    }
  }

  package var worth: RegionWorth { .nothing }
  package var slicing: RegionSlicing { .parts }
  package var viewedChannels: [Int]? { starts }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {}
}
