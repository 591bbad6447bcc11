import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let layout: [String: Reader] = [
    "Reshape": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let target = if let shape = n.ints("shape") { shape } else { try n.integers(1) }
      return [try n.reshaped(x, try resolved(target, n.shape(x), allowsZero: n.int("allowzero") != 0))]
    },
    "Flatten": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      let axis = n.int("axis", 1) < 0 ? n.int("axis", 1) + shape.rank : n.int("axis", 1)
      guard (0...shape.rank).contains(axis) else { throw .unsupported("axis \(axis) of \(shape)") }
      return [
        try n.reshaped(x, [shape.elementCount(in: 0..<axis), shape.elementCount(in: axis..<shape.rank)])
      ]
    },
    "Squeeze": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      let list = try n.list("axes", input: 1)
      let dropped = try n.axes(list ?? shape.indices.filter { shape[$0] == 1 }, rank: shape.rank)
      for axis in dropped where shape[axis] != 1 { throw .unsupported("axis \(axis) of \(shape) is not 1") }
      return [try n.reshaped(x, Shape(shape.indices.filter { !dropped.contains($0) }.map { shape[$0] }))]
    },
    "Unsqueeze": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let list = try n.list("axes", input: 1) ?? []
      guard list.count <= 64 else { throw .unsupported("\(list.count) new axes") }
      let axes = try n.axes(list, rank: n.shape(x).rank + list.count)
      var extents = n.shape(x).extents
      for axis in axes.sorted() { extents.insert(1, at: axis) }
      return [try n.reshaped(x, Shape(extents))]
    },
    "Transpose": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      return [
        try n.emit(Transpose(permutation: n.ints("perm") ?? Array((0..<n.shape(x).rank).reversed())), x)
      ]
    },
    "Concat": { (n) throws(ImportFailure) in
      var values: [ValueID] = []
      for index in n.inputs.indices { values.append(try n.input(index)) }
      guard let first = values.first else { throw .unsupported("it has no inputs") }
      return try n.emitAll(Concatenate(axis: try n.axis(n.int("axis", 1), rank: n.shape(first).rank)), values)
    },
    "Split": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let axis = try n.axis(n.int("axis"), rank: n.shape(x).rank)
      let extent = n.shape(x)[axis]
      var sizes = try n.list("split", input: 1) ?? []
      if sizes.isEmpty {
        let count = n.int("num_outputs", n.node.outputs.count)
        guard count == n.node.outputs.count, count > 0 else {
          throw .unsupported("num_outputs is \(count), it has \(n.node.outputs.count) outputs")
        }
        let size = (extent + count - 1) / count
        sizes = (0..<count).map { max(0, min(size, extent - $0 * size)) }
      }
      guard sizes.count == n.node.outputs.count else {
        throw .unsupported("\(sizes.count) parts for \(n.node.outputs.count) outputs")
      }
      return try n.emitAll(Split(axis: axis, sizes: sizes), [x])
    },
    "Expand": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      guard let shape = n.shape(x).broadcast(with: Shape(try n.integers(1))) else {
        throw .unsupported("\(n.shape(x)) does not stretch to \(try n.integers(1))")
      }
      return [shape == n.shape(x) ? x : try n.emit(Expand(shape: shape), x)]
    },
    "Tile": { (n) throws(ImportFailure) in [try n.emit(Tile(repeats: try n.integers(1)), try n.input(0))] },
    "Slice": slice, "Pad": pad,
    "DepthToSpace": { (n) throws(ImportFailure) in
      let mode: DepthToSpaceMode = n.text("mode", "DCR") == "CRD" ? .columnRowDepth : .depthColumnRow
      return [try n.emit(DepthToSpace(blockSize: n.int("blocksize"), mode: mode), try n.input(0))]
    },
    "SpaceToDepth": { (n) throws(ImportFailure) in
      let mode: DepthToSpaceMode = n.text("mode", "DCR") == "CRD" ? .columnRowDepth : .depthColumnRow
      return [try n.emit(SpaceToDepth(blockSize: n.int("blocksize"), mode: mode), try n.input(0))]
    },
    "Trilu": { (n) throws(ImportFailure) in
      let diagonal = n.has(1) ? try n.integers(1).first ?? 0 : 0
      return [try n.emit(Trilu(isUpper: n.int("upper", 1) != 0, diagonal: diagonal), try n.input(0))]
    },
    "CenterCropPad": centreCropPad,
  ]

  /// ONNX's target shape with 0 (copied) and -1 (inferred) replaced.
  private static func resolved(_ target: [Int], _ shape: Shape, allowsZero: Bool) throws(ImportFailure)
    -> Shape
  {
    guard target.count <= ONNXLimits.rank else { throw .unsupported("a shape of \(target.count) axes") }
    var extents: [Int] = []
    for (axis, extent) in target.enumerated() {
      guard extent == 0, !allowsZero else { extents.append(extent); continue }
      guard axis < shape.rank else { throw .unsupported("shape \(target) copies axis \(axis) of \(shape)") }
      extents.append(shape[axis])
    }
    guard let hole = extents.firstIndex(of: -1) else { return Shape(extents) }
    extents[hole] = 1
    guard let known = Shape(extents).checkedElementCount, known > 0, shape.elementCount % known == 0 else {
      throw .unsupported("\(shape) cannot be read as \(target)")
    }
    extents[hole] = shape.elementCount / known
    return Shape(extents)
  }

  private static let slice: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let begins = try n.list("starts", input: 1) ?? []
    let ends = try n.list("ends", input: 2) ?? []
    let axes = try n.axes(try n.list("axes", input: 3) ?? Array(begins.indices), rank: shape.rank)
    let steps = n.has(4) ? try n.integers(4) : [Int](repeating: 1, count: begins.count)
    guard begins.count == axes.count, ends.count == axes.count, steps.count == axes.count else {
      throw .unsupported(
        "starts, ends, axes, steps of \(begins.count), \(ends.count), \(axes.count), \(steps.count)")
    }
    var slice = Slice(
      starts: [Int](repeating: 0, count: shape.rank), steps: [Int](repeating: 1, count: shape.rank),
      extents: shape.extents)
    for (index, axis) in axes.enumerated() {
      let (extent, step) = (shape[axis], steps[index])
      guard step != 0 else { throw .unsupported("a step of 0 on axis \(axis)") }
      func clamped(_ position: Int) -> Int {
        let wrapped = position < 0 ? position &+ extent : position
        let (low, high) = step > 0 ? (0, extent) : (-1, extent - 1)
        return min(max(position == .min ? low : wrapped, low), high)
      }
      let begin = step > 0 ? clamped(begins[index]) : min(max(clamped(begins[index]), 0), extent - 1)
      let span = clamped(ends[index]) - begin
      let distance = step > 0 ? span : -span
      let count = distance <= 0 ? 0 : (distance - 1) / step.magnitudeClamped + 1
      slice.extents[axis] = max(0, min(count, extent))
      slice.starts[axis] = begin
      slice.steps[axis] = slice.extents[axis] <= 1 ? 1 : step
    }
    return [try n.emit(slice, x)]
  }

  private static let pad: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let list = try n.list("pads", input: 1) ?? n.ints("paddings") ?? []
    let axes = n.has(3) ? try n.axes(try n.integers(3), rank: shape.rank) : Array(0..<shape.rank)
    guard list.count == 2 * axes.count else {
      throw .unsupported("\(list.count) pads for \(axes.count) axes")
    }
    let value = n.has(2) ? try n.constant(2).doubles.first ?? 0 : Double(n.float("value"))
    guard let mode = PadMode(rawValue: n.text("mode", "constant")) else {
      throw .unsupported("mode \(n.text("mode"))")
    }
    var before = [Int](repeating: 0, count: shape.rank)
    var after = before
    for (index, axis) in axes.enumerated() {
      (before[axis], after[axis]) = (list[index], list[index + axes.count])
    }
    return [try padded(n, x, before, after, mode, value)]
  }

  /// Pads, where negative numbers crop first.
  private static func padded(
    _ n: NodeReader, _ x: ValueID, _ before: [Int], _ after: [Int], _ mode: PadMode, _ value: Double
  ) throws(ImportFailure) -> ValueID {
    let shape = n.shape(x)
    let starts = before.map { max(0, -$0.clampedSize) }
    let extents = shape.indices.map { shape[$0] - starts[$0] - max(0, -after[$0].clampedSize) }
    guard extents.allSatisfy({ $0 >= 0 }) else {
      throw .unsupported("pads \(before), \(after) crop more than \(shape)")
    }
    var result = x
    if extents != shape.extents {
      result = try n.emit(
        Slice(starts: starts, steps: [Int](repeating: 1, count: shape.rank), extents: extents), result)
    }
    let (front, back) = (before.map { max(0, $0) }, after.map { max(0, $0) })
    if front + back == [Int](repeating: 0, count: 2 * shape.rank) { return result }
    return try n.emit(Pad(before: front, after: back, mode: mode, value: value), result)
  }

  private static let centreCropPad: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let target = try n.integers(1)
    let axes = try n.axes(n.ints("axes") ?? Array(0..<shape.rank), rank: shape.rank)
    guard axes.count == target.count, target.allSatisfy({ (0...(1 << 40)).contains($0) }) else {
      throw .unsupported("a target of \(target) for axes \(axes)")
    }
    var before = [Int](repeating: 0, count: shape.rank)
    var after = before
    for (axis, extent) in zip(axes, target) {
      let difference = extent - shape[axis]
      before[axis] = difference >= 0 ? difference / 2 : -(-difference / 2)
      after[axis] = difference - before[axis]
    }
    return [try padded(n, x, before, after, .constant, 0)]
  }
}

extension Int {
  /// The magnitude as an `Int`.
  var magnitudeClamped: Int { Int(clamping: magnitude) }
  /// The number within what an extent could be.
  var clampedSize: Int { Swift.max(-(1 << 48), Swift.min(1 << 48, self)) }
}

/// The writers of the family's operators.
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
    writer(DepthToSpace.self, as: "DepthToSpace") {
      [.int("blocksize", $0.blockSize), .string("mode", $0.mode == .columnRowDepth ? "CRD" : "DCR")]
    },
    writer(SpaceToDepth.self) { (move, w) throws(ExportFailure) in
      if move.mode == .depthColumnRow { return w.emit("SpaceToDepth", [.int("blocksize", move.blockSize)]) }
      let block = SizeExpression(move.blockSize)
      let extents = (0..<4).map { SizeExpression.extent(axis: $0) }
      let cells = [extents[2] / block, extents[3] / block]
      let split = w.step(
        "Reshape",
        [w.inputs[0], try w.sizes([extents[0], extents[1], cells[0], block, cells[1], block])])
      let moved = w.step("Transpose", [split], [.ints("perm", move.sixAxes.permutation)])
      w.emit("Reshape", [moved, try w.sizes([extents[0], extents[1] * block * block] + cells)])
    },
    writer(Trilu.self) { (trilu, w) throws(ExportFailure) in
      let diagonal = w.constant(Tensor([Int64(trilu.diagonal)], shape: .scalar))
      w.emit("Trilu", [w.inputs[0], diagonal], [.flag("upper", trilu.isUpper)])
    },
  ]
}
