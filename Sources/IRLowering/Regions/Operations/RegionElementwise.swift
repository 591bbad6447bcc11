import IRGraph
import IROperators
import IRTensor

/// A chain of elementwise functions of whole feature maps, numbers for each channel, or one number; operands
/// in `windows` are convolved before the chain reads them.
package struct RegionElementwise: RegionOperation {
  let chain: ElementwiseChain
  var windows: [Int: RegionWindow] = [:]

  package static let driverName = "elementwise"

  package init?(_ node: RegionNode) {
    guard let grid = node.filledGrid(), node.isFloat32, let chain = ElementwiseChain(node.node.operator),
      node.support.supports(chain)
    else {
      return nil
    }
    let result = node.outputShape
    guard node.types.contains(where: { RegionGrid($0) == grid && $0.shape[1] == result[1] }),
      node.types.allSatisfy({ Self.isOperand($0.shape, of: result) })
    else { return nil }
    self.chain = chain
  }

  /// A whole feature map, a number for each channel, or one number.
  private static func isOperand(_ shape: Shape, of result: Shape) -> Bool {
    if shape == result { return true }
    let full = Shape([Int](repeating: 1, count: max(0, 4 - shape.rank)) + shape.extents)
    return full.rank == 4 && full[2] == 1 && full[3] == 1 && (full[0] == 1 || full[0] == result[0])
      && (full[1] == result[1] || full.elementCount == 1)
  }

  package var isElementwise: Bool { true }
  package var slicing: RegionSlicing { .parts }
  package var word: String? { windows.isEmpty ? "elementwise" : "dw+elementwise" }
  package var parameters: RegionParameters { RegionParameters(chain: chain, windows: windows) }
  package func reach(_ operand: Int) -> Int { windows[operand]?.reach ?? 0 }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) {
    let (node, result) = (planner.graph[id], planner.graph[id].outputs[0])
    var (own, operands) = (self, [RegionPlan.Operand]())
    var multiplyAddCount = planner.graph.multiplyAddCount(of: id)
    for (position, input) in node.inputs.enumerated() {
      if let (window, operand) = planner.inlinedWindow(input, channelCount: planner.channelCount(result)) {
        own.windows[position] = window
        operands.append(operand)
        multiplyAddCount += window.shape.elementCount * planner.pixelCount
      } else {
        operands.append(planner.elementwiseOperand(input, of: planner.graph[result].type.shape))
      }
    }
    planner.append(own, operands, to: result, multiplyAddCount: multiplyAddCount)
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    let starts =
      RegionCost.windowCalls * Double(windows.count) / RegionCost.windowRows(stepRows, on: machine)
      + RegionCost.rowCalls * Double(chain.instructions.count)
    return RegionCost(
      calls: Double(instruction.channelCount) * starts,
      passes: Double(windows.count) * RegionCost.windowPasses + RegionCost.instructionPasses
        * Double(chain.instructions.count),
      depth: instruction.channelCount)
  }
}
