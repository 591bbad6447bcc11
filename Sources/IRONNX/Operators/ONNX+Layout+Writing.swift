import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let layoutWriters: [(String, Writer)] = [
    writer(Reshape.self) { (reshape, w) throws(ExportFailure) in
      w.emit(
        "Reshape", [w.inputs[0], w.ints(reshape.shape.extents)],
        [reshape.shape.contains(0) ? .int("allowzero", 1) : nil])
    },
    writer(Transpose.self, as: "Transpose") { [.ints("perm", $0.permutation)] },
    writer(Expand.self) { (expand, w) throws(ExportFailure) in
      w.emit("Expand", [w.inputs[0], w.ints(expand.shape.extents)])
    },
    writer(Tile.self) { (tile, w) throws(ExportFailure) in
      w.emit("Tile", [w.inputs[0], w.ints(tile.repeats)])
    },
    writer(Slice.self) { (slice, w) throws(ExportFailure) in
      let axes = slice.starts.indices.filter { axis in
        slice.starts[axis] != 0 || slice.steps[axis] != 1
          || slice.extents[axis] != w.inputTypes[0].shape[axis] || w.isOpen(input: 0, axis: axis)
      }
      guard !axes.isEmpty else { return w.emit("Identity") }
      let ends = axes.map { axis -> Int in
        let end = slice.starts[axis] + slice.steps[axis] * slice.extents[axis]
        // Below zero an end would count from the back.
        return slice.extents[axis] == 0 ? slice.starts[axis] : (end < 0 ? -(1 << 40) : end)
      }
      w.emit(
        "Slice",
        [
          w.inputs[0], w.ints(axes.map { slice.starts[$0] }), w.ints(ends), w.ints(axes),
          w.ints(axes.map { slice.steps[$0] }),
        ])
    },
    writer(Concatenate.self, as: "Concat") { [.int("axis", $0.axis)] },
    writer(Split.self) { (split, w) throws(ExportFailure) in
      w.emit("Split", [w.inputs[0], w.ints(split.sizes)], [.int("axis", split.axis)])
    },
    writer(Pad.self) { (pad, w) throws(ExportFailure) in
      guard pad.mode != .wrap || w.opset >= 19 else { throw ExportFailure("wrapping needs operator set 19") }
      var operands = [w.inputs[0], w.ints(pad.before + pad.after)]
      if pad.mode == .constant { operands.append(w.scalar(pad.value, w.inputTypes[0].elementType)) }
      w.emit("Pad", operands, [.string("mode", pad.mode.rawValue)])
    },
    writer(Trilu.self) { (trilu, w) throws(ExportFailure) in
      let diagonal = w.constant(Tensor([Int64(trilu.diagonal)], shape: .scalar))
      w.emit("Trilu", [w.inputs[0], diagonal], [.flag("upper", trilu.isUpper)])
    },
  ]

  static let indexingWriters: [(String, Writer)] = [
    writer(Gather.self, as: "Gather") { [.int("axis", $0.axis)] },
    writer(GatherElements.self, as: "GatherElements") { [.int("axis", $0.axis)] },
    writer(GatherND.self, as: "GatherND") { [.int("batch_dims", $0.batchAxisCount)] },
    writer(ScatterElements.self, as: "ScatterElements") { [.int("axis", $0.axis), reduction($0.reduction)] },
    writer(ScatterND.self, as: "ScatterND") { [reduction($0.reduction)] },
    writer(OneHot.self) { (hot, w) throws(ExportFailure) in
      guard w.inputTypes[1].elementType != .bfloat16 || w.opset >= 28 else {
        throw ExportFailure("OneHot of bfloat16 needs operator set 28")
      }
      let depth = w.constant(Tensor([Int64(hot.depth)], shape: .scalar))
      w.emit("OneHot", [w.inputs[0], depth, w.inputs[1]], [.int("axis", hot.axis)])
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

  private static func reduction(_ reduction: ScatterReduction) -> ONNXNamedAttribute? {
    let names: [ScatterReduction: String] = [.add: "add", .multiply: "mul", .maximum: "max", .minimum: "min"]
    return names[reduction].map { .string("reduction", $0) }
  }
}
