import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  private static func reduce(_ function: ReduceFunction) -> Reader {
    { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let rank = n.shape(x).rank
      let given = try n.axes(try n.list("axes", input: 1) ?? [], rank: rank)
      if given.isEmpty, n.int("noop_with_empty_axes") != 0 {
        // Nothing is reduced, but the function of single elements still applies.
        return [try n.emit(Reduce(function, axes: []), x)]
      }
      let axes = given.isEmpty ? Array(0..<rank) : given
      return [try n.emit(Reduce(function, axes: axes, keepsAxes: n.int("keepdims", 1) != 0), x)]
    }
  }

  private static func extreme(findsMaximum: Bool) -> Reader {
    { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let operation = ArgExtreme(
        findsMaximum: findsMaximum, axis: try n.axis(n.int("axis"), rank: n.shape(x).rank),
        keepsAxis: n.int("keepdims", 1) != 0, selectsLast: n.int("select_last_index") != 0)
      return [try n.emit(operation, x)]
    }
  }

  static let reduction: [String: Reader] = [
    "ReduceSum": reduce(.sum), "ReduceMean": reduce(.mean), "ReduceMax": reduce(.maximum),
    "ReduceMin": reduce(.minimum), "ReduceProd": reduce(.product), "ReduceSumSquare": reduce(.sumSquare),
    "ReduceL1": reduce(.l1), "ReduceL2": reduce(.l2), "ReduceLogSum": reduce(.logSum),
    "ReduceLogSumExp": reduce(.logSumExp),
    "ArgMax": extreme(findsMaximum: true), "ArgMin": extreme(findsMaximum: false),
    "CumSum": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let operation = CumulativeSum(
        axis: try n.axis(try n.integers(1).first ?? 0, rank: n.shape(x).rank),
        isExclusive: n.int("exclusive") != 0, isReversed: n.int("reverse") != 0)
      return [try n.emit(operation, x)]
    },
    "CumProd": cumulativeProduct,
    "TopK": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let count = n.has(1) ? try n.integers(1).first ?? 0 : n.int("k")
      let operation = TopK(
        axis: try n.axis(n.int("axis", -1), rank: n.shape(x).rank), count: count,
        findsLargest: n.int("largest", 1) != 0, isSorted: n.int("sorted", 1) != 0)
      return try n.emitAll(operation, [x])
    },
  ]

  /// Running products by doubling: each round multiplies by what lies 1, 2, 4, … elements before.
  private static let cumulativeProduct: Reader = { (n) throws(ImportFailure) in
    var x = try n.input(0)
    let shape = n.shape(x)
    let axis = try n.axis(try n.integers(1).first ?? 0, rank: shape.rank)
    let isReversed = n.int("reverse") != 0
    let zeros = [Int](repeating: 0, count: shape.rank)
    func moved(_ value: ValueID, by distance: Int) throws(ImportFailure) -> ValueID {
      var (shift, starts) = (zeros, zeros)
      shift[axis] = distance
      if isReversed { starts[axis] = distance }
      let padded = try n.emit(
        Pad(before: isReversed ? zeros : shift, after: isReversed ? shift : zeros, mode: .constant, value: 1),
        value)
      return try n.emit(
        Slice(starts: starts, steps: zeros.map { _ in 1 }, extents: shape.extents), padded)
    }
    guard !shape.contains(0) else { return [x] }
    if n.int("exclusive") != 0 { x = try moved(x, by: 1) }
    var distance = 1
    while distance < shape[axis] {
      x = try n.binary(.multiply, x, try moved(x, by: distance))
      distance *= 2
    }
    return [x]
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let reductionWriters: [(String, Writer)] = [
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
    writer(ArgExtreme.self) { (extreme, w) throws(ExportFailure) in
      w.emit(
        extreme.findsMaximum ? "ArgMax" : "ArgMin",
        [
          .int("axis", extreme.axis), .flag("keepdims", extreme.keepsAxis),
          .flag("select_last_index", extreme.selectsLast),
        ])
    },
    writer(CumulativeSum.self) { (sum, w) throws(ExportFailure) in
      let axis = w.constant(Tensor([Int64(sum.axis)], shape: .scalar))
      w.emit(
        "CumSum", [w.inputs[0], axis],
        [.flag("exclusive", sum.isExclusive), .flag("reverse", sum.isReversed)])
    },
    writer(TopK.self) { (top, w) throws(ExportFailure) in
      w.emit(
        "TopK", [w.inputs[0], w.ints([top.count])],
        [.int("axis", top.axis), .flag("largest", top.findsLargest), .flag("sorted", top.isSorted)])
    },
  ]
}
