import IRGraph
import IROperators
import IRTensor

/// Operators of `com.microsoft` that ONNX Runtime writes in place of standard ones when it optimizes a file:
/// read as those that they stand for.
extension ONNXOperatorTable {
  static let contributed: [String: Reader] = [
    "FusedConv": { (n) throws(ImportFailure) in
      var result = try convolution(n, try n.input(0), try n.input(1), bias: n.has(2) ? try n.input(2) : nil)
      if n.has(3) { result = try n.binary(.add, result, try n.input(3)) }
      let parameters = n.floats("activation_params") ?? []
      return [try activated(n, result, n.text("activation"), parameters)]
    },
    "FusedGemm": { (n) throws(ImportFailure) in
      let parameters = ["alpha", "beta", "gamma"].compactMap { name in
        n.node[attribute: "activation_\(name)"] == nil ? nil : n.float("activation_\(name)")
      }
      return [try activated(n, try generalProduct(n), n.text("activation"), parameters)]
    },
    "FusedMatMul": fusedProduct, "TransposeMatMul": fusedProduct,
    "SkipLayerNormalization": { (n) throws(ImportFailure) in try skipped(n, isCentred: true) },
    "SkipSimplifiedLayerNormalization": { (n) throws(ImportFailure) in try skipped(n, isCentred: false) },
    "Gelu": { (n) throws(ImportFailure) in [try n.emit(Activation(.gelu), try n.input(0))] },
    "BiasGelu": { (n) throws(ImportFailure) in
      [try n.emit(Activation(.gelu), try n.binary(.add, try n.input(0), try n.input(1)))]
    },
    "FastGelu": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      return [try n.emit(Activation(.geluTanh), n.has(1) ? try n.binary(.add, x, try n.input(1)) : x)]
    },
    "QuickGelu": { (n) throws(ImportFailure) in
      [try n.emit(Activation(.swish, alpha: n.float("alpha", 1.702)), try n.input(0))]
    },
    "RotaryEmbedding": { (n) throws(ImportFailure) in
      guard n.int("is_packed_batching") == 0, n.float("scale", 1) == 1, n.shape(try n.input(1)).rank == 2
      else {
        throw .unsupported("packed batches and scales are not supported")
      }
      return [
        try rotated(
          n, cosine: 2, sine: 3, positions: 1, heads: n.int("num_heads"),
          width: n.int("rotary_embedding_dim"), isInterleaved: n.int("interleaved") != 0)
      ]
    },
    "QuantizeLinear": quantize, "DequantizeLinear": dequantize,
    "DynamicQuantizeMatMul": { (n) throws(ImportFailure) in
      let dynamic = try dynamicLevels(n, try n.input(0))
      let levels = try n.binary(.subtract, dynamic.levels, dynamic.zero)
      let b = try n.centred(1, zero: 3, isRow: false)
      let scale = try n.binary(.multiply, dynamic.scale, try n.scale(2, like: b, isRow: false))
      let result = try n.binary(.multiply, try product(n, levels, b), scale)
      return [n.has(4) ? try n.binary(.add, result, try n.input(4)) : result]
    },
    "MatMulIntegerToFloat": { (n) throws(ImportFailure) in
      let a = try n.centred(0, zero: 4, isRow: true)
      let b = try n.centred(1, zero: 5, isRow: false)
      let scale = try n.binary(
        .multiply, try n.scale(2, like: a, isRow: true), try n.scale(3, like: b, isRow: false))
      let result = try n.binary(.multiply, try product(n, a, b), scale)
      return [n.has(6) ? try n.binary(.add, result, try n.input(6)) : result]
    },
    "QLinearAdd": quantizedBinary(.add), "QLinearMul": quantizedBinary(.multiply),
    "QLinearSigmoid": quantizedUnary { (n, x) throws(ImportFailure) in try n.unary(.sigmoid, x) },
    "QLinearLeakyRelu": quantizedUnary { (n, x) throws(ImportFailure) in
      try n.emit(Activation(.leakyRelu, alpha: n.float("alpha", 0.01)), x)
    },
    "QLinearSoftmax": quantizedUnary { (n, x) throws(ImportFailure) in
      let rank = n.shape(x).rank
      let axis = try n.axis(n.int("axis", -1), rank: rank)
      guard n.int("opset", 13) >= 13 || axis == rank - 1 else {
        throw .unsupported("a softmax over several axes")
      }
      return try n.emit(Softmax(axis: axis), x)
    },
    "QLinearGlobalAveragePool": quantizedUnary { (n, x) throws(ImportFailure) in
      let rank = n.shape(x).rank
      guard rank >= 3 else { throw .unsupported("its input has no spatial axes") }
      let isLast = n.int("channels_last") != 0
      return try n.emit(Reduce(.mean, axes: isLast ? Array(1..<(rank - 1)) : Array(2..<rank)), x)
    },
    "QLinearAveragePool": quantizedUnary { (n, x) throws(ImportFailure) in
      guard n.int("channels_last") == 0 else { throw .unsupported("channels on the last axis") }
      return try averagePool(n, x)
    },
    "QLinearConcat": { (n) throws(ImportFailure) in
      guard n.inputs.count >= 5, (n.inputs.count - 2) % 3 == 0 else {
        throw .unsupported("\(n.inputs.count) inputs, it takes a scale, a zero point and triples of inputs")
      }
      var parts: [ValueID] = []
      for index in stride(from: 2, to: n.inputs.count, by: 3) {
        parts.append(try n.dequantized(index, scale: index + 1, zero: index + 2))
      }
      let axis = try n.axis(n.int("axis"), rank: n.shape(parts[0]).rank)
      return [try n.requantized(try n.emitAll(Concatenate(axis: axis), parts)[0], scale: nil, to: 0, zero: 1)]
    },
    "QLinearWhere": { (n) throws(ImportFailure) in
      let a = try n.dequantized(1, scale: 2, zero: 3)
      let b = try n.dequantized(4, scale: 5, zero: 6)
      return [try n.requantized(try n.emit(Select(), try n.input(0), a, b), scale: nil, to: 7, zero: 8)]
    },
    "QGemm": { (n) throws(ImportFailure) in
      let a = try n.centred(0, zero: 2, isRow: false)
      let b = try n.centred(3, zero: 5, isRow: false)
      let operation = MatrixMultiply(transposesA: n.int("transA") != 0, transposesB: n.int("transB") != 0)
      var result = try n.emit(operation, a, b)
      if n.has(6) { result = try n.binary(.add, result, try n.emit(Cast(to: .float32), try n.input(6))) }
      var scale = try n.binary(
        .multiply, try n.scale(1, like: a, isRow: false), try n.scale(4, like: b, isRow: false))
      scale = try n.binary(.multiply, scale, n.scalar(Double(n.float("alpha", 1)), like: scale))
      if n.has(7) { return [try n.requantized(result, scale: scale, to: 7, zero: 8)] }
      return [try n.binary(.multiply, result, scale)]
    },
  ]

  /// The function that a fused node names, with its parameters in the order of the list.
  private static func activated(
    _ n: NodeReader, _ x: ValueID, _ name: String, _ parameters: [Float]
  ) throws(ImportFailure) -> ValueID {
    func parameter(_ index: Int, _ standard: Float) -> Float {
      index < parameters.count ? parameters[index] : standard
    }
    switch name {
    case "": return x
    case "Relu": return try n.unary(.relu, x)
    case "Tanh": return try n.unary(.tanh, x)
    case "Sigmoid": return try n.unary(.sigmoid, x)
    case "Softplus": return try n.unary(.softplus, x)
    case "HardSwish": return try n.unary(.hardSwish, x)
    case "LeakyRelu": return try n.emit(Activation(.leakyRelu, alpha: parameter(0, 0.01)), x)
    case "Elu": return try n.emit(Activation(.elu, alpha: parameter(0, 1)), x)
    case "HardSigmoid":
      return try n.emit(Activation(.hardSigmoid, alpha: parameter(0, 0.2), beta: parameter(1, 0.5)), x)
    case "Clip":
      let (low, high) = (parameter(0, -.greatestFiniteMagnitude), parameter(1, .greatestFiniteMagnitude))
      return try n.emit(Activation(.clip, alpha: low, beta: high), x)
    default: throw .unsupported("activation \(name)")
    }
  }

  /// A product of matrices, each transposed where told to, times a number.
  private static let fusedProduct: Reader = { (n) throws(ImportFailure) in
    guard n.int("transBatchA") == 0, n.int("transBatchB") == 0 else {
      throw .unsupported("transposed batches are not supported")
    }
    func operand(_ index: Int, _ name: String) throws(ImportFailure) -> ValueID {
      let x = try n.input(index)
      let rank = n.shape(x).rank
      // A vector has nothing to transpose.
      guard n.int(name) != 0, rank >= 2 else { return x }
      return try n.emit(Transpose(permutation: Array(0..<(rank - 2)) + [rank - 1, rank - 2]), x)
    }
    let result = try product(n, try operand(0, "transA"), try operand(1, "transB"))
    let alpha = n.float("alpha", 1)
    return [alpha == 1 ? result : try n.binary(.multiply, result, n.scalar(Double(alpha), like: result))]
  }

  /// A sum and its normalization over the last axis; results: normalized, mean, inverse deviation, sum.
  private static func skipped(_ n: NodeReader, isCentred: Bool) throws(ImportFailure) -> [ValueID?] {
    let (beta, bias) = isCentred ? (3, 4) : (-1, 3)
    var sum = try n.binary(.add, try n.input(0), try n.input(1))
    if n.has(bias) { sum = try n.binary(.add, sum, try n.input(bias)) }
    let axes = [n.shape(sum).rank - 1]
    let epsilon = n.float("epsilon", 1e-12)
    let gamma = try n.input(2)
    if !isCentred {
      let y = try n.emit(RMSNormalization(axes: axes, epsilon: epsilon), sum)
      return [try n.binary(.multiply, y, gamma), nil, nil, sum]
    }
    var operands = [sum, gamma]
    if n.has(beta) { operands.append(try n.input(beta)) }
    return [try n.emitAll(LayerNormalization(axes: axes, epsilon: epsilon), operands)[0], nil, nil, sum]
  }

  private static func quantizedBinary(_ function: BinaryFunction) -> Reader {
    { (n) throws(ImportFailure) in
      let a = try n.dequantized(0, scale: 1, zero: 2)
      let b = try n.dequantized(3, scale: 4, zero: 5)
      return [try n.requantized(try n.binary(function, a, b), scale: nil, to: 6, zero: 7)]
    }
  }

  private static func quantizedUnary(
    _ function: @escaping @Sendable (NodeReader, ValueID) throws(ImportFailure) -> ValueID
  ) -> Reader {
    { (n) throws(ImportFailure) in
      let x = try n.dequantized(0, scale: 1, zero: 2)
      return [try n.requantized(try function(n, x), scale: nil, to: 3, zero: 4)]
    }
  }
}
