import CIRKernels
import CIROperators
import IRCompiler
import IRGraph
import IROperators
import IRTensor

/// A register program with the memory that it points to.
///
/// Unchecked: nothing changes it once it is made.
private final class RegisterProgram: @unchecked Sendable {
  var program: ir_elementwise_program
  private let instructions: UnsafeMutablePointer<ir_elementwise_instruction>

  init(_ program: ir_elementwise_program, _ list: [ir_elementwise_instruction]) {
    instructions = .allocate(capacity: max(list.count, 1))
    instructions.initialize(from: list, count: list.count)
    self.program = program
    self.program.instruction_count = list.count
    self.program.instructions = UnsafePointer(instructions)
  }

  deinit { instructions.deallocate() }
}

extension ElementwiseChain {
  /// The kernel of a node that is this chain; nil where it is longer than the driver takes.
  func kernel(for request: KernelRequest) -> (any Kernel)? {
    guard inputCount <= Int(IR_ELEMENTWISE_MAX_INPUTS), let list = encodedInstructions(self) else {
      return nil
    }
    let (shape, strides) = collapsed(request.outputTypes[0].shape, request.inputTypes.map(\.shape))
    guard shape.count <= Int(IR_ELEMENTWISE_MAX_RANK) else { return nil }
    var program = ir_elementwise_program()
    program.rank = shape.count
    withUnsafeMutableBytes(of: &program.shape) { bytes in
      let extents = bytes.bindMemory(to: Int.self)
      for (axis, extent) in shape.enumerated() { extents[axis] = extent }
    }
    let rankLimit = Int(IR_ELEMENTWISE_MAX_RANK)
    withUnsafeMutableBytes(of: &program.input_strides) { bytes in
      let all = bytes.bindMemory(to: Int.self)
      for (input, own) in strides.enumerated() {
        for (axis, stride) in own.enumerated() { all[input * rankLimit + axis] = stride }
      }
    }
    program.input_count = inputCount
    program.output_count = 1
    withUnsafeMutableBytes(of: &program.output_registers) { bytes in
      bytes[0] = list.last?.destination ?? 0
    }
    let holder = RegisterProgram(program, list)
    let workspace = ir_elementwise_workspace(&holder.program, Int32(request.threadCount))
    let inPlace = request.inputTypes.indices.filter { request.inputTypes[$0] == request.outputTypes[0] }
    return CPUKernel("elementwise", workspace: workspace, inPlace: inPlace) { arguments in
      let inputs = arguments.inputs.map { Optional($0.assumingMemoryBound(to: Float.self)) }
      let outputs = [Optional(arguments.output())]
      ir_elementwise(&holder.program, inputs, outputs, arguments.workspace, arguments.threads)
    }
  }
}

/// The chain as the drivers read it, or nil if a function has no kernel or the registers do not suffice.
func encodedInstructions(_ chain: ElementwiseChain) -> [ir_elementwise_instruction]? {
  guard chain.inputCount + chain.instructions.count <= Int(IR_ELEMENTWISE_MAX_REGISTERS) else { return nil }
  var list: [ir_elementwise_instruction] = []
  // The register of each value of the chain; that of the last instruction must stay the last.
  var registers = Array(0..<chain.inputCount).map(UInt8.init)
  for instruction in chain.instructions {
    guard var next = encoded(instruction, registers) else { return nil }
    let operands = (instruction.operands.first, instruction.operands.last)
    if let last = list.last, let gated = gated(last.opcode), instruction.function == .binary(.multiply),
      case let (a?, b?) = operands, (a == registers.count - 1) != (b == registers.count - 1),
      chain.useCount(of: registers.count - 1) == 1
    {
      list.removeLast()
      (next.opcode, next.a) = (gated, last.a)
      next.b = registers[a == registers.count - 1 ? b : a]
    }
    next.destination = UInt8(chain.inputCount + list.count)
    list.append(next)
    registers.append(next.destination)
  }
  return list
}

/// A function of one number as the drivers read it; nil if it has no kernel.
func encodedFunction(_ function: ElementwiseChain.Function) -> ir_elementwise_instruction? {
  encoded(ElementwiseChain.Instruction(function, [0]), [0])
}

extension ElementwiseChain {
  /// How many operands of instructions a register is.
  fileprivate func useCount(of register: Int) -> Int {
    instructions.reduce(0) { $0 + $1.operands.count { $0 == register } }
  }
}

/// The kernel that multiplies a function's result on the way.
private func gated(_ opcode: ir_elementwise_opcode) -> ir_elementwise_opcode? {
  switch opcode {
  case IR_ELEMENTWISE_GELU: IR_ELEMENTWISE_GELU_MULTIPLY
  case IR_ELEMENTWISE_SIGMOID: IR_ELEMENTWISE_SIGMOID_MULTIPLY
  default: nil
  }
}

/// The result's shape and the inputs' strides with neighbouring axes joined where every input lets them.
func collapsed(_ shape: Shape, _ inputs: [Shape]) -> (shape: [Int], strides: [[Int]]) {
  let full = inputs.map { $0.broadcastStrides(to: shape) }
  var extents: [Int] = []
  var strides = [[Int]](repeating: [], count: inputs.count)
  for axis in shape.indices where shape[axis] != 1 {
    let joins =
      !extents.isEmpty
      && inputs.indices.allSatisfy {
        (strides[$0].last ?? 0) == full[$0][axis] * shape[axis]
      }
    if joins, let last = extents.indices.last {
      extents[last] *= shape[axis]
      for input in inputs.indices { strides[input][last] = full[input][axis] }
    } else {
      extents.append(shape[axis])
      for input in inputs.indices { strides[input].append(full[input][axis]) }
    }
  }
  if extents.isEmpty { return ([1], inputs.map { _ in [0] }) }
  return (extents, strides)
}

private func encoded(
  _ instruction: ElementwiseChain.Instruction, _ registers: [UInt8]
) -> ir_elementwise_instruction? {
  var result = ir_elementwise_instruction()
  result.a = registers[instruction.operands[0]]
  result.b = registers[instruction.operands.dropFirst().first ?? 0]
  result.c = registers[instruction.operands.last ?? 0]
  switch instruction.function {
  case .unary(let function):
    guard let opcode = opcode(function) else { return nil }
    result.opcode = opcode
  case .binary(let function):
    guard let opcode = opcode(function) else { return nil }
    result.opcode = opcode
  case .select: result.opcode = IR_ELEMENTWISE_SELECT
  case .activation(let activation):
    guard let opcode = opcode(activation.function) else { return nil }
    result.opcode = opcode
    (result.p, result.q) = (activation.alpha, activation.beta)
  }
  return result
}

func opcode(_ function: UnaryFunction) -> ir_elementwise_opcode? {
  switch function {
  case .abs: IR_ELEMENTWISE_ABSOLUTE
  case .neg: IR_ELEMENTWISE_NEGATE
  case .sqrt: IR_ELEMENTWISE_SQUARE_ROOT
  case .reciprocal: IR_ELEMENTWISE_RECIPROCAL
  case .reciprocalSqrt: IR_ELEMENTWISE_RECIPROCAL_SQUARE_ROOT
  case .square: IR_ELEMENTWISE_SQUARE
  case .exp: IR_ELEMENTWISE_EXPONENTIAL
  case .log: IR_ELEMENTWISE_LOGARITHM
  case .sigmoid: IR_ELEMENTWISE_SIGMOID
  case .tanh: IR_ELEMENTWISE_TANH
  case .erf: IR_ELEMENTWISE_ERF
  case .relu: IR_ELEMENTWISE_RELU
  case .softplus: IR_ELEMENTWISE_SOFTPLUS
  case .softsign: IR_ELEMENTWISE_SOFTSIGN
  case .mish: IR_ELEMENTWISE_MISH
  case .hardSwish: IR_ELEMENTWISE_HARD_SWISH
  case .sin: IR_ELEMENTWISE_SINE
  case .cos: IR_ELEMENTWISE_COSINE
  case .ceil: IR_ELEMENTWISE_CEILING
  case .floor: IR_ELEMENTWISE_FLOOR
  case .round: IR_ELEMENTWISE_ROUND
  case .sign: IR_ELEMENTWISE_SIGN
  default: nil
  }
}

func opcode(_ function: BinaryFunction) -> ir_elementwise_opcode? {
  switch function {
  case .add: IR_ELEMENTWISE_ADD
  case .subtract: IR_ELEMENTWISE_SUBTRACT
  case .multiply: IR_ELEMENTWISE_MULTIPLY
  case .divide: IR_ELEMENTWISE_DIVIDE
  case .minimum: IR_ELEMENTWISE_MINIMUM
  case .maximum: IR_ELEMENTWISE_MAXIMUM
  case .power: IR_ELEMENTWISE_POWER
  case .parametricRelu: IR_ELEMENTWISE_PRELU
  case .equal: IR_ELEMENTWISE_EQUAL
  case .less: IR_ELEMENTWISE_LESS
  case .lessOrEqual: IR_ELEMENTWISE_LESS_OR_EQUAL
  case .greater: IR_ELEMENTWISE_GREATER
  case .greaterOrEqual: IR_ELEMENTWISE_GREATER_OR_EQUAL
  default: nil
  }
}

func opcode(_ function: ActivationFunction) -> ir_elementwise_opcode? {
  switch function {
  case .gelu: IR_ELEMENTWISE_GELU
  case .geluTanh: IR_ELEMENTWISE_GELU_TANH
  case .geluSlope: IR_ELEMENTWISE_GELU_SLOPE
  case .leakyRelu: IR_ELEMENTWISE_LEAKY_RELU
  case .elu: IR_ELEMENTWISE_ELU
  case .selu: IR_ELEMENTWISE_SELU
  case .celu: IR_ELEMENTWISE_CELU
  case .hardSigmoid: IR_ELEMENTWISE_HARD_SIGMOID
  case .swish: IR_ELEMENTWISE_SWISH
  case .clip: IR_ELEMENTWISE_CLIP
  case .affine: IR_ELEMENTWISE_MULTIPLY_ADD_IMMEDIATE
  case .thresholdedRelu: nil
  }
}
