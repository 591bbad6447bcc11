import IRGraph
import IROperators
import IRTensor

/// Elements picked, moved or marked by conditions, lengths and positions.
extension ONNXOperatorTable {
  static let selecting: [String: Reader] = [
    "Compress": { (n) throws(ImportFailure) in
      var x = try n.input(0)
      let condition = try n.constant(1).booleans
      var axis = 0
      if n.node[attribute: "axis"] == nil {
        x = try n.reshaped(x, [n.shape(x).elementCount])
      } else {
        axis = try n.axis(n.int("axis"), rank: n.shape(x).rank)
      }
      guard condition.count <= n.shape(x)[axis] else {
        throw .unsupported("\(condition.count) conditions for \(n.shape(x)[axis]) elements")
      }
      let found = condition.indices.filter { condition[$0] }.map { Int64($0) }
      return [try n.emit(Gather(axis: axis), x, n.constant(Tensor(found, shape: [found.count])))]
    },
    "Unique": { (n) throws(ImportFailure) in
      let x = try n.constant(0)
      guard x.elementCount <= 1 << 20, x.shape.allSatisfy({ $0 <= 1 << 20 }) else {
        throw .unsupported("\(x.shape) has over \(1 << 20) elements")
      }
      let axis = n.node[attribute: "axis"] == nil ? nil : try n.axis(n.int("axis"), rank: x.shape.rank)
      return UniqueSlices(x, axis: axis, isSorted: n.int("sorted", 1) != 0).tensors.map { n.constant($0) }
    },
    "ReverseSequence": reverseSequence, "TensorScatter": tensorScatter,
    "Hardmax": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      let axis = try n.axis(n.int("axis", n.opset < 13 ? 1 : -1), rank: shape.rank)
      // Before operator set 13 the input is read as a matrix split at the axis.
      let matrix: Shape = [shape.elementCount(in: 0..<axis), shape.elementCount(in: axis..<shape.rank)]
      let (own, ownAxis) = n.opset < 13 ? (try n.reshaped(x, matrix), 1) : (x, axis)
      let best = try n.emit(ArgExtreme(findsMaximum: true, axis: ownAxis, keepsAxis: false), own)
      let values = n.constant(Tensor(TensorType(n.type(x).elementType, [2]), doubles: [0, 1]))
      let marked = try n.emit(OneHot(axis: ownAxis, depth: n.shape(own)[ownAxis]), best, values)
      return [try n.reshaped(marked, shape)]
    },
    "Shrink": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let (bias, bound) = (Double(n.float("bias")), Double(n.float("lambd", 0.5)))
      let above = try n.binary(.subtract, x, n.scalar(bias, like: x))
      let below = try n.binary(.add, x, n.scalar(bias, like: x))
      let isAbove = try n.binary(.greater, x, n.scalar(bound, like: x))
      let isBelow = try n.binary(.less, x, n.scalar(-bound, like: x))
      let upper = try n.emit(Select(), isAbove, above, n.scalar(0, like: x))
      return [try n.emit(Select(), isBelow, below, upper)]
    },
  ]

  /// Each sequence reversed within its length: elements gathered from computed positions.
  private static let reverseSequence: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let (batchAxis, timeAxis) = (n.int("batch_axis", 1), n.int("time_axis", 0))
    guard Set([batchAxis, timeAxis]) == [0, 1], shape.rank >= 2 else {
      throw .unsupported("a batch on axis \(batchAxis) and time on axis \(timeAxis) of \(shape)")
    }
    let ones = [Int](repeating: 1, count: shape.rank)
    func column(_ axis: Int) -> Shape {
      var extents = ones
      extents[axis] = shape[axis]
      return Shape(extents)
    }
    let lengths = try n.reshaped(try n.input(1), column(batchAxis))
    let times = try n.counted(shape[timeAxis], n.type(lengths).elementType, column(timeAxis))
    let one = n.scalar(1, like: lengths)
    let reversed = try n.binary(.subtract, try n.binary(.subtract, lengths, one), times)
    let positions = try n.emit(Select(), try n.binary(.less, times, lengths), reversed, times)
    let indices = try n.emit(Expand(shape: shape), positions)
    return [try n.emit(GatherElements(axis: timeAxis), x, indices)]
  }

  /// Slices of a cache replaced from a position on, which each element of the batch has of its own.
  private static let tensorScatter: Reader = { (n) throws(ImportFailure) in
    let (cache, update) = (try n.input(0), try n.input(1))
    let (shape, own) = (n.shape(cache), n.shape(update))
    let axis = try n.axis(n.int("axis", -2), rank: shape.rank)
    guard own.rank == shape.rank, axis > 0, !shape.contains(0),
      shape.indices.allSatisfy({ $0 == axis ? own[$0] <= shape[$0] : own[$0] == shape[$0] })
    else { throw .unsupported("an update of \(own) along axis \(axis) of \(shape)") }
    let ones = [Int](repeating: 1, count: shape.rank)
    var (batch, steps) = (ones, ones)
    batch[0] = shape[0]
    steps[axis] = own[axis]
    var positions = try n.counted(own[axis], .int64, Shape(steps))
    if n.has(2) {
      positions = try n.binary(.add, positions, try n.reshaped(try n.input(2), Shape(batch)))
    }
    switch n.text("mode", "linear") {
    case "linear": break
    case "circular":
      positions = try n.binary(.modulo, positions, n.scalar(Double(shape[axis]), like: positions))
    case let other: throw .unsupported("mode \(other)")
    }
    return [try n.emit(ScatterElements(axis: axis), cache, try n.emit(Expand(shape: own), positions), update)]
  }
}

extension NodeReader {
  /// 0, 1, 2, … in this shape, which has as many elements.
  func counted(_ count: Int, _ elementType: ElementType, _ shape: Shape) throws(ImportFailure) -> ValueID {
    guard count <= 1 << 24, shape.elementCount == count else { throw .unsupported("\(count) positions") }
    try countElements(count)
    return constant(Tensor(TensorType(elementType, shape), integers: (0..<count).map { Int64($0) }))
  }
}

/// The different slices of a tensor along an axis, or its different elements, as ONNX's `Unique` defines
/// them.
struct UniqueSlices {
  /// The slices, their first positions, for each position its slice, and how often each occurs.
  let tensors: [Tensor]

  init(_ x: Tensor, axis: Int?, isSorted: Bool) {
    let data = axis == nil ? x.reshaped(to: [x.elementCount]) : x
    let view = AxisView(data.shape, axis: axis ?? 0)
    let keys = sortableKeys(data)
    // The elements of a slice, in order.
    let offsets = (0..<view.axis).map { position in
      (0..<view.outer).flatMap { o in
        (0..<view.inner).map { (o * view.axis + position) * view.inner + $0 }
      }
    }
    func isLess(_ a: Int, _ b: Int) -> Bool {
      for (i, j) in zip(offsets[a], offsets[b]) where keys[i] != keys[j] { return keys[i] < keys[j] }
      return false
    }
    let order = (0..<view.axis).sorted { isLess($0, $1) || (!isLess($1, $0) && $0 < $1) }
    var groups: [[Int]] = []
    for position in order {
      if let last = groups.last, !isLess(last[0], position) {
        groups[groups.count - 1].append(position)
      } else {
        groups.append([position])
      }
    }
    if !isSorted { groups.sort { $0[0] < $1[0] } }
    var inverse = [Int64](repeating: 0, count: view.axis)
    for (index, group) in groups.enumerated() {
      for position in group { inverse[position] = Int64(index) }
    }
    var shape = data.shape
    shape[axis ?? 0] = groups.count
    let picks = (0..<view.outer).flatMap { o in
      groups.flatMap { group in
        let start = (o * view.axis + group[0]) * view.inner
        return Array(start..<(start + view.inner))
      }
    }
    tensors = [
      data.gathered(picks, shape: shape), Tensor(groups.map { Int64($0[0]) }, shape: [groups.count]),
      Tensor(inverse, shape: [view.axis]), Tensor(groups.map { Int64($0.count) }, shape: [groups.count]),
    ]
  }
}

/// Integers in the order of the elements: zeros of both signs are equal, and not-a-number is the largest.
private func sortableKeys(_ x: Tensor) -> [Int64] {
  if x.elementType == .uint64 { return x.integers.map { $0 ^ .min } }
  guard x.elementType.isFloatingPoint else { return x.integers }
  return x.doubles.map { value in
    if value.isNaN { return .max }
    let bits = Int64(bitPattern: (value + 0).bitPattern)
    return bits < 0 ? .min &- bits : bits
  }
}
