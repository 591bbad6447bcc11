import IRGraph
import IROperators
import IRTensor

/// Regions of pictures.
extension ONNXOperatorTable {
  static let detection: [String: Reader] = [
    "RoiAlign": { (n) throws(ImportFailure) in
      let mode = n.text("mode", "avg")
      guard mode == "avg" || mode == "max" else { throw .unsupported("mode \(mode)") }
      let coordinates = n.text(
        "coordinate_transformation_mode", n.opset < 16 ? "output_half_pixel" : "half_pixel")
      let operation = RoiAlign(
        pooling: mode == "avg" ? .average : .maximum, height: n.int("output_height", 1),
        width: n.int("output_width", 1), samplingRatio: n.int("sampling_ratio"),
        scale: n.float("spatial_scale", 1), isHalfPixel: coordinates == "half_pixel")
      return [try n.emit(operation, try n.input(0), try n.input(1), try n.input(2))]
    },
    "MaxRoiPool": maxRoiPool,
    "NonMaxSuppression": { (n) throws(ImportFailure) in
      let suppression = BoxSuppression(
        limit: n.has(2) ? try n.integers(2).first ?? 0 : 0,
        overlap: n.has(3) ? try n.constant(3).doubles.first ?? 0 : 0,
        score: n.has(4) ? try n.constant(4).doubles.first ?? 0 : -.infinity,
        hasCentres: n.int("center_point_box") != 0)
      let (boxes, scores) = (try n.constant(0), try n.constant(1))
      let (shape, classes) = (boxes.shape, scores.shape)
      guard shape.rank == 3, shape[2] == 4, classes.rank == 3, classes[0] == shape[0], classes[2] == shape[1],
        let work = Shape([classes[0], classes[1], classes[2], classes[2]]).checkedElementCount,
        work <= 1 << 32
      else { throw .unsupported("boxes of \(shape) with scores of \(classes)") }
      guard !classes.contains(0) else { return [n.constant(Tensor([Int64](), shape: [0, 3]))] }
      return [n.constant(suppression.selected(boxes, scores))]
    },
  ]

  /// The largest element of each cell of regions that are known: cells are whole elements.
  private static let maxRoiPool: Reader = { (n) throws(ImportFailure) in
    let (x, regions) = (try n.input(0), try n.constant(1))
    let (shape, cells) = (n.shape(x), n.ints("pooled_shape") ?? [])
    let scale = Double(n.float("spatial_scale", 1))
    guard shape.rank == 4, !shape.contains(0), regions.shape.rank == 2, regions.shape[1] == 5,
      cells.count == 2,
      cells.allSatisfy({ (1...1024).contains($0) }),
      let count = Shape([regions.shape[0], cells[0], cells[1]]).checkedElementCount, count > 0,
      count <= ONNXLimits.turnCount
    else { throw .unsupported("cells of \(cells) in regions of \(regions.shape) of \(shape)") }
    try n.context.countNodes(2 * count)
    let numbers = regions.doubles
    guard numbers.allSatisfy({ $0.isFinite && $0.magnitude < 1e9 }), scale.isFinite, scale.magnitude < 1e6
    else {
      throw .unsupported("regions that are not numbers, or too large")
    }
    var parts: [ValueID] = []
    for region in 0..<regions.shape[0] {
      let own = Array(numbers[(region * 5)..<(region * 5 + 5)])
      let picture = Int(own[0])
      guard (0..<shape[0]).contains(picture) else {
        throw .unsupported("a region of picture \(picture) of \(shape[0])")
      }
      let corners = own[1...].map { Int(($0 * scale).rounded(.toNearestOrAwayFromZero)) }
      func bounds(_ axis: Int, _ cell: Int) -> Range<Int> {
        let (start, end) = (corners[1 - axis], corners[3 - axis])
        let size = Double(max(end - start + 1, 1)) / Double(cells[axis])
        let first = min(max(Int((Double(cell) * size).rounded(.down)) + start, 0), shape[axis + 2])
        let last = min(max(Int((Double(cell + 1) * size).rounded(.up)) + start, 0), shape[axis + 2])
        return first..<max(first, last)
      }
      for row in 0..<cells[0] {
        for column in 0..<cells[1] {
          let (rows, columns) = (bounds(0, row), bounds(1, column))
          guard !rows.isEmpty, !columns.isEmpty else {
            parts.append(try n.filled(0, TensorType(n.type(x).elementType, [1, shape[1], 1, 1])))
            continue
          }
          let cut = Slice(
            starts: [picture, 0, rows.lowerBound, columns.lowerBound], steps: [1, 1, 1, 1],
            extents: [1, shape[1], rows.count, columns.count])
          parts.append(try n.emit(Reduce(.maximum, axes: [2, 3]), try n.emit(cut, x)))
        }
      }
    }
    let joined = parts.count == 1 ? parts[0] : try n.emitAll(Concatenate(axis: 0), parts)[0]
    let split = try n.reshaped(joined, [regions.shape[0], cells[0], cells[1], shape[1]])
    return [try n.emit(Transpose(permutation: [0, 3, 1, 2]), split)]
  }
}

/// ONNX's `NonMaxSuppression`: of boxes that overlap, those with the highest scores.
struct BoxSuppression {
  /// The most boxes of one class in one picture.
  var limit: Int
  /// Boxes overlap where their intersection over union is above this.
  var overlap: Double
  /// Boxes with no higher score are left out.
  var score: Double
  /// Boxes are centre and size, x first, instead of two corners, y first.
  var hasCentres: Bool

  /// Picture, class and box of each box selected, `[selected, 3]`, of boxes `[N, count, 4]` with scores
  /// `[N, classes, count]`.
  func selected(_ boxes: Tensor, _ scores: Tensor) -> Tensor {
    let (numbers, values) = (boxes.doubles, scores.doubles)
    let (classes, count) = (scores.shape[1], scores.shape[2])
    var result: [Int64] = []
    for picture in 0..<scores.shape[0] {
      let own = (0..<count).map { corners(Array(numbers[((picture * count + $0) * 4)...].prefix(4))) }
      for kind in 0..<classes {
        func value(_ box: Int) -> Double { values[(picture * classes + kind) * count + box] }
        let order = (0..<count).filter { value($0) > score }
          .sorted { value($0) == value($1) ? $0 < $1 : value($0) > value($1) }
        var chosen: [Int] = []
        for box in order where chosen.count < limit {
          if !chosen.contains(where: { overlaps(own[$0], own[box]) }) { chosen.append(box) }
        }
        for box in chosen { result += [Int64(picture), Int64(kind), Int64(box)] }
      }
    }
    return Tensor(result, shape: [result.count / 3, 3])
  }

  private struct Box {
    var x: ClosedRange<Double>
    var y: ClosedRange<Double>

    var area: Double { (x.upperBound - x.lowerBound) * (y.upperBound - y.lowerBound) }
  }

  private func corners(_ numbers: [Double]) -> Box {
    func range(_ a: Double, _ b: Double) -> ClosedRange<Double> {
      // A box with a corner at not-a-number is empty.
      a.isNaN || b.isNaN ? 0...0 : min(a, b)...max(a, b)
    }
    if hasCentres {
      let (width, height) = (numbers[2] / 2, numbers[3] / 2)
      return Box(
        x: range(numbers[0] - width, numbers[0] + width), y: range(numbers[1] - height, numbers[1] + height))
    }
    return Box(x: range(numbers[1], numbers[3]), y: range(numbers[0], numbers[2]))
  }

  private func overlaps(_ a: Box, _ b: Box) -> Bool {
    let width = min(a.x.upperBound, b.x.upperBound) - max(a.x.lowerBound, b.x.lowerBound)
    let height = min(a.y.upperBound, b.y.upperBound) - max(a.y.lowerBound, b.y.lowerBound)
    guard width > 0, height > 0, a.area > 0, b.area > 0 else { return false }
    let common = width * height
    return common / (a.area + b.area - common) > overlap
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let detectionWriters: [(String, Writer)] = [
    writer(RoiAlign.self, as: "RoiAlign") { align in
      [
        .string("mode", align.pooling == .average ? "avg" : "max"), .int("output_height", align.height),
        .int("output_width", align.width), .int("sampling_ratio", align.samplingRatio),
        .float("spatial_scale", align.scale),
        .string("coordinate_transformation_mode", align.isHalfPixel ? "half_pixel" : "output_half_pixel"),
      ]
    }
  ]
}
