import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  private static func unary(_ function: UnaryFunction) -> Reader {
    { (n) throws(ImportFailure) in [try n.unary(function, try n.input(0))] }
  }

  private static func activation(
    _ function: ActivationFunction, alpha: Float = 0, beta: Float = 0, betaName: String = "beta"
  ) -> Reader {
    { (n) throws(ImportFailure) in
      [
        try n.emit(
          Activation(function, alpha: n.float("alpha", alpha), beta: n.float(betaName, beta)), try n.input(0))
      ]
    }
  }

  static let elementwise: [String: Reader] = [
    "Abs": unary(.abs), "Neg": unary(.neg), "Sqrt": unary(.sqrt), "Reciprocal": unary(.reciprocal),
    "Exp": unary(.exp), "Log": unary(.log), "Sigmoid": unary(.sigmoid), "Tanh": unary(.tanh),
    "Erf": unary(.erf),
    "Relu": unary(.relu), "Softplus": unary(.softplus), "Softsign": unary(.softsign), "Mish": unary(.mish),
    "HardSwish": unary(.hardSwish), "Sin": unary(.sin), "Cos": unary(.cos), "Tan": unary(.tan),
    "Asin": unary(.asin), "Acos": unary(.acos), "Atan": unary(.atan), "Sinh": unary(.sinh),
    "Cosh": unary(.cosh),
    "Asinh": unary(.asinh), "Acosh": unary(.acosh), "Atanh": unary(.atanh), "Ceil": unary(.ceil),
    "Floor": unary(.floor), "Round": unary(.round), "Sign": unary(.sign), "Not": unary(.not),
    "IsNaN": unary(.isNaN), "BitwiseNot": unary(.bitwiseNot),
    "LeakyRelu": activation(.leakyRelu, alpha: 0.01), "Elu": activation(.elu, alpha: 1),
    "Selu": activation(
      .selu, alpha: 1.67326319217681884765625, beta: 1.05070102214813232421875, betaName: "gamma"),
    "Celu": activation(.celu, alpha: 1), "HardSigmoid": activation(.hardSigmoid, alpha: 0.2, beta: 0.5),
    "Swish": activation(.swish, alpha: 1), "ThresholdedRelu": activation(.thresholdedRelu, alpha: 1),
    "Gelu": { (n) throws(ImportFailure) in
      [try n.emit(Activation(n.text("approximate", "none") == "tanh" ? .geluTanh : .gelu), try n.input(0))]
    },
    "IsInf": { (n) throws(ImportFailure) in
      [
        try n.emit(
          IsInfinite(
            detectsNegative: n.int("detect_negative", 1) != 0,
            detectsPositive: n.int("detect_positive", 1) != 0),
          try n.input(0))
      ]
    },
    "Cast": { (n) throws(ImportFailure) in
      guard let type = ElementType(rawValue: Int32(clamping: n.int("to"))) else {
        throw .unsupported("casts to \(ONNXTensor.typeName(Int32(clamping: n.int("to")))) are not supported")
      }
      return [try n.emit(Cast(to: type), try n.input(0))]
    },
    "CastLike": { (n) throws(ImportFailure) in
      [try n.emit(Cast(to: n.type(try n.input(1)).elementType), try n.input(0))]
    },
    "Clip": clip,
    "PRelu": { (n) throws(ImportFailure) in
      let (x, slope) = (try n.input(0), try n.input(1))
      return [try n.binary(.parametricRelu, x, try legacySlope(n, x, slope))]
    },
    "Where": { (n) throws(ImportFailure) in
      [try n.emit(Select(), try n.input(0), try n.input(1), try n.input(2))]
    },
    "Dropout": { (n) throws(ImportFailure) in
      let isTraining =
        n.has(2) ? try n.constant(2).booleans.first ?? false : n.opset < 7 && n.int("is_test") == 0
      let ratio = n.has(1) ? try n.constant(1).doubles.first ?? 0.5 : Double(n.float("ratio", 0.5))
      guard !isTraining || ratio == 0 || n.opset < 7 else {
        throw .unsupported("dropout in training mode is random: export the model for inference")
      }
      let x = try n.input(0)
      return [
        x,
        n.node.outputs.count > 1
          ? n.constant(
            Tensor([Bool](repeating: true, count: n.shape(x).elementCount), shape: n.shape(x))) : nil,
      ]
    },
  ]

  /// A slope `[C]` of old operator sets, lined up with the channels.
  private static func legacySlope(_ n: NodeReader, _ x: ValueID, _ slope: ValueID) throws(ImportFailure)
    -> ValueID
  {
    let (shape, own) = (n.shape(x), n.shape(slope))
    guard own.rank == 1, shape.rank > 2, own[0] == shape[1], shape[shape.rank - 1] != own[0] else {
      return slope
    }
    return try n.reshaped(slope, Shape([own[0]] + [Int](repeating: 1, count: shape.rank - 2)))
  }

  private static let clip: Reader = { (n) throws(ImportFailure) in
    var x = try n.input(0)
    if n.opset < 11 {
      if n.node[attribute: "min"] != nil {
        x = try n.binary(.maximum, x, n.scalar(Double(n.float("min")), like: x))
      }
      if n.node[attribute: "max"] != nil {
        x = try n.binary(.minimum, x, n.scalar(Double(n.float("max")), like: x))
      }
      return [x]
    }
    if n.has(1) { x = try n.binary(.maximum, x, try n.input(1)) }
    if n.has(2) { x = try n.binary(.minimum, x, try n.input(2)) }
    return [x]
  }

  private static func binary(_ function: BinaryFunction) -> Reader {
    { (n) throws(ImportFailure) in
      let (a, b) = (try n.input(0), try n.input(1))
      return [try n.binary(function, a, try legacyBroadcast(n, a, b))]
    }
  }

  /// Operator sets before 7 line b up with an axis of a where told to.
  private static func legacyBroadcast(_ n: NodeReader, _ a: ValueID, _ b: ValueID) throws(ImportFailure)
    -> ValueID
  {
    guard n.opset < 7, n.int("broadcast") != 0, n.node[attribute: "axis"] != nil else { return b }
    let (shape, own) = (n.shape(a), n.shape(b))
    let axis = try n.axis(n.int("axis"), rank: shape.rank)
    let trailing = shape.rank - axis - own.rank
    guard trailing > 0 else { return b }
    return try n.reshaped(b, Shape(own.extents + [Int](repeating: 1, count: trailing)))
  }

  /// An operator of any number of inputs, folded from the left.
  private static func variadic(_ function: BinaryFunction, isMean: Bool = false) -> Reader {
    { (n) throws(ImportFailure) in
      var result = try n.input(0)
      for index in n.inputs.indices.dropFirst() {
        result = try n.binary(function, result, try n.input(index))
      }
      if isMean { result = try n.binary(.divide, result, n.scalar(Double(n.inputs.count), like: result)) }
      return [result]
    }
  }

  static let arithmetic: [String: Reader] = [
    "Add": binary(.add), "Sub": binary(.subtract), "Mul": binary(.multiply), "Div": binary(.divide),
    "And": binary(.and), "Or": binary(.or), "Xor": binary(.xor), "Equal": binary(.equal),
    "Less": binary(.less),
    "LessOrEqual": binary(.lessOrEqual), "Greater": binary(.greater),
    "GreaterOrEqual": binary(.greaterOrEqual),
    "BitwiseAnd": binary(.bitwiseAnd), "BitwiseOr": binary(.bitwiseOr), "BitwiseXor": binary(.bitwiseXor),
    "Pow": binary(.power), "Max": variadic(.maximum), "Min": variadic(.minimum), "Sum": variadic(.add),
    "Mean": variadic(.add, isMean: true),
    "Mod": { (n) throws(ImportFailure) in
      let a = try n.input(0)
      let isRemainder = n.int("fmod") != 0
      return [try n.binary(isRemainder ? .remainder : .modulo, a, try n.input(1))]
    },
  ]
}

/// The writers of the family's operators.
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
        let next = try w.expression(instruction.function, instruction.operands.map { registers[$0] }, type)
        if index == chain.instructions.count - 1 { w.finish(next) } else { registers.append(w.value(next)) }
      }
    },
    writer(Select.self, as: "Where"),
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

extension NodeWriter {
  /// The last ONNX node of a function, not yet added: it may make the node's result or a step.
  struct Expression {
    var opType: String
    var operands: [String]
    var attributes: [ONNXNamedAttribute?]

    init(_ opType: String, _ operands: [String], _ attributes: [ONNXNamedAttribute?] = []) {
      self.opType = opType
      self.operands = operands
      self.attributes = attributes
    }
  }

  func finish(_ last: Expression) { emit(last.opType, last.operands, last.attributes) }

  /// The sums with other values, then a function of one number, after what a node computes itself.
  func finish(
    _ own: Expression, adding addends: [String], then activation: ElementwiseChain.Function?
  ) throws(ExportFailure) {
    var result = own
    for addend in addends { result = Expression("Add", [value(result), addend]) }
    if let activation { result = try expression(activation, [value(result)], outputTypes[0]) }
    finish(result)
  }

  func value(_ last: Expression) -> String { step(last.opType, last.operands, last.attributes) }

  /// A function of operands that all have the type.
  func expression(
    _ function: ElementwiseChain.Function, _ operands: [String], _ type: TensorType
  ) throws(ExportFailure) -> Expression {
    switch function {
    case .unary(let function): return try unary(function, operands[0], type)
    case .activation(let a): return activation(a, operands[0], type.elementType)
    case .binary(let function):
      let result = try binary(function, operands[0], operands[1], [type, type])
      return function.isComparison ? Self.cast(value(result), to: type.elementType) : result
    case .select: return Expression("Where", [value(Self.cast(operands[0], to: .bool))] + operands[1...])
    }
  }

  private static func cast(_ operand: String, to type: ElementType) -> Expression {
    Expression("Cast", [operand], [.int("to", Int(type.rawValue))])
  }

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
    case .geluSlope:
      let scaled = step("Mul", [x, scalar(0.5.squareRoot(), type)])
      let cumulative = step(
        "Mul", [step("Add", [step("Erf", [scaled]), scalar(1, type)]), scalar(0.5, type)])
      let density = step("Exp", [step("Mul", [step("Mul", [x, x]), scalar(-0.5, type)])])
      let product = step("Mul", [step("Mul", [x, density]), scalar((0.5 / Double.pi).squareRoot(), type)])
      return Expression("Add", [cumulative, product])
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
