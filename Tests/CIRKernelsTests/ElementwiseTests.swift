import CIRKernels
import CIROperators
import Foundation
import IRTestSupport
import Testing

extension KernelTests {
  /// The definition of each unary opcode at p, q, in double.
  static let definitions:
    [(opcode: ir_elementwise_opcode, p: Float, q: Float, f: @Sendable (Double) -> Double)] = [
      (IR_ELEMENTWISE_COPY, 0, 0, { $0 }),
      (IR_ELEMENTWISE_MULTIPLY_ADD_IMMEDIATE, 2, -0.5, { 2 * $0 - 0.5 }),
      (IR_ELEMENTWISE_NEGATE, 0, 0, { -$0 }),
      (IR_ELEMENTWISE_ABSOLUTE, 0, 0, { abs($0) }),
      (IR_ELEMENTWISE_SQUARE, 0, 0, { $0 * $0 }),
      (IR_ELEMENTWISE_SQUARE_ROOT, 0, 0, { $0.squareRoot() }),
      (IR_ELEMENTWISE_RECIPROCAL_SQUARE_ROOT, 0, 0, { 1 / $0.squareRoot() }),
      (IR_ELEMENTWISE_RECIPROCAL, 0, 0, { 1 / $0 }),
      (IR_ELEMENTWISE_EXPONENTIAL, 0, 0, { exp($0) }),
      (IR_ELEMENTWISE_LOGARITHM, 0, 0, { log($0) }),
      (IR_ELEMENTWISE_SIGMOID, 0, 0, { 1 / (1 + exp(-$0)) }),
      (IR_ELEMENTWISE_TANH, 0, 0, { tanh($0) }),
      (IR_ELEMENTWISE_ERF, 0, 0, { erf($0) }),
      (IR_ELEMENTWISE_GELU, 0, 0, { $0 < -20 ? -0.0 : 0.5 * $0 * erfc(-$0 / 2.0.squareRoot()) }),
      (
        IR_ELEMENTWISE_GELU_TANH, 0, 0,
        {
          $0 < -20 ? -0.0 : $0 / (1 + exp(-2 * (2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
        }
      ),
      (
        IR_ELEMENTWISE_GELU_SLOPE, 0, 0,
        {
          let density = exp(-0.5 * $0 * $0) * (0.5 / Double.pi).squareRoot()
          return 0.5 * erfc(-$0 / 2.0.squareRoot()) + (density == 0 ? 0 : $0 * density)
        }
      ),
      (IR_ELEMENTWISE_RELU, 0, 0, { $0.isNaN ? $0 : max(0, $0) }),
      (IR_ELEMENTWISE_LEAKY_RELU, 0.125, 0, { $0 < 0 ? 0.125 * $0 : $0 }),
      (IR_ELEMENTWISE_ELU, 1.5, 0, { $0 < 0 ? 1.5 * expm1($0) : $0 }),
      (IR_ELEMENTWISE_SELU, 1.75, 1.0625, { 1.0625 * ($0 < 0 ? 1.75 * expm1($0) : $0) }),
      (IR_ELEMENTWISE_CELU, 2, 0, { $0 < 0 ? 2 * expm1($0 / 2) : $0 }),
      (IR_ELEMENTWISE_HARD_SIGMOID, 0.25, 0.5, { $0.isNaN ? $0 : min(1, max(0, 0.25 * $0 + 0.5)) }),
      (
        IR_ELEMENTWISE_HARD_SWISH, 0, 0,
        { $0.isNaN ? $0 : $0 < -3 ? 0 : $0 * min(1, max(0, $0 / 6 + 0.5)) }
      ),
      (IR_ELEMENTWISE_SWISH, 1.5, 0, { $0 < -600 ? 0 : $0 / (1 + exp(-1.5 * $0)) }),
      (IR_ELEMENTWISE_SOFTPLUS, 0, 0, { $0.isNaN ? $0 : max(0, $0) + log1p(exp(-abs($0))) }),
      (IR_ELEMENTWISE_SOFTSIGN, 0, 0, { $0.isInfinite ? ($0 < 0 ? -1 : 1) : $0 / (1 + abs($0)) }),
      (
        IR_ELEMENTWISE_MISH, 0, 0,
        { $0 < -600 ? 0 : $0 > 600 ? $0 : $0 * tanh(log1p(exp($0))) }
      ),
      (IR_ELEMENTWISE_CLIP, -0.25, 0.75, { $0.isNaN ? $0 : min(0.75, max(-0.25, $0)) }),
      (IR_ELEMENTWISE_FLOOR, 0, 0, { $0.rounded(.down) }),
      (IR_ELEMENTWISE_CEILING, 0, 0, { $0.rounded(.up) }),
      (IR_ELEMENTWISE_ROUND, 0, 0, { $0.rounded(.toNearestOrEven) }),
      (IR_ELEMENTWISE_SIGN, 0, 0, { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }),
      (IR_ELEMENTWISE_SINE, 0, 0, { sin($0) }),
      (IR_ELEMENTWISE_COSINE, 0, 0, { cos($0) }),
    ]

  static let arguments: [Float] =
    [0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, .infinity, -.infinity, .nan, 1e-38, 88.7, -87, 1e30, -1e30]
    + [.leastNormalMagnitude, .greatestFiniteMagnitude]
    + values(4000).map { $0 * 12 } + values(4000, seed: 2).map { $0 * $0 * $0 * 90 }
    + values(2000, seed: 3).map { $0 * 1e-3 }

  /// Smaller than this, only the absolute error counts: half of a product that cancels, or a
  /// result below the normal numbers.
  static func floor(of opcode: ir_elementwise_opcode) -> Double {
    switch opcode {
    case IR_ELEMENTWISE_GELU, IR_ELEMENTWISE_GELU_SLOPE: return 1
    case IR_ELEMENTWISE_GELU_TANH, IR_ELEMENTWISE_SWISH, IR_ELEMENTWISE_MISH: return 0.1
    case IR_ELEMENTWISE_HARD_SWISH, IR_ELEMENTWISE_HARD_SIGMOID,
      IR_ELEMENTWISE_MULTIPLY_ADD_IMMEDIATE:
      return 0.5
    default: return 1.2e-38
    }
  }

  static func run(
    _ instructions: [ir_elementwise_instruction], shape: [Int], strides: [[Int]],
    inputs: [Guarded<Float>], outputs: [Guarded<Float>], registers: [UInt8], threads: Int32
  ) {
    var program = ir_elementwise_program()
    program.rank = shape.count
    assign(&program.shape, shape)
    program.input_count = inputs.count
    program.output_count = outputs.count
    program.instruction_count = instructions.count
    let padded = strides.map { $0 + [Int](repeating: 0, count: 8 - $0.count) }
    assign(&program.input_strides, padded.flatMap { $0 })
    assign(&program.output_registers, registers)
    instructions.withUnsafeBufferPointer { buffer in
      program.instructions = buffer.baseAddress
      let scratch = workspace(ir_elementwise_workspace(&program, threads))
      ir_elementwise(
        &program, inputs.map { UnsafePointer($0.pointer) }, outputs.map(\.pointer),
        scratch.pointer, threads)
    }
  }

  static func instruction(
    _ opcode: ir_elementwise_opcode, to destination: UInt8, _ a: UInt8 = 0, _ b: UInt8 = 0,
    _ c: UInt8 = 0, p: Float = 0, q: Float = 0
  ) -> ir_elementwise_instruction {
    ir_elementwise_instruction(
      opcode: opcode, destination: destination, a: a, b: b, c: c, p: p, q: q)
  }

  @Test(arguments: definitions.indices) func unary(_ index: Int) {
    let (opcode, p, q, f) = Self.definitions[index]
    let floor = Self.floor(of: opcode)
    for isa in availableISAs {
      ir_kernels_select(isa)
      let input = Guarded(Self.arguments)
      let output = Guarded<Float>(count: input.count)
      Self.run(
        [Self.instruction(opcode, to: 1, p: p, q: q)], shape: [input.count], strides: [[1]],
        inputs: [input], outputs: [output], registers: [1], threads: 2)
      for i in 0..<input.count {
        let x = Self.arguments[i]
        let y = output.pointer[i]
        let exact = f(Double(x))
        if y.isNaN && exact.isNaN || y == Float(exact) { continue }
        // 1 / (1 + exp(-x)) has no subnormal values: its denominator is infinite by then.
        if opcode == IR_ELEMENTWISE_SIGMOID && y == 0 && exact < 1.2e-38 { continue }
        let error = abs(Double(y) - exact) / max(abs(exact), floor)
        if !(error <= 1e-6) {
          Issue.record("opcode \(index), isa \(isa.rawValue): f(\(x)) is \(y), expected \(exact)")
          break
        }
      }
    }
    ir_kernels_select(ir_isa_best())
  }

  /// A function times another operand is what both instructions give, one after the other, to the bit.
  @Test(arguments: [false, true]) func gated(_ isSigmoid: Bool) {
    let function = isSigmoid ? IR_ELEMENTWISE_SIGMOID : IR_ELEMENTWISE_GELU
    let gated = isSigmoid ? IR_ELEMENTWISE_SIGMOID_MULTIPLY : IR_ELEMENTWISE_GELU_MULTIPLY
    let inputs = [Guarded(Self.arguments), Guarded(Array(Self.arguments.reversed()))]
    let count = inputs[0].count
    for isa in availableISAs {
      ir_kernels_select(isa)
      let results = [
        [Self.instruction(function, to: 2, 0), Self.instruction(IR_ELEMENTWISE_MULTIPLY, to: 3, 2, 1)],
        [Self.instruction(gated, to: 3, 0, 1)],
      ].map { program in
        let output = Guarded<Float>(count: count)
        Self.run(
          program, shape: [count], strides: [[1], [1]], inputs: inputs, outputs: [output], registers: [3],
          threads: 2)
        return output.elements.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
      }
      #expect(results[0] == results[1], "isa \(isa.rawValue)")
    }
    ir_kernels_select(ir_isa_best())
  }

  @Test(arguments: [0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 511, 512, 513, 40000])
  func program(_ count: Int) {
    let a = Guarded(values(count))
    let b = Guarded(values(count, seed: 2))
    let scalar = Guarded<Float>([0.75])
    // (max(a, b) * 0.75 - a)², and select(a < b, a, scalar).
    let instructions = [
      Self.instruction(IR_ELEMENTWISE_MAXIMUM, to: 3, 0, 1),
      Self.instruction(IR_ELEMENTWISE_MULTIPLY, to: 3, 3, 2),
      Self.instruction(IR_ELEMENTWISE_SUBTRACT, to: 4, 3, 0),
      Self.instruction(IR_ELEMENTWISE_SQUARE, to: 4, 4),
      Self.instruction(IR_ELEMENTWISE_LESS, to: 5, 0, 1),
      Self.instruction(IR_ELEMENTWISE_SELECT, to: 6, 5, 0, 2),
    ]
    var expected = (0..<count).map { i -> Double in
      let d = Double(max(a.pointer[i], b.pointer[i])) * 0.75 - Double(a.pointer[i])
      return d * d
    }
    expected += (0..<count).map { a.pointer[$0] < b.pointer[$0] ? Double(a.pointer[$0]) : 0.75 }
    expected += a.elements.map(Double.init)
    expectEverywhere(expected, tolerance: 1e-6, "program of \(count)") { threads in
      let inPlace = Guarded(a.elements)
      let outputs = [inPlace, Guarded<Float>(count: count), Guarded<Float>(count: count)]
      // The first output takes the first input's memory, the last is an input itself.
      let original = Guarded(a.elements)
      Self.run(
        instructions + [Self.instruction(IR_ELEMENTWISE_COPY, to: 7, 3)],
        shape: [count], strides: [[1], [1], [0]], inputs: [inPlace, b, scalar],
        outputs: outputs, registers: [4, 6, 7], threads: threads)
      Self.run(
        [], shape: [count], strides: [[1]], inputs: [original], outputs: [outputs[2]],
        registers: [0], threads: threads)
      return outputs.flatMap(\.elements)
    }
  }

  @Test(arguments: [[2, 3, 5, 7], [1, 4, 9, 1], [3, 1, 1, 33], [2, 40, 30, 30], [1, 1, 1, 1]])
  func broadcast(_ shape: [Int]) {
    let full = [shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1]
    let count = full[0] * shape[0]
    // Full, per channel, per column, and a transposed view of [.., W, H].
    let strides = [
      full, [0, 1, 0, 0], [0, 0, 0, 1], [full[0], full[1], 1, shape[2]],
    ]
    let inputs = [count, shape[1], shape[3], count].enumerated().map {
      Guarded(values($1, seed: UInt64($0 + 1)))
    }
    var expected: [Double] = []
    for i in 0..<count {
      let at = [i / full[0], i / full[1] % shape[1], i / full[2] % shape[2], i % shape[3]]
      expected.append(
        zip(inputs, strides).reduce(0) { sum, input in
          sum + Double(input.0.pointer[zip(at, input.1).reduce(0) { $0 + $1.0 * $1.1 }])
        })
    }
    expectEverywhere(expected, tolerance: 1e-6, "broadcast \(shape)") { threads in
      let output = Guarded<Float>(count: count)
      Self.run(
        [
          Self.instruction(IR_ELEMENTWISE_ADD, to: 4, 0, 1),
          Self.instruction(IR_ELEMENTWISE_ADD, to: 4, 4, 2),
          Self.instruction(IR_ELEMENTWISE_ADD, to: 4, 4, 3),
        ], shape: shape, strides: strides, inputs: inputs, outputs: [output], registers: [4],
        threads: threads)
      return output.elements
    }
  }
}
