import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let normalization: [String: Reader] = [
    "BatchNormalization": { (n) throws(ImportFailure) in
      if n.int("training_mode") != 0 { return try batchStatistics(n) }
      return try n.emitAll(
        BatchNormalization(epsilon: n.float("epsilon", 1e-5)),
        [try n.input(0), try n.input(1), try n.input(2), try n.input(3), try n.input(4)])
    },
    "InstanceNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      guard n.shape(x).rank >= 2 else { throw .unsupported("its input has no channels") }
      let operation = GroupNormalization(groupCount: n.shape(x)[1], epsilon: n.float("epsilon", 1e-5))
      return [try n.emit(operation, x, try n.input(1), try n.input(2))]
    },
    "GroupNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let groups = n.int("num_groups", 1)
      guard n.shape(x).rank >= 2, groups > 0 else { throw .unsupported("\(groups) groups of \(n.shape(x))") }
      let channels = n.shape(x)[1]
      func perChannel(_ index: Int) throws(ImportFailure) -> ValueID {
        let value = try n.input(index)
        // Before operator set 21 scale and bias were per group.
        guard n.shape(value) == [groups], groups != channels, channels % groups == 0 else { return value }
        let column = try n.reshaped(value, [groups, 1])
        return try n.reshaped(try n.emit(Expand(shape: [groups, channels / groups]), column), [channels])
      }
      let operation = GroupNormalization(groupCount: groups, epsilon: n.float("epsilon", 1e-5))
      return [try n.emit(operation, x, try perChannel(1), try perChannel(2))]
    },
    "LayerNormalization": layerNormalization,
    "RMSNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      let axes = Array(try n.axis(n.int("axis", -1), rank: shape.rank)..<shape.rank)
      let y = try n.emit(RMSNormalization(axes: axes, epsilon: n.float("epsilon", 1e-5)), x)
      return [n.has(1) ? try n.binary(.multiply, y, try n.input(1)) : y]
    },
    // ONNX Runtime's own, though it has no domain.
    "SimplifiedLayerNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let rank = n.shape(x).rank
      let axes = Array(try n.axis(n.int("axis", -1), rank: rank)..<rank)
      let y = try n.emit(RMSNormalization(axes: axes, epsilon: n.float("epsilon", 1e-5)), x)
      return [try n.binary(.multiply, y, try n.input(1))]
    },
    "LpNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let axis = try n.axis(n.int("axis", -1), rank: n.shape(x).rank)
      let norm = try n.emit(Reduce(n.int("p", 2) == 1 ? .l1 : .l2, axes: [axis]), x)
      let zero = n.scalar(0, like: norm)
      let quotient = try n.binary(.divide, x, norm)
      return [try n.emit(Select(), try n.binary(.equal, norm, zero), zero, quotient)]
    },
    "MeanVarianceNormalization": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let axes = try n.axes(n.ints("axes") ?? [0, 2, 3], rank: n.shape(x).rank)
      let centred = try n.binary(.subtract, x, try n.emit(Reduce(.mean, axes: axes), x))
      let variance = try n.emit(Reduce(.mean, axes: axes), try n.unary(.square, centred))
      let deviation = try n.binary(.add, try n.unary(.sqrt, variance), n.scalar(1e-9, like: x))
      return [try n.binary(.divide, centred, deviation)]
    },
    "Softmax": softmax { Softmax(axis: $0) }, "LogSoftmax": softmax { LogSoftmax(axis: $0) },
  ]

  /// Batch normalization by the batch's own mean and variance, and the running ones moved toward them.
  private static func batchStatistics(_ n: NodeReader) throws(ImportFailure) -> [ValueID?] {
    let x = try n.input(0)
    let shape = n.shape(x)
    guard shape.rank >= 2 else { throw .unsupported("its input has no channels") }
    let column = Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2))
    let axes = shape.indices.filter { $0 != 1 }
    let mean = try n.emit(Reduce(.mean, axes: axes), x)
    let centred = try n.binary(.subtract, x, mean)
    let variance = try n.emit(Reduce(.mean, axes: axes), try n.unary(.square, centred))
    let shifted = try n.binary(.add, variance, n.scalar(Double(n.float("epsilon", 1e-5)), like: variance))
    let normal = try n.binary(.divide, centred, try n.unary(.sqrt, shifted))
    let scaled = try n.binary(.multiply, normal, try n.reshaped(try n.input(1), column))
    let momentum = Double(n.float("momentum", 0.9))
    func running(_ index: Int, _ current: ValueID) throws(ImportFailure) -> ValueID {
      let old = try n.input(index)
      let kept = try n.binary(.multiply, old, n.scalar(momentum, like: old))
      let added = try n.binary(
        .multiply, try n.reshaped(current, [shape[1]]), n.scalar(1 - momentum, like: current))
      return try n.binary(.add, kept, added)
    }
    let result = try n.binary(.add, scaled, try n.reshaped(try n.input(2), column))
    return [result, try running(3, mean), try running(4, variance)]
  }

  /// Before operator set 13 the input is read as a matrix split at the axis.
  private static func softmax<O: Operator>(_ make: @escaping @Sendable (Int) -> O) -> Reader {
    { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      if shape.rank == 0 { return [try n.reshaped(try n.emit(make(0), try n.reshaped(x, [1])), shape)] }
      let axis = try n.axis(n.int("axis", n.opset < 13 ? 1 : -1), rank: shape.rank)
      if n.opset >= 13 { return [try n.emit(make(axis), x)] }
      let matrix: Shape = [shape.elementCount(in: 0..<axis), shape.elementCount(in: axis..<shape.rank)]
      return [try n.reshaped(try n.emit(make(1), try n.reshaped(x, matrix)), shape)]
    }
  }

  private static let layerNormalization: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let axes = Array(try n.axis(n.int("axis", -1), rank: shape.rank)..<shape.rank)
    let epsilon = n.float("epsilon", 1e-5)
    let extents = Shape(axes.map { shape[$0] })
    var parameters = [x]
    var isPlain = true
    for index in 1...2 where n.has(index) {
      let value = try n.input(index)
      isPlain = isPlain && n.shape(value) == extents && parameters.count == index
      parameters.append(value)
    }
    var results: [ValueID?] = []
    if isPlain {
      results = [try n.emitAll(LayerNormalization(axes: axes, epsilon: epsilon), parameters)[0]]
    } else {
      var y = try n.emit(LayerNormalization(axes: axes, epsilon: epsilon), x)
      if n.has(1) { y = try n.binary(.multiply, y, try n.input(1)) }
      if n.has(2) { y = try n.binary(.add, y, try n.input(2)) }
      results = [y]
    }
    guard n.node.outputs.count > 1 else { return results }
    let mean = try n.emit(Reduce(.mean, axes: axes), x)
    let variance = try n.emit(
      Reduce(.mean, axes: axes), try n.unary(.square, try n.binary(.subtract, x, mean)))
    let shifted = try n.binary(.add, variance, n.scalar(Double(epsilon), like: variance))
    return results + [mean, try n.unary(.reciprocalSqrt, shifted)]
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let normalizationWriters: [(String, Writer)] = [
    writer(LayerNormalization.self) { (layer, w) throws(ExportFailure) in
      let shape = w.inputTypes[0].shape
      let epsilon = ONNXNamedAttribute.float("epsilon", layer.epsilon)
      if layer.axes.last == shape.rank - 1, w.inputs.count > 1 {
        return w.emit("LayerNormalization", [.int("axis", layer.axes[0]), epsilon])
      }
      let mean = w.step("ReduceMean", [w.inputs[0], w.ints(layer.axes)])
      let centred = w.step("Sub", [w.inputs[0], mean])
      let variance = w.step("ReduceMean", [w.step("Mul", [centred, centred]), w.ints(layer.axes)])
      w.scaled(centred, byRootOf: variance, epsilon: layer.epsilon, axes: layer.axes)
    },
    writer(RMSNormalization.self) { (norm, w) throws(ExportFailure) in
      let x = w.inputs[0]
      let meanSquare = w.step("ReduceMean", [w.step("Mul", [x, x]), w.ints(norm.axes)])
      w.scaled(x, byRootOf: meanSquare, epsilon: norm.epsilon, axes: norm.axes)
    },
    writer(L2Normalization.self) { (norm, w) throws(ExportFailure) in
      let length = w.step("ReduceL2", [w.inputs[0], w.ints([norm.axis])])
      let bounded = w.step("Max", [length, w.scalar(Double(norm.epsilon), w.inputTypes[0].elementType)])
      w.emit("Div", [w.inputs[0], bounded])
    },
    writer(GroupNormalization.self) { (group, w) throws(ExportFailure) in
      let shape = w.inputTypes[0].shape
      let type = w.inputTypes[0].elementType
      let epsilon = ONNXNamedAttribute.float("epsilon", group.epsilon)
      if group.groupCount == shape[1], shape.rank > 2 { return w.emit("InstanceNormalization", [epsilon]) }
      if w.opset >= 21 {
        return w.emit("GroupNormalization", [epsilon, .int("num_groups", group.groupCount)])
      }
      // One instance a group, then scale and bias of the channels. 0 stands for the batch, which may be open.
      let groups = group.groupCount
      let runs = w.step("Reshape", [w.inputs[0], w.ints([0, groups, shape.elementCount == 0 ? 0 : -1])])
      func vector(_ value: Double) -> String {
        w.constant(Tensor(TensorType(type, [groups]), repeating: value))
      }
      let normal = w.step("InstanceNormalization", [runs, vector(1), vector(0)], [epsilon])
      let column = Shape([shape[1]] + [Int](repeating: 1, count: shape.rank - 2))
      let again = w.step("Reshape", [normal, try w.sizes(shape.indices.map { .extent(axis: $0) })])
      let scaled = w.step("Mul", [again, w.reshape(w.inputs[1], column)])
      w.emit("Add", [scaled, w.reshape(w.inputs[2], column)])
    },
    writer(GroupStatistics.self) { (group, w) throws(ExportFailure) in
      let (shape, type) = (w.inputTypes[0].shape, w.inputTypes[0].elementType)
      let size = shape[1] / group.groupCount
      let runs = w.reshape(w.inputs[0], [shape[0], group.groupCount, size * shape[2] * shape[3]])
      let mean = w.step("ReduceMean", [runs, w.ints([2])])
      let centred = w.step("Sub", [runs, mean])
      let variance = w.step("ReduceMean", [w.step("Mul", [centred, centred]), w.ints([2])])
      let root = w.step("Sqrt", [w.step("Add", [variance, w.scalar(Double(group.epsilon), type)])])
      func rows(_ input: Int) -> String { w.reshape(w.inputs[input], [1, group.groupCount, size]) }
      let factors = w.step("Div", [rows(1), root])
      let terms = w.step("Sub", [rows(2), w.step("Mul", [mean, factors])])
      let column = w.ints([shape[0], shape[1], 1, 1])
      w.emit("Reshape", [factors, column], output: 0)
      w.emit("Reshape", [terms, column], output: 1)
    },
    writer(BatchNormalization.self, as: "BatchNormalization") { [.float("epsilon", $0.epsilon)] },
    writer(Softmax.self, as: "Softmax") { [.int("axis", $0.axis)] },
    writer(LogSoftmax.self, as: "LogSoftmax") { [.int("axis", $0.axis)] },
  ]
}

extension NodeWriter {
  /// x / √(square + epsilon) · scale + bias, scale and bias with the extents of `axes`.
  fileprivate func scaled(_ x: String, byRootOf square: String, epsilon: Float, axes: [Int]) {
    let type = inputTypes[0]
    let shifted = step("Add", [square, scalar(Double(epsilon), type.elementType)])
    var extents = [Int](repeating: 1, count: type.shape.rank)
    for axis in axes { extents[axis] = type.shape[axis] }
    let parameters = inputs.dropFirst().map { reshape($0, Shape(extents)) }
    let root = step("Sqrt", [shifted])
    guard let scale = parameters.first else { return emit("Div", [x, root]) }
    let normal = step("Div", [x, root])
    guard parameters.count > 1 else { return emit("Mul", [normal, scale]) }
    emit("Add", [step("Mul", [normal, scale]), parameters[1]])
  }
}
