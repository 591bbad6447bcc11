import IRGraph
import IROperators
import IRTensor

/// A convolution of one group, stride 1, that keeps height and width: operands x, [residual].
package struct RegionConvolution: RegionOperation {
  let window: RegionWindow

  package static let driverName = "convolution"

  package init?(_ node: RegionNode) {
    guard let fused = node.convolution, fused.convolution.groupCount == 1, node.isFloat32,
      let grid = node.filledGrid(), RegionGrid(node.types[0]) == grid,
      !node.support.isWinograd(fused.convolution, weight: node.types[1].shape),
      let window = node.window(fused)
    else { return nil }
    self.window = window
    // A single pixel is a vector, for which there is a kernel.
    guard window.weight != nil || isPointwise, grid.height * grid.width > 1 || !isPointwise else {
      return nil
    }
    if window.weight != nil,
      node.support.isPixelProduct(
        fused.convolution, weight: window.shape, pixelCount: grid.height * grid.width)
    {
      return nil
    }
  }

  package var worth: RegionWorth { .alone }
  /// Whether the window is one pixel.
  var isPointwise: Bool { window.shape[2] == 1 && window.shape[3] == 1 }
  package var slicing: RegionSlicing { .parts }
  package var word: String? { "conv\(window.shape[2])x\(window.shape[3])" }
  package var parameters: RegionParameters { RegionParameters(window: window, depth: window.shape[1]) }
  package func reach(_ operand: Int) -> Int { operand == 0 ? window.reach : 0 }

  package func emit(_ id: NodeID, into planner: inout RegionPlanner) { emit(id, as: self, into: &planner) }

  /// Adds the convolution as an instruction of another operation with the same operands.
  func emit(_ id: NodeID, as operation: some RegionOperation, into planner: inout RegionPlanner) {
    let node = planner.graph[id]
    // Those of windows are kept for the rows to come; what goes to a whole feature map is written in long
    // rows.
    let isGathered = isPointwise && planner.isKeptInRows(node.outputs[0])
    var operands = [planner.operand(node.inputs[0], isReadOften: !isGathered)]
    let fused = window.convolution
    if fused.hasResidual {
      operands.append(planner.operand(node.inputs[fused.ownInputCount], isReadOften: false))
    }
    let weightInput = window.weight == nil ? planner.inputIndex(node.inputs[1]) : nil
    planner.append(
      operation, operands, to: node.outputs[0], weightInput: weightInput,
      multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }

  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost {
    window.directCost(of: instruction, on: machine)
  }
}

extension RegionWindow {
  /// The cost of a product with the window's weights, panel by panel.
  func directCost(of instruction: RegionPlan.Instruction, on machine: MachineModel) -> RegionCost {
    var cost = instruction.productCost(on: machine)
    cost.panelDepth = shape.elementCount(in: 1..<4)
    return cost
  }

  /// Appends the convolution of a node with weights that are constants: operands x, [residual].
  func emit(_ id: NodeID, as operation: some RegionOperation, into planner: inout RegionPlanner) {
    let node = planner.graph[id]
    var operands = [planner.operand(node.inputs[0], isReadOften: true)]
    if convolution.hasResidual {
      operands.append(planner.operand(node.inputs[convolution.ownInputCount], isReadOften: false))
    }
    planner.append(
      operation, operands, to: node.outputs[0], multiplyAddCount: planner.graph.multiplyAddCount(of: id))
  }
}

extension RegionPlan.Instruction {
  /// The cost of a product of panels.
  func productCost(on machine: MachineModel) -> RegionCost {
    let passes = if case .rolling = output.place { RegionCost.rollingPasses } else { 1.0 }
    return RegionCost(
      calls: Double(channelCount) / Double(machine.panelRows), passes: passes, depth: channelCount)
  }
}
