import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let resampling: [String: Reader] = ["Resize": resize, "Upsample": upsample]

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
