import IRGraph
import IRTensor

/// Several elementwise operators done in one pass over memory; made by the compiler only.
///
/// Registers 0 ..< inputCount hold the inputs, broadcast to the result's shape; each instruction writes
/// the next register, and the last one is the result. float32; truth values are 1 and 0 within a chain.
package struct ElementwiseChain: Operator {
  package enum Function: Hashable, Sendable, Codable {
    case unary(UnaryFunction)
    case activation(Activation)
    case binary(BinaryFunction)
    /// `a != 0 ? b : c`
    case select

    package var operandCount: Int {
      switch self {
      case .unary, .activation: 1
      case .binary: 2
      case .select: 3
      }
    }

    /// The function of one number that an operator applies to every element; nil for other operators.
    package init?(ofOneNumber operation: any Operator) {
      switch operation {
      case let unary as Unary: self = .unary(unary.function)
      case let activation as Activation: self = .activation(activation)
      default: return nil
      }
    }

    /// Its name, without the numbers of an activation.
    package var name: String {
      switch self {
      case .unary(let function): function.rawValue
      case .activation(let activation): activation.function.rawValue
      case .binary(let function): function.rawValue
      case .select: "select"
      }
    }

    /// The operator that applies it to every element.
    package var `operator`: any Operator {
      switch self {
      case .unary(let function): Unary(function)
      case .activation(let activation): activation
      case .binary(let function): Binary(function)
      case .select: Select()
      }
    }
  }

  package struct Instruction: Hashable, Sendable, Codable {
    package var function: Function
    /// Registers.
    package var operands: [Int]

    package init(_ function: Function, _ operands: [Int]) {
      self.function = function
      self.operands = operands
    }
  }

  package var inputCount: Int
  package var instructions: [Instruction]
  package static let name = "ElementwiseChain"

  package init(inputCount: Int, instructions: [Instruction]) {
    self.inputCount = inputCount
    self.instructions = instructions
  }

  /// The chain of one elementwise node, or nil if the operator is not a function of float32 numbers to
  /// such.
  package init?(_ operator: any Operator) {
    if let chain = `operator` as? ElementwiseChain {
      self = chain
      return
    }
    guard
      let function = Function(ofOneNumber: `operator`)
        ?? (`operator` as? Binary).map({ .binary($0.function) })
    else { return nil }
    let number = TensorType(.float32, .scalar)
    let inputs = [TensorType](repeating: number, count: function.operandCount)
    guard (try? `operator`.outputTypes(for: inputs)) == [number] else { return nil }
    self.init(inputCount: inputs.count, instructions: [Instruction(function, Array(inputs.indices))])
  }

  /// The chain of one elementwise node with operands or a result that are truth values, or nil if there is
  /// none.
  package init?(ofTruths operator: any Operator) {
    let function: Function
    switch `operator` {
    case let binary as Binary where binary.function.isComparison: function = .binary(binary.function)
    case let binary as Binary where binary.function == .and: function = .binary(.minimum)
    case let binary as Binary where binary.function == .or: function = .binary(.maximum)
    case let unary as Unary where unary.function == .not:
      function = .activation(Activation(.affine, alpha: -1, beta: 1))
    case let cast as Cast where cast.elementType == .float32:
      function = .activation(Activation(.affine, alpha: 1, beta: 0))
    case is Select: function = .select
    default: return nil
    }
    let operands = Array(0..<function.operandCount)
    self.init(inputCount: operands.count, instructions: [Instruction(function, operands)])
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    guard inputs.count == inputCount, let first = inputs.first else {
      throw TypeError("ElementwiseChain.inputCount", "takes \(inputCount) inputs, has \(inputs.count)")
    }
    var shape = first.shape
    for input in inputs {
      guard input.elementType == .float32, let next = shape.broadcast(with: input.shape) else {
        throw TypeError("ElementwiseChain.inputs", "\(inputs)")
      }
      shape = next
    }
    for (index, instruction) in instructions.enumerated() {
      guard instruction.operands.count == instruction.function.operandCount,
        instruction.operands.allSatisfy({ (0..<(inputCount + index)).contains($0) })
      else {
        throw TypeError("ElementwiseChain.operands", "instruction \(index) reads \(instruction.operands)")
      }
    }
    guard !instructions.isEmpty else { throw TypeError("ElementwiseChain.empty", "has no instructions") }
    return [first.with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let type = try? outputTypes(for: inputs.map(\.type)).first else {
      preconditionFailure("checked by outputTypes")
    }
    let sources = inputs.map { $0.broadcast(to: type.shape).doubles }
    var registers = [Double](repeating: 0, count: inputCount + instructions.count)
    let values = (0..<type.shape.elementCount).map { element -> Double in
      for index in 0..<inputCount { registers[index] = sources[index][element] }
      for (index, instruction) in instructions.enumerated() {
        let a = registers[instruction.operands[0]]
        registers[inputCount + index] =
          switch instruction.function {
          case .unary(let function): function.value(at: a)
          case .activation(let activation): activation.value(at: a)
          case .binary(let function): function.value(at: a, registers[instruction.operands[1]])
          case .select: registers[instruction.operands[a != 0 ? 1 : 2]]
          }
      }
      return registers[registers.count - 1]
    }
    return [Tensor(type, doubles: values)]
  }

  /// This chain with the input `position` computed by `producer` instead; the producer's inputs follow
  /// the others.
  package func replacing(input position: Int, by producer: ElementwiseChain) -> ElementwiseChain {
    let kept = inputCount - 1
    let total = kept + producer.inputCount
    func own(_ register: Int) -> Int {
      if register == position { return total + producer.instructions.count - 1 }
      if register < inputCount { return register < position ? register : register - 1 }
      return register - inputCount + total + producer.instructions.count
    }
    func theirs(_ register: Int) -> Int {
      register < producer.inputCount ? kept + register : register - producer.inputCount + total
    }
    return ElementwiseChain(
      inputCount: total,
      instructions: producer.instructions.map { Instruction($0.function, $0.operands.map(theirs)) }
        + instructions.map { Instruction($0.function, $0.operands.map(own)) })
  }

  /// This chain with equal inputs read once: `inputs` are the values in order, the result those kept.
  package func mergingInputs<Value: Hashable>(_ inputs: [Value]) -> (ElementwiseChain, [Value]) {
    var kept: [Value] = []
    let positions = inputs.map { input -> Int in
      if let known = kept.firstIndex(of: input) { return known }
      kept.append(input)
      return kept.count - 1
    }
    func map(_ register: Int) -> Int {
      register < inputCount ? positions[register] : register - inputCount + kept.count
    }
    let chain = ElementwiseChain(
      inputCount: kept.count,
      instructions: instructions.map { Instruction($0.function, $0.operands.map(map)) })
    return (chain, kept)
  }
}

extension ElementwiseChain: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .broadcasting(types.inputs[input].shape, to: types.outputs[output].shape)
  }
}
