import CIRKernels
import CIROperators
import IRCompiler
import IROperators
import IRTensor

/// A region as the flat C structure that its driver runs, with the memory that this points to.
private final class RegionProgram: @unchecked Sendable {
  var region = ir_region()
  private var instructions: UnsafeMutableBufferPointer<ir_region_instruction>
  private var values: UnsafeMutableBufferPointer<ir_region_value>
  private var programs: [UnsafeMutableBufferPointer<ir_elementwise_instruction>] = []
  private var windowTables: [UnsafeMutableBufferPointer<ir_region_window>] = []
  /// Packed weights, biases and scales.
  private var numbers: [TensorStorage] = []

  private let weights: PackedWeights

  init?(_ plan: RegionPlan, _ weights: PackedWeights) {
    let tiles = (plan.width + max(plan.tileColumns, 1) - 1) / max(plan.tileColumns, 1)
    guard plan.height <= Int(IR_REGION_MAX_ROWS), plan.batch * tiles <= Int(IR_REGION_MAX_TILES) else {
      return nil
    }
    self.weights = weights
    instructions = .allocate(capacity: plan.instructions.count)
    instructions.initialize(repeating: ir_region_instruction())
    values = .allocate(capacity: max(plan.values.count, 1))
    values.initialize(repeating: ir_region_value())
    for (index, value) in plan.values.enumerated() {
      values[index] = ir_region_value(
        channels: value.channelCount, margin_rows: value.margin, margin_columns: value.margin,
        rows: (value.extraRows + plan.stepRows + plan.alignment - 1) / plan.alignment * plan.alignment)
    }
    for (index, instruction) in plan.instructions.enumerated() {
      guard fill(&instructions[index], instruction) else { return nil }
    }
    region.batch = plan.batch
    region.height = plan.height
    region.width = plan.width
    region.tile_columns = plan.tileColumns
    region.band_rows = plan.bandRows
    region.step_rows = plan.stepRows
    region.block_rows = plan.blockRows
    region.values = UnsafePointer(values.baseAddress)
    region.value_count = plan.values.count
    region.instructions = UnsafePointer(instructions.baseAddress)
    region.instruction_count = plan.instructions.count
  }

  deinit {
    for program in programs { program.deallocate() }
    for table in windowTables { table.deallocate() }
    values.deallocate()
    instructions.deallocate()
  }

  private func fill(_ target: inout ir_region_instruction, _ source: RegionPlan.Instruction) -> Bool {
    guard source.operands.count <= Int(IR_REGION_MAX_OPERANDS) else { return false }
    target.output = operand(source.output)
    target.channels = source.channelCount
    target.margin_rows = source.margin
    target.margin_columns = source.margin
    target.operand_count = source.operands.count
    withUnsafeMutableBytes(of: &target.operands) { bytes in
      let all = bytes.bindMemory(to: ir_region_operand.self)
      for (index, own) in source.operands.enumerated() { all[index] = operand(own) }
    }
    switch source.operation {
    case .copy: target.opcode = IR_REGION_COPY
    case .spaceToDepth(let blocks):
      target.opcode = IR_REGION_SPACE_TO_DEPTH
      target.blocks = layout(blocks)
    case .depthToSpace(let blocks):
      target.opcode = IR_REGION_DEPTH_TO_SPACE
      target.blocks = layout(blocks)
    case .normalization(let isCentred, let epsilon, let scale, let bias):
      target.opcode = IR_REGION_NORMALIZE
      target.is_centred = isCentred
      target.epsilon = epsilon
      target.scale = kept(scale)
      target.bias = kept(bias)
    case .elementwise(let chain, let windows): return fill(&target, chain, windows)
    case .convolution(let fused, let weight, let bias):
      target.opcode = IR_REGION_CONVOLUTION
      target.window = window(fused, weight.shape, bias)
      target.depth = weight.shape[1]
      target.has_residual = fused.hasResidual
      switch weight {
      case .input(let index, _): target.window.weights_input = UInt32(index)
      case .constant(let tensor):
        let packed = weights.storage(
          of: tensor, packing: [0] + weight.shape.extents, count: ir_region_packed_weights_count(&target)
        ) { ir_region_pack_weights(&target, $0, $1) }
        numbers.append(packed)
        target.window.weights = UnsafePointer(packed.pointer.assumingMemoryBound(to: Float.self))
      }
    case .sum(let factor):
      target.opcode = IR_REGION_SUM
      target.factor = factor
    case .gram(let groupCount, let columnCount):
      target.opcode = IR_REGION_GRAM
      target.groups = groupCount
      target.depth = columnCount
    case .winograd(let fused, let weight, let bias):
      target.opcode = IR_REGION_WINOGRAD
      target.window = window(fused, weight.shape, bias)
      if fused.isRectified, fused.slope != 0 {
        (target.window.activation, target.window.slope) = (IR_ACTIVATION_LEAKY_RELU, fused.slope)
      }
      (target.depth, target.has_residual) = (weight.shape[1], fused.hasResidual)
      let packed = winogradWeights(weight, weights)
      numbers.append(packed)
      target.window.weights = UnsafePointer(packed.pointer.assumingMemoryBound(to: Float.self))
    case .depthwise(let depthwise):
      target.opcode = IR_REGION_DEPTHWISE
      target.window = window(depthwise)
    }
    return true
  }

  private func window(_ fused: FusedConvolution, _ weight: Shape, _ bias: Tensor?) -> ir_region_window {
    ir_region_window(
      kernel_height: weight[2], kernel_width: weight[3], dilation: fused.convolution.dilations[0],
      pad_top: fused.convolution.padsBefore[0], pad_left: fused.convolution.padsBefore[1], weights: nil,
      weights_input: 0, bias: kept(bias),
      activation: fused.isRectified ? IR_ACTIVATION_RELU : IR_ACTIVATION_NONE, slope: 0)
  }

  private func layout(_ blocks: BlockLayout) -> ir_region_blocks {
    ir_region_blocks(
      side: blocks.side, columns: blocks.columnCount, channel_step: blocks.channelStep,
      place_step: blocks.placeStep)
  }

  private func window(_ depthwise: RegionPlan.Depthwise) -> ir_region_window {
    var result = window(depthwise.convolution, depthwise.weight.shape, depthwise.bias)
    result.weights = kept(depthwise.weight)
    return result
  }

  private func fill(
    _ target: inout ir_region_instruction, _ chain: ElementwiseChain,
    _ windows: [Int: RegionPlan.Depthwise]
  ) -> Bool {
    guard let list = encodedInstructions(chain) else { return false }
    let program = UnsafeMutableBufferPointer<ir_elementwise_instruction>.allocate(capacity: list.count)
    _ = program.initialize(from: list)
    programs.append(program)
    target.opcode = IR_REGION_ELEMENTWISE
    target.program = UnsafePointer(program.baseAddress)
    target.program_count = list.count
    guard !windows.isEmpty else { return true }
    let table = UnsafeMutableBufferPointer<ir_region_window>.allocate(capacity: chain.inputCount)
    table.initialize(repeating: ir_region_window())
    for (position, depthwise) in windows { table[position] = window(depthwise) }
    windowTables.append(table)
    target.windows = UnsafePointer(table.baseAddress)
    return true
  }

  private func operand(_ operand: RegionPlan.Operand) -> ir_region_operand {
    let (place, index) =
      switch operand.place {
      case .rolling(let index): (IR_REGION_ROLLING, index)
      case .input(let index): (IR_REGION_INPUT, index)
      case .output(let index): (IR_REGION_OUTPUT, index)
      case .sums(let index): (IR_REGION_SUMS, index)
      case .channels(let index): (IR_REGION_CHANNELS, index)
      case .imageChannels(let index): (IR_REGION_IMAGE_CHANNELS, index)
      case .scalar(let index): (IR_REGION_SCALAR, index)
      }
    return ir_region_operand(
      place: place, index: UInt32(index), channel: UInt32(operand.channel),
      channels: UInt32(operand.channelCount), is_half: operand.isHalf)
  }

  private func kept(_ tensor: Tensor?) -> UnsafePointer<Float>? {
    guard let tensor else { return nil }
    numbers.append(tensor.storage)
    return UnsafePointer(tensor.storage.pointer.assumingMemoryBound(to: Float.self))
  }
}

/// Nodes computed together, row by row.
func regionKernel(_ plan: RegionPlan, threadCount: Int, _ weights: PackedWeights) -> (any Kernel)? {
  guard let program = RegionProgram(plan, weights) else { return nil }
  let workspace = ir_region_workspace(&program.region, Int32(threadCount))
  return CPUKernel(
    plan.summary, cut: plan.cut, listing: plan.listing, workspace: workspace, inPlace: plan.inPlaceInputs
  ) { arguments in
    let inputs = arguments.inputs.map { Optional($0.assumingMemoryBound(to: Float.self)) }
    let outputs = arguments.outputs.map { Optional($0.assumingMemoryBound(to: Float.self)) }
    ir_region(&program.region, inputs, outputs, arguments.workspace, arguments.threads)
  }
}

extension RegionPlan {
  /// The instructions in a word each, copies left out.
  fileprivate var summary: String {
    let words = instructions.compactMap { instruction -> String? in
      switch instruction.operation {
      case .copy: return nil
      case .spaceToDepth: return "to-depth"
      case .depthToSpace: return "to-space"
      case .normalization: return "norm"
      case .sum: return "sum"
      case .gram: return "gram"
      case .elementwise(_, let windows): return windows.isEmpty ? "elementwise" : "dw+elementwise"
      case .winograd: return "conv3x3.winograd"
      case .convolution(_, let weight, _): return "conv\(weight.shape[2])x\(weight.shape[3])"
      case .depthwise(let window): return "dw\(window.weight.shape[2])x\(window.weight.shape[3])"
      }
    }
    return "region(" + words.joined(separator: " ") + ")"
  }

  fileprivate var cut: String {
    "bands of \(bandRows) of \(height) rows, tiles of \(tileColumns) of \(width) columns, \(stepRows) rows a step"
  }
}
