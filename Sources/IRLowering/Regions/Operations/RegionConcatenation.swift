import IRGraph
import IROperators

/// Concatenation of channels: a copy of each input.
package struct RegionConcatenation: RegionOperation {
  package init?(_ node: RegionNode) {
    guard node.filledGrid() != nil, node.isFloat32, let concatenate = node.node.operator as? Concatenate,
      concatenate.axis == 1
    else { return nil }
  }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let (inputs, result) = (planner.graph[id].inputs, planner.graph[id].outputs[0])
    let sources = inputs.map { planner.operand($0, isReadOften: false) }
    let place = planner.output(result)
    var channel = 0
    for (input, source) in zip(inputs, sources) {
      var target = place
      target.channel = channel
      planner.append(
        RegionCopy(), [source], into: target, channelCount: planner.channelCount(input), of: result)
      channel += planner.channelCount(input)
    }
    planner.finish(result, place)
  }
}
