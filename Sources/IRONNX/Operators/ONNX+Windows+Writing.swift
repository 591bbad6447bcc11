import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let windowWriters: [(String, Writer)] = [
    writer(Convolution.self, as: "Conv") { attributes($0) },
    writer(FusedConvolution.self) { (fused, w) throws(ExportFailure) in
      let own = Array(w.inputs.prefix(fused.ownInputCount))
      let attributes = attributes(fused.convolution)
      let steps =
        [("Conv", own, attributes)]
        + (fused.hasResidual ? [("Add", [w.inputs[fused.ownInputCount]], [])] : [])
        + (fused.isRectified
          ? [fused.slope == 0 ? ("Relu", [], []) : ("LeakyRelu", [], [.float("alpha", fused.slope)])] : [])
      var value: [String] = []
      for (index, step) in steps.enumerated() {
        if index == steps.count - 1 { return w.emit(step.0, value + step.1, step.2) }
        value = [w.step(step.0, value + step.1, step.2)]
      }
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
    writer(Resize.self, resize),
    writer(GridSample.self) { (sample, w) throws(ExportFailure) in
      let isNamedForTwo = w.opset < 20
      guard !isNamedForTwo || w.inputTypes[0].shape.rank == 4 else {
        throw ExportFailure("a grid over other than two axes needs operator set 20")
      }
      let names: [ResizeMode: String] = [
        .linear: isNamedForTwo ? "bilinear" : "linear", .cubic: isNamedForTwo ? "bicubic" : "cubic",
      ]
      w.emit(
        "GridSample",
        [
          .string("mode", names[sample.mode] ?? "nearest"), .string("padding_mode", sample.padding.rawValue),
          .flag("align_corners", sample.alignsCorners),
        ])
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

  private static let resize: @Sendable (Resize, NodeWriter) throws(ExportFailure) -> Void = {
    (resize, w) throws(ExportFailure) in
    let shape = w.inputTypes[0].shape
    // ONNX states either sizes, the scales being their ratios, or float32 scales, the sizes being their floors.
    let ratios = zip(resize.extents, shape).map { Double($0) / Double(max($1, 1)) }
    let rounded = resize.scales.map { Double(Float($0)) }
    let floors = zip(shape, rounded).map { Int((Double($0) * $1).rounded(.down)) }
    var operands = [w.inputs[0], "", ""]
    var policy: ONNXNamedAttribute?
    var axes: ONNXNamedAttribute?
    if resize.coordinates == .tfCropAndResize {
      let region = resize.regionOfInterest
      operands[1] = w.constant(Tensor(TensorType(.float32, [region.count]), doubles: region))
    }
    if floors == resize.extents, rounded == resize.scales {
      operands[2] = w.constant(Tensor(TensorType(.float32, [rounded.count]), doubles: rounded))
    } else if ratios == resize.scales {
      operands.append(w.ints(resize.extents))
    } else if let (name, changed) = aspectPolicy(resize, shape, ratios) {
      operands.append(w.ints(changed.map { resize.extents[$0] }))
      (policy, axes) = (.string("keep_aspect_ratio_policy", name), .ints("axes", changed))
    } else {
      throw ExportFailure(
        "scales \(resize.scales) to \(resize.extents) are neither float32 nor the sizes' ratios")
    }
    w.emit(
      "Resize", operands,
      [
        .string("mode", resize.mode.rawValue),
        .string("coordinate_transformation_mode", resize.coordinates.rawValue),
        resize.mode == .nearest ? .string("nearest_mode", resize.rounding.rawValue) : nil,
        resize.mode == .cubic ? .float("cubic_coeff_a", resize.cubicCoefficient) : nil,
        resize.excludesOutside ? .int("exclude_outside", 1) : nil,
        resize.coordinates == .tfCropAndResize
          ? .float("extrapolation_value", resize.extrapolationValue) : nil,
        resize.isAntialiased ? .int("antialias", 1) : nil, policy, axes,
      ])
  }

  /// ONNX's policy under which one scale of all changed axes, and the sizes rounded from it, are those of
  /// the operator.
  private static func aspectPolicy(_ resize: Resize, _ shape: Shape, _ ratios: [Double]) -> (String, [Int])? {
    let changed = shape.indices.filter { resize.scales[$0] != 1 || resize.extents[$0] != shape[$0] }
    guard let first = changed.first else { return nil }
    let scale = resize.scales[first]
    for (name, bound) in [
      ("not_larger", changed.map { ratios[$0] }.min()), ("not_smaller", changed.map { ratios[$0] }.max()),
    ]
    where bound == scale {
      let isSame = changed.allSatisfy { axis in
        resize.scales[axis] == scale
          && Int((Double(shape[axis]) * scale + 0.5).rounded(.down)) == resize.extents[axis]
      }
      if isSame { return (name, changed) }
    }
    return nil
  }
}
