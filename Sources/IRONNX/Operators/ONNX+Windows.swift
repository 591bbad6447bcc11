import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let windows: [String: Reader] = [
    "Conv": { (n) throws(ImportFailure) in
      [try convolution(n, try n.input(0), try n.input(1), bias: n.has(2) ? try n.input(2) : nil)]
    },
    "ConvTranspose": convolutionTranspose,
    "MaxPool": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let operation = MaxPool(
        window: try pooling(n, x), columnMajorIndices: n.int("storage_order") != 0,
        hasIndices: n.node.outputs.count > 1)
      return try n.emitAll(operation, [x])
    },
    "AveragePool": { (n) throws(ImportFailure) in
      [try averagePool(n, try n.input(0))]
    },
    "LpPool": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      return [try n.emit(LpPool(window: try pooling(n, x), p: n.int("p", 2)), x)]
    },
    "GlobalAveragePool": global(.mean), "GlobalMaxPool": global(.maximum),
  ]

  /// A convolution with the node's attributes.
  static func convolution(
    _ n: NodeReader, _ x: ValueID, _ weight: ValueID, bias: ValueID? = nil
  ) throws(ImportFailure) -> ValueID {
    let window = try geometry(n, n.shape(x), kernel: Array(n.shape(weight).dropFirst(2)))
    let operation = Convolution(
      strides: window.strides, padsBefore: window.padsBefore, padsAfter: window.padsAfter,
      dilations: window.dilations, groupCount: n.int("group", 1))
    return try n.emitAll(operation, [x, weight] + (bias.map { [$0] } ?? []))[0]
  }

  /// An average pool with the node's attributes.
  static func averagePool(_ n: NodeReader, _ x: ValueID) throws(ImportFailure) -> ValueID {
    try n.emit(AveragePool(window: try pooling(n, x), countsPadding: n.int("count_include_pad") != 0), x)
  }

  private static func global(_ function: ReduceFunction) -> Reader {
    { (n) throws(ImportFailure) in
      let x = try n.input(0)
      guard n.shape(x).rank >= 2 else { throw .unsupported("its input \(n.shape(x)) has no spatial axes") }
      return [try n.emit(Reduce(function, axes: Array(2..<n.shape(x).rank)), x)]
    }
  }

  private static func pooling(_ n: NodeReader, _ x: ValueID) throws(ImportFailure) -> PoolingWindow {
    let window = try geometry(n, n.shape(x), kernel: n.ints("kernel_shape") ?? [])
    return PoolingWindow(
      kernel: window.kernel, strides: window.strides, dilations: window.dilations,
      padsBefore: window.padsBefore,
      padsAfter: window.padsAfter, ceilMode: n.int("ceil_mode") != 0)
  }

  /// Strides, dilations and pads of a node, `auto_pad` worked out.
  private static func geometry(_ n: NodeReader, _ x: Shape, kernel: [Int]) throws(ImportFailure)
    -> SlidingWindow
  {
    let rank = x.rank - 2
    guard rank >= 1, kernel.count == rank else { throw .unsupported("a window of \(kernel) over \(x)") }
    let strides = n.ints("strides") ?? [Int](repeating: 1, count: rank)
    let dilations = n.ints("dilations") ?? [Int](repeating: 1, count: rank)
    var pads = n.ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
    guard strides.count == rank, dilations.count == rank, pads.count == 2 * rank,
      (strides + dilations + kernel).allSatisfy({ (1...(1 << 30)).contains($0) })
    else { throw .unsupported("strides \(strides), dilations \(dilations), pads \(pads) over \(x)") }
    let automatic = n.text("auto_pad", "NOTSET")
    if automatic == "VALID" { pads = [Int](repeating: 0, count: 2 * rank) }
    if automatic.hasPrefix("SAME") {
      for axis in 0..<rank {
        let output = (x[axis + 2] + strides[axis] - 1) / strides[axis]
        let total = max(
          0, (output - 1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1 - x[axis + 2])
        pads[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
        pads[axis + rank] = total - pads[axis]
      }
    }
    return SlidingWindow(
      kernel: kernel, strides: strides, padsBefore: Array(pads[..<rank]), padsAfter: Array(pads[rank...]),
      dilations: dilations)
  }

  private static let convolutionTranspose: Reader = { (n) throws(ImportFailure) in
    let (x, w) = (try n.input(0), try n.input(1))
    let shape = n.shape(x)
    let kernel = Array(n.shape(w).dropFirst(2))
    let rank = shape.rank - 2
    guard rank >= 1, kernel.count == rank else { throw .unsupported("a window of \(kernel) over \(shape)") }
    let ones = [Int](repeating: 1, count: rank)
    let (strides, dilations) = (n.ints("strides") ?? ones, n.ints("dilations") ?? ones)
    let outputPadding = n.ints("output_padding") ?? [Int](repeating: 0, count: rank)
    var pads = n.ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
    guard strides.count == rank, dilations.count == rank, outputPadding.count == rank, pads.count == 2 * rank,
      (strides + dilations + kernel + outputPadding).allSatisfy({ (0...(1 << 30)).contains($0) })
    else { throw .unsupported("strides \(strides), dilations \(dilations), pads \(pads) over \(shape)") }
    let automatic = n.text("auto_pad", "NOTSET")
    let target = n.ints("output_shape")
    guard (target ?? []).allSatisfy({ (0...(1 << 40)).contains($0) }),
      target.map({ $0.count >= rank }) ?? true
    else {
      throw .unsupported("output_shape \(target ?? [])")
    }
    for axis in 0..<rank where target != nil || automatic.hasPrefix("SAME") {
      let wanted =
        target.map { $0.count > axis + ($0.count - rank) ? $0[axis + $0.count - rank] : 0 }
        ?? shape[axis + 2] * strides[axis]
      let full =
        strides[axis] * (shape[axis + 2] - 1) + outputPadding[axis] + (kernel[axis] - 1) * dilations[axis] + 1
      let total = max(0, full - wanted)
      pads[axis] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2
      if automatic == "NOTSET" { pads[axis] = total / 2 }
      pads[axis + rank] = total - pads[axis]
      // An output larger than the full one is padded at the end.
      if wanted > full { pads[axis + rank] = full - wanted }
    }
    let operation = ConvolutionTranspose(
      strides: strides, padsBefore: Array(pads[..<rank]), padsAfter: Array(pads[rank...]),
      dilations: dilations,
      outputPadding: outputPadding, groupCount: n.int("group", 1))
    return try n.emitAll(operation, n.has(2) ? [x, w, try n.input(2)] : [x, w])
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let windowWriters: [(String, Writer)] = [
    writer(Convolution.self, as: "Conv") { attributes($0) },
    writer(FusedConvolution.self) { (fused, w) throws(ExportFailure) in
      let own = Array(w.inputs.prefix(fused.ownInputCount))
      try w.finish(
        NodeWriter.Expression("Conv", own, attributes(fused.convolution)),
        adding: Array(w.inputs.dropFirst(fused.ownInputCount)), then: fused.activation)
    },
    writer(ConvolutionTranspose.self, as: "ConvTranspose") {
      // ONNX has no negative pads: what is added at the end is output padding.
      [
        .ints("strides", $0.strides), .ints("pads", $0.padsBefore + $0.padsAfter.map { max($0, 0) }),
        .ints("dilations", $0.dilations),
        .ints("output_padding", zip($0.outputPadding, $0.padsAfter).map { $0 - min($1, 0) }),
        .int("group", $0.groupCount),
      ]
    },
    writer(MaxPool.self) { (pool, w) throws(ExportFailure) in
      w.emit("MaxPool", attributes(pool.window, w) + [.flag("storage_order", pool.columnMajorIndices)])
    },
    writer(AveragePool.self) { (pool, w) throws(ExportFailure) in
      let isDilated = pool.window.dilations.contains { $0 != 1 }
      guard !isDilated || w.opset >= 19 else {
        throw ExportFailure("a dilated average pool needs operator set 19")
      }
      w.emit(
        "AveragePool",
        attributes(pool.window, w, hasDilations: isDilated) + [.flag("count_include_pad", pool.countsPadding)]
      )
    },
    writer(LpPool.self) { (pool, w) throws(ExportFailure) in
      w.emit("LpPool", attributes(pool.window, w) + [.int("p", pool.p)])
    },
  ]

  private static func attributes(_ convolution: Convolution) -> [ONNXNamedAttribute?] {
    [
      .ints("strides", convolution.strides), .ints("pads", convolution.padsBefore + convolution.padsAfter),
      .ints("dilations", convolution.dilations), .int("group", convolution.groupCount),
    ]
  }

  private static func attributes(
    _ window: PoolingWindow, _ w: NodeWriter, hasDilations: Bool = true
  ) -> [ONNXNamedAttribute?] {
    // Older operator sets round up where the newest do not: said only where it makes a difference.
    var floor = window
    floor.ceilMode = false
    let isRounding =
      (try? floor.outputExtents(w.inputTypes[0].shape)) != Array(w.outputTypes[0].shape.dropFirst(2))
    return [
      .ints("kernel_shape", window.kernel), .ints("strides", window.strides),
      .ints("pads", window.padsBefore + window.padsAfter),
      hasDilations ? .ints("dilations", window.dilations) : nil,
      .flag("ceil_mode", isRounding),
    ]
  }
}
