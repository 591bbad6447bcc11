import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let resampling: [String: Reader] = [
    "Resize": resize, "Upsample": upsample, "GridSample": gridSample, "AffineGrid": affineGrid,
  ]

  private static let gridSample: Reader = { (n) throws(ImportFailure) in
    // Before operator set 20 the modes were named for two axes.
    let modes: [String: ResizeMode] = [
      "linear": .linear, "bilinear": .linear, "cubic": .cubic, "bicubic": .cubic, "nearest": .nearest,
    ]
    guard let mode = modes[n.text("mode", "linear")],
      let padding = GridPadding(rawValue: n.text("padding_mode", "zeros"))
    else { throw .unsupported("mode \(n.text("mode")) with padding_mode \(n.text("padding_mode"))") }
    let operation = GridSample(mode: mode, padding: padding, alignsCorners: n.int("align_corners") != 0)
    return [try n.emit(operation, try n.input(0), try n.input(1))]
  }

  /// The matrices `theta` `[N, r, r + 1]` applied to the places of a picture of the given size.
  private static let affineGrid: Reader = { (n) throws(ImportFailure) in
    let theta = try n.input(0)
    let size = try n.integers(1)
    let spatial = Array(size.dropFirst(2))
    guard n.shape(theta) == [size.first ?? 0, spatial.count, spatial.count + 1],
      spatial.count == 2 || spatial.count == 3,
      let count = Shape(spatial).checkedElementCount, count <= 1 << 26
    else { throw .unsupported("\(n.shape(theta)) for a picture of size \(size)") }
    let alignsCorners = n.int("align_corners") != 0
    let strides = Shape(spatial).strides
    var places: [Double] = []
    places.reserveCapacity(count * (spatial.count + 1))
    for place in 0..<count {
      // The last axis comes first, as the grid's readers have it.
      for axis in spatial.indices.reversed() {
        let (index, extent) = (Double(place / strides[axis] % spatial[axis]), Double(spatial[axis]))
        places.append(
          alignsCorners ? (extent > 1 ? 2 * index / (extent - 1) - 1 : 0) : (2 * index + 1) / extent - 1)
      }
      places.append(1)
    }
    let type = TensorType(n.type(theta).elementType, [1, count, spatial.count + 1])
    let grid = try n.emit(MatrixMultiply(transposesB: true), n.constant(Tensor(type, doubles: places)), theta)
    return [try n.reshaped(grid, Shape([size[0]] + spatial + [spatial.count]))]
  }

  private static let upsample: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    var scales: [Double] = []
    if case .floats(let given)? = n.node[attribute: "scales"] { scales = given.map { Double($0) } }
    if scales.isEmpty { scales = try n.constant(1).doubles }
    return [try scaled(n, x, scales, coordinates: .asymmetric, rounding: .floor, Array(0..<n.shape(x).rank))]
  }

  private static let resize: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let rank = n.shape(x).rank
    if n.opset < 11 {
      let scales = try n.constant(1).doubles
      return [try scaled(n, x, scales, coordinates: .asymmetric, rounding: .floor, Array(0..<rank))]
    }
    guard
      let coordinates = ResizeCoordinates(rawValue: n.text("coordinate_transformation_mode", "half_pixel"))
    else {
      throw .unsupported("coordinate_transformation_mode \(n.text("coordinate_transformation_mode"))")
    }
    guard let rounding = NearestRounding(rawValue: n.text("nearest_mode", "round_prefer_floor")) else {
      throw .unsupported("nearest_mode \(n.text("nearest_mode"))")
    }
    let axes = try n.axes(n.ints("axes") ?? Array(0..<rank), rank: rank)
    if n.has(2) {
      let scales = try n.constant(2).doubles
      if !scales.isEmpty {
        return [try scaled(n, x, scales, coordinates: coordinates, rounding: rounding, axes)]
      }
    }
    let sizes = try n.integers(3)
    guard sizes.count == axes.count else { throw .unsupported("\(sizes.count) sizes for \(axes.count) axes") }
    var scales = zip(axes, sizes).map { Double($1) / Double(max(n.shape(x)[$0], 1)) }
    let policy = n.text("keep_aspect_ratio_policy", "stretch")
    if policy != "stretch", let least = scales.min(), let most = scales.max() {
      scales = scales.map { _ in policy == "not_larger" ? least : most }
      let kept = zip(axes, scales).map { Int((Double(n.shape(x)[$0]) * $1 + 0.5).rounded(.down).clamped) }
      return [try scaled(n, x, scales, coordinates: coordinates, rounding: rounding, axes, sizes: kept)]
    }
    return [try scaled(n, x, scales, coordinates: coordinates, rounding: rounding, axes, sizes: sizes)]
  }

  private static func scaled(
    _ n: NodeReader, _ x: ValueID, _ scales: [Double], coordinates: ResizeCoordinates,
    rounding: NearestRounding,
    _ axes: [Int], sizes: [Int]? = nil
  ) throws(ImportFailure) -> ValueID {
    let shape = n.shape(x)
    guard scales.count == axes.count, let mode = ResizeMode(rawValue: n.text("mode", "nearest")) else {
      throw .unsupported("mode \(n.text("mode")) with \(scales.count) scales for \(axes.count) axes")
    }
    var operation = Resize(
      mode: mode, coordinates: coordinates, rounding: rounding, extents: shape.extents,
      scales: [Double](repeating: 1, count: shape.rank), cubicCoefficient: n.float("cubic_coeff_a", -0.75),
      excludesOutside: n.int("exclude_outside") != 0, extrapolationValue: n.float("extrapolation_value"),
      isAntialiased: n.int("antialias") != 0)
    for (index, axis) in axes.enumerated() {
      operation.scales[axis] = scales[index]
      operation.extents[axis] =
        sizes?[index] ?? Int((Double(shape[axis]) * scales[index]).rounded(.down).clamped)
    }
    if coordinates == .tfCropAndResize {
      let given = try n.constant(1).doubles
      guard given.count == 2 * axes.count else { throw .unsupported("a region of \(given.count) numbers") }
      operation.regionOfInterest =
        [Double](repeating: 0, count: shape.rank) + [Double](repeating: 1, count: shape.rank)
      for (index, axis) in axes.enumerated() {
        operation.regionOfInterest[axis] = given[index]
        operation.regionOfInterest[axis + shape.rank] = given[index + axes.count]
      }
    }
    return try n.emit(operation, x)
  }
}

extension Double {
  /// The number within what an extent could be; 0 for NaN.
  fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, 0), 0x1p45) }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let resamplingWriters: [(String, Writer)] = [
    writer(Resize.self, writeResize),
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
  ]

  private static let writeResize: @Sendable (Resize, NodeWriter) throws(ExportFailure) -> Void = {
    (resize, w) throws(ExportFailure) in
    let shape = w.inputTypes[0].shape
    // ONNX states either sizes, the scales being their ratios, or float32 scales, the sizes being their
    // floors.
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
