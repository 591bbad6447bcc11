import IRGraph
import IROperators
import IRTensor

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
    writer(BatchNormalization.self, as: "BatchNormalization") { [.float("epsilon", $0.epsilon)] },
    writer(Softmax.self, as: "Softmax") { [.int("axis", $0.axis)] },
    writer(LogSoftmax.self, as: "LogSoftmax") { [.int("axis", $0.axis)] },
    writer(MatrixMultiply.self) { (product, w) throws(ExportFailure) in
      func operand(_ index: Int, _ isTransposed: Bool) -> String {
        guard isTransposed else { return w.inputs[index] }
        let rank = w.inputTypes[index].shape.rank
        return w.step(
          "Transpose", [w.inputs[index]], [.ints("perm", Array(0..<(rank - 2)) + [rank - 1, rank - 2])])
      }
      w.emit("MatMul", [operand(0, product.transposesA), operand(1, product.transposesB)])
    },
    writer(ChannelGram.self) { (gram, w) throws(ExportFailure) in
      let rows = zip(w.inputs, w.inputTypes).map { name, type in
        let shape = type.shape
        return w.reshape(
          name, [shape[0], gram.groupCount, shape[1] / gram.groupCount, shape[2] * shape[3]])
      }
      let across = w.step("Transpose", [rows[1]], [.ints("perm", [0, 1, 3, 2])])
      w.emit("MatMul", [rows[0], across], output: 0)
      for (index, row) in rows.enumerated() {
        w.emit("ReduceL2", [row, w.ints([3])], [.flag("keepdims", true)], output: index + 1)
      }
    },
    writer(Reduce.self) { (reduce, w) throws(ExportFailure) in
      let names: [ReduceFunction: String] = [
        .sum: "ReduceSum", .mean: "ReduceMean", .maximum: "ReduceMax", .minimum: "ReduceMin",
        .product: "ReduceProd",
        .sumSquare: "ReduceSumSquare", .l1: "ReduceL1", .l2: "ReduceL2", .logSum: "ReduceLogSum",
        .logSumExp: "ReduceLogSumExp",
      ]
      guard let name = names[reduce.function] else { throw ExportFailure("\(reduce.function.rawValue)") }
      guard w.inputTypes[0].elementType != .bool || w.opset >= 20 else {
        throw ExportFailure("\(reduce.function.rawValue) of bool needs operator set 20")
      }
      w.emit(
        name, [w.inputs[0], w.ints(reduce.axes)],
        [.flag("keepdims", reduce.keepsAxes), reduce.axes.isEmpty ? .int("noop_with_empty_axes", 1) : nil])
    },
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
