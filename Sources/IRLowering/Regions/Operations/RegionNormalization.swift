import IRGraph
import IROperators
import IRTensor

/// Normalization over the channels of each pixel: operand x.
package struct RegionNormalization: RegionOperation {
  private let normalization: RegionParameters.Normalization

  package static let driverName = "normalize"

  package init?(_ node: RegionNode) {
    guard node.filledGrid() != nil, node.isFloat32 else { return nil }
    let (isCentred, epsilon): (Bool, Float)
    switch node.node.operator {
    case let norm as LayerNormalization where norm.axes == [1]: (isCentred, epsilon) = (true, norm.epsilon)
    case let norm as RMSNormalization where norm.axes == [1]: (isCentred, epsilon) = (false, norm.epsilon)
    default: return nil
    }
    let constants = (1..<node.node.inputs.count).map { node.constant($0) }
    guard constants.allSatisfy({ $0 != nil }) else { return nil }
    normalization = RegionParameters.Normalization(
      isCentred: isCentred, epsilon: epsilon, scale: constants.first ?? nil,
      bias: constants.count > 1 ? constants[1] : nil)
  }

  package var worth: RegionWorth { .alone }
  package var slicing: RegionSlicing { .whole }
  package var word: String? { "norm" }
  package var parameters: RegionParameters { RegionParameters(normalization: normalization) }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    planner.append(
      self, [planner.operand(planner.graph[id].inputs[0], isReadOften: false)],
      to: planner.graph[id].outputs[0], multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost { RegionCost(calls: 1, passes: 1, depth: instruction.channelCount) }
}
