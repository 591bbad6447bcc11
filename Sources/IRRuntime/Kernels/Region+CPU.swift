import CIRKernels
import CIROperators
import IRCompiler
import IROperators
import IRTensor

/// A region as the flat C structure that its driver runs, with the memory that this points to.
///
/// Unchecked: nothing changes it once it is made; a run has its pointers and its workspace in memory of its
/// own.
private final class RegionProgram: @unchecked Sendable {
  var region = ir_region()
  private var instructions: UnsafeMutableBufferPointer<ir_region_instruction>
  private var values: UnsafeMutableBufferPointer<ir_region_value>
  private var programs: [UnsafeMutableBufferPointer<ir_elementwise_instruction>] = []
  private var windowTables: [UnsafeMutableBufferPointer<ir_region_window>] = []
  /// Packed weights, biases and scales.
  private(set) var held: [TensorStorage] = []
  /// Weights that are packed at each run.
  private var stored: [TensorStorage] = []

  private let packing: WeightPacking
  /// Columns of a feature map: blocks of pixels beside each other.
  private let columnCount: Int

  init?(_ plan: RegionPlan, _ cut: RegionCut, _ packing: WeightPacking) {
    let tiles = (cut.width + max(cut.tileColumns, 1) - 1) / max(cut.tileColumns, 1)
    guard cut.height <= Int(IR_REGION_MAX_ROWS), plan.batch * tiles <= Int(IR_REGION_MAX_TILES) else {
      return nil
    }
    self.packing = packing
    columnCount = plan.width
    instructions = .allocate(capacity: plan.instructions.count)
    instructions.initialize(repeating: ir_region_instruction())
    values = .allocate(capacity: max(plan.values.count, 1))
    values.initialize(repeating: ir_region_value())
    for (index, value) in plan.values.enumerated() {
      values[index] = ir_region_value(
        channels: value.channelCount, margin_rows: value.margin, margin_columns: value.margin,
        rows: (value.extraRows + cut.stepRows).roundedUp(toMultipleOf: plan.alignment))
    }
    for (index, instruction) in plan.instructions.enumerated() {
      guard fill(&instructions[index], instruction) else { return nil }
    }
    region.batch = plan.batch
    region.height = cut.height
    region.width = cut.width
    region.tile_columns = cut.tileColumns
    region.band_rows = cut.bandRows
    region.step_rows = cut.stepRows
    region.block_rows = cut.blockRows
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

  /// - Returns: false for what the driver does not take.
  private func fill(_ target: inout ir_region_instruction, _ source: RegionPlan.Instruction) -> Bool {
    guard source.operands.count <= Int(IR_REGION_MAX_OPERANDS),
      let opcode = Self.opcodes[type(of: source.operation).driverName]
    else { return false }
    target.opcode = opcode
    target.output = operand(source.output)
    target.channels = source.channelCount
    target.margin_rows = source.margin
    target.margin_columns = source.margin
    target.operand_count = source.operands.count
    withUnsafeMutableBytes(of: &target.operands) { bytes in
      let all = bytes.bindMemory(to: ir_region_operand.self)
      for (index, own) in source.operands.enumerated() { all[index] = operand(own) }
    }
    let parameters = source.operation.parameters
    target.depth = parameters.depth
    target.groups = parameters.groupCount ?? 0
    target.factor = parameters.factor ?? 0
    if let blocks = parameters.blocks { target.blocks = layout(blocks) }
    if let own = parameters.normalization {
      (target.is_centred, target.epsilon) = (own.isCentred, own.epsilon)
      (target.scale, target.bias) = (kept(own.scale), kept(own.bias))
    }
    if let own = parameters.window {
      target.has_residual = own.convolution.hasResidual
      target.window = window(own)
      if let input = source.weightInput {
        target.window.weights_input = UInt32(input)
      } else {
        guard let weight = own.weight else { return false }
        setWeights(weight, of: &target)
      }
    }
    return parameters.chain.map { fill(&target, $0, parameters.windows) } ?? true
  }

  /// The driver's operations by name.
  private static let opcodes: [String: ir_region_opcode] = {
    var result: [String: ir_region_opcode] = [:]
    for number in 0..<IR_REGION_COUNT.rawValue {
      let opcode = ir_region_opcode(number)
      if let name = ir_region_name(opcode) { result[String(cString: name)] = opcode }
    }
    return result
  }()

  /// Gives an instruction that is filled otherwise its weights, as its operation reads them.
  private func setWeights(_ weight: Tensor, of target: inout ir_region_instruction) {
    let count = ir_region_packed_weights_count(&target)
    guard count > 0 else {
      target.window.weights = kept(weight)
      return
    }
    if packing.isAtRun(weight) {
      target.window.stored = ir_weights(weight)
      stored.append(weight.storage)
      return
    }
    let order = [Int(ir_region_packing(&target).rawValue)] + (target.groups > 1 ? [target.groups] : [])
    let storage = packing.weights.storage(of: weight, packing: order + weight.shape.extents, count: count) {
      ir_region_pack_weights(&target, $0, $1)
    }
    held.append(storage)
    target.window.weights = UnsafePointer(storage.pointer.assumingMemoryBound(to: Float.self))
  }

  /// All of a window but its weights.
  private func window(_ source: RegionWindow) -> ir_region_window {
    let (fused, convolution) = (source.convolution, source.convolution.convolution)
    let activation = fused.driverActivation ?? DriverActivation()
    return ir_region_window(
      kernel_height: source.shape[2], kernel_width: source.shape[3], dilation: convolution.dilations[0],
      pad_top: convolution.padsBefore[0], pad_left: convolution.padsBefore[1], weights: nil,
      stored: ir_weights(), weights_input: 0,
      bias: kept(source.bias), activation: activation.kind, slope: activation.slope)
  }

  /// The instructions whose weights are inputs that the driver packs.
  var packings: [(instruction: Int, input: Int, byteCount: Int)] {
    instructions.indices.compactMap { index in
      guard ir_region_packs_weights(&instructions[index]), instructions[index].window.stored.numbers == nil
      else { return nil }
      let count = ir_region_packed_weights_count(&instructions[index])
      return (index, Int(instructions[index].window.weights_input), count * 4)
    }
  }

  func pack(_ index: Int, _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) {
    ir_region_pack_weights(&instructions[index], source, target)
  }

  private func layout(_ blocks: BlockLayout) -> ir_region_blocks {
    ir_region_blocks(
      side: blocks.side, columns: columnCount, channel_step: blocks.channelStep,
      place_step: blocks.placeStep)
  }

  private func fill(
    _ target: inout ir_region_instruction, _ chain: ElementwiseChain, _ windows: [Int: RegionWindow]
  ) -> Bool {
    guard let list = encodedInstructions(chain) else { return false }
    let program = UnsafeMutableBufferPointer<ir_elementwise_instruction>.allocate(capacity: list.count)
    _ = program.initialize(from: list)
    programs.append(program)
    target.program = UnsafePointer(program.baseAddress)
    target.program_count = list.count
    guard !windows.isEmpty else { return true }
    let table = UnsafeMutableBufferPointer<ir_region_window>.allocate(capacity: chain.inputCount)
    table.initialize(repeating: ir_region_window())
    for (position, own) in windows {
      table[position] = window(own)
      table[position].weights = kept(own.weight)
    }
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
    held.append(tensor.storage)
    return UnsafePointer(tensor.storage.pointer.assumingMemoryBound(to: Float.self))
  }
}

/// Nodes computed together, row by row.
func regionKernel(
  _ plan: RegionPlan, _ cut: RegionCut, threadCount: Int, _ packing: WeightPacking
) -> (any Kernel)? {
  guard let program = RegionProgram(plan, cut, packing) else { return nil }
  let workspace = ir_region_workspace(&program.region, Int32(threadCount))
  let packings = program.packings
  var kernel = CPUKernel(
    plan.summary, cut: cut.text, listing: plan.listing(cut), workspace: workspace,
    inPlace: plan.inPlaceInputs, holding: program.held
  ) { arguments in
    let inputs = arguments.inputs.map { Optional($0.assumingMemoryBound(to: Float.self)) }
    let outputs = arguments.outputs.map { Optional($0.assumingMemoryBound(to: Float.self)) }
    guard !arguments.packed.isEmpty else {
      ir_region(&program.region, inputs, outputs, nil, arguments.workspace, arguments.threads)
      return
    }
    var packed = [UnsafePointer<Float>?](repeating: nil, count: program.region.instruction_count)
    for (packing, pointer) in zip(packings, arguments.packed) {
      packed[packing.instruction] = pointer.assumingMemoryBound(to: Float.self)
    }
    ir_region(&program.region, inputs, outputs, packed, arguments.workspace, arguments.threads)
  }
  kernel.packings = packings.map { KernelPacking(input: $0.input, byteCount: $0.byteCount) }
  kernel.packing = { program.pack(packings[$0].instruction, $1, $2) }
  return kernel
}

extension RegionPlan {
  /// The instructions in a word each, copies left out.
  fileprivate var summary: String {
    let words = instructions.compactMap(\.operation.word)
    return "region(" + words.joined(separator: " ") + ")"
  }
}

extension RegionCut {
  fileprivate var text: String {
    "bands of \(bandRows) of \(height) rows, tiles of \(tileColumns) of \(width) columns, \(stepRows) rows a step"
  }
}
