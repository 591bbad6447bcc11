import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let elementwiseWriters: [(String, Writer)] = [
    writer(Unary.self) { (unary, w) throws(ExportFailure) in
      w.finish(try w.unary(unary.function, w.inputs[0], w.outputTypes[0]))
    },
    writer(Activation.self) { (activation, w) throws(ExportFailure) in
      let isElu = activation.function == .elu || activation.function == .celu
      guard !isElu || w.outputTypes[0].elementType != .bfloat16 || w.opset >= 22 else {
        throw ExportFailure("Elu of bfloat16 needs operator set 22")
      }
      w.finish(w.activation(activation, w.inputs[0], w.outputTypes[0].elementType))
    },
    writer(Binary.self) { (binary, w) throws(ExportFailure) in
      w.finish(try w.binary(binary.function, w.inputs[0], w.inputs[1], w.inputTypes))
    },
    writer(ElementwiseChain.self) { (chain, w) throws(ExportFailure) in
      var registers = w.inputs
      let type = w.outputTypes[0]
      for (index, instruction) in chain.instructions.enumerated() {
        let a = registers[instruction.operands[0]]
        let next: Expression
        switch instruction.function {
        case .unary(let function): next = try w.unary(function, a, type)
        case .activation(let activation): next = w.activation(activation, a, type.elementType)
        case .binary(let function):
          next = try w.binary(function, a, registers[instruction.operands[1]], [type, type])
        }
        if index == chain.instructions.count - 1 { w.finish(next) } else { registers.append(w.value(next)) }
      }
    },
    writer(Select.self, as: "Where"),
    writer(BitCast.self) { (cast, w) throws(ExportFailure) in
      guard w.opset >= 26 else { throw ExportFailure("bits read as another type needs operator set 26") }
      w.emit("BitCast", [.int("to", Int(cast.elementType.rawValue))])
    },
    writer(Cast.self, as: "Cast") { [.int("to", Int($0.elementType.rawValue))] },
    writer(IsInfinite.self) { (infinite, w) throws(ExportFailure) in
      let type = w.inputTypes[0].elementType
      if w.opset >= 20 || type == .float32 || type == .float64 {
        return w.emit(
          "IsInf",
          [
            .flag("detect_negative", infinite.detectsNegative),
            .flag("detect_positive", infinite.detectsPositive),
          ])
      }
      if !infinite.detectsNegative, !infinite.detectsPositive {
        return w.emit("Less", [w.inputs[0], w.scalar(-.infinity, type)])
      }
      let magnitude =
        infinite.detectsNegative && infinite.detectsPositive ? w.step("Abs", w.inputs) : w.inputs[0]
      w.emit("Equal", [magnitude, w.scalar(infinite.detectsPositive ? .infinity : -.infinity, type)])
    },
  ]
}

/// The last ONNX node of an elementwise function, not yet added: it may make a result or a step.
private struct Expression {
  var opType: String
  var operands: [String]
  var attributes: [ONNXNamedAttribute] = []

  init(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute] = []) {
    (self.opType, self.operands, self.attributes) = (opType, operands, attributes)
  }
}

extension NodeWriter {
  fileprivate func finish(_ last: Expression) { emit(last.opType, last.operands, last.attributes) }
  fileprivate func value(_ last: Expression) -> String { step(last.opType, last.operands, last.attributes) }

  fileprivate func unary(_ function: UnaryFunction, _ x: String, _ type: TensorType) throws(ExportFailure)
    -> Expression
  {
    switch function {
    case .reciprocalSqrt: return Expression("Reciprocal", [step("Sqrt", [x])])
    case .square: return Expression("Mul", [x, x])
    case .relu where !type.elementType.isSigned: return Expression("Identity", [x])
    case .isNaN: return Expression("IsNaN", [x])
    case .bitwiseNot: return Expression("BitwiseNot", [x])
    case .hardSwish: return Expression("HardSwish", [x])
    case .abs, .neg, .sqrt, .reciprocal, .exp, .log, .sigmoid, .tanh, .erf, .relu, .softplus, .softsign,
      .mish, .sin,
      .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .asinh, .acosh, .atanh, .ceil, .floor, .round, .sign,
      .not:
      return Expression(function.rawValue.prefix(1).uppercased() + function.rawValue.dropFirst(), [x])
    }
  }

  fileprivate func activation(_ a: Activation, _ x: String, _ type: ElementType) -> Expression {
    let alpha = ONNXNamedAttribute.float("alpha", a.alpha)
    switch a.function {
    case .gelu where opset >= 20: return Expression("Gelu", [x])
    case .geluTanh where opset >= 20: return Expression("Gelu", [x], [.string("approximate", "tanh")])
    case .gelu:
      let scaled = step("Mul", [x, scalar(0.5.squareRoot(), type)])
      let factor = step("Add", [step("Erf", [scaled]), scalar(1, type)])
      return Expression("Mul", [step("Mul", [x, factor]), scalar(0.5, type)])
    case .geluTanh:
      let cube = step("Mul", [step("Mul", [x, x]), x])
      let inner = step("Add", [x, step("Mul", [cube, scalar(0.044715, type)])])
      let tanh = step("Tanh", [step("Mul", [inner, scalar((2 / Double.pi).squareRoot(), type)])])
      return Expression("Mul", [step("Mul", [x, step("Add", [tanh, scalar(1, type)])]), scalar(0.5, type)])
    case .leakyRelu: return Expression("LeakyRelu", [x], [alpha])
    case .elu: return Expression("Elu", [x], [alpha])
    case .selu: return Expression("Selu", [x], [alpha, .float("gamma", a.beta)])
    case .celu where type != .float32:
      let unit = step("Elu", [step("Div", [x, scalar(Double(a.alpha), type)])])
      return Expression("Mul", [unit, scalar(Double(a.alpha), type)])
    case .celu: return Expression("Celu", [x], [alpha])
    case .hardSigmoid: return Expression("HardSigmoid", [x], [alpha, .float("beta", a.beta)])
    case .swish:
      let scaled = a.alpha == 1 ? x : step("Mul", [x, scalar(Double(a.alpha), type)])
      return Expression("Mul", [x, step("Sigmoid", [scaled])])
    case .thresholdedRelu: return Expression("ThresholdedRelu", [x], [alpha])
    case .affine:
      return Expression(
        "Add", [step("Mul", [x, scalar(Double(a.alpha), type)]), scalar(Double(a.beta), type)])
    case .clip: return Expression("Clip", [x, scalar(Double(a.alpha), type), scalar(Double(a.beta), type)])
    }
  }

  fileprivate func binary(
    _ function: BinaryFunction, _ a: String, _ b: String, _ types: [TensorType]
  ) throws(ExportFailure) -> Expression {
    let names: [BinaryFunction: String] = [
      .add: "Add", .subtract: "Sub", .multiply: "Mul", .divide: "Div", .minimum: "Min", .maximum: "Max",
      .power: "Pow",
      .and: "And", .or: "Or", .xor: "Xor", .equal: "Equal", .less: "Less", .lessOrEqual: "LessOrEqual",
      .greater: "Greater", .greaterOrEqual: "GreaterOrEqual", .bitwiseAnd: "BitwiseAnd",
      .bitwiseOr: "BitwiseOr",
      .bitwiseXor: "BitwiseXor",
    ]
    if let name = names[function] { return Expression(name, [a, b]) }
    switch function {
    case .shiftLeft, .shiftRight:
      let direction = function == .shiftLeft ? "LEFT" : "RIGHT"
      guard !types[0].elementType.isSigned || opset >= 28 else {
        throw ExportFailure("a shift of signed integers needs operator set 28")
      }
      return Expression("BitShift", [a, b], [.string("direction", direction)])
    case .remainder: return Expression("Mod", [a, b], [.int("fmod", 1)])
    // Of floating point it came with operator set 28.
    case .modulo where !types[0].elementType.isFloatingPoint || opset >= 28: return Expression("Mod", [a, b])
    case .parametricRelu where types[0].shape.broadcast(with: types[1].shape) == types[0].shape:
      return Expression("PRelu", [a, b])
    case .parametricRelu:
      let isNegative = step("Less", [a, scalar(0, types[0].elementType)])
      return Expression("Where", [isNegative, step("Mul", [a, b]), a])
    default: throw ExportFailure("\(function.rawValue) of \(types[0].elementType) has no form in ONNX")
    }
  }
}
