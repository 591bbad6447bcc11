import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// `[N, C, H, W]` as `[N, H, W, C]`.
  mutating func pixels(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Transpose(permutation: [0, 2, 3, 1]), x, name: name)
  }

  /// `[N, H, W, C]` as `[N, C, H, W]`.
  mutating func image(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Transpose(permutation: [0, 3, 1, 2]), x, name: name)
  }

  /// `[N, H, W, C]` cut into windows `[N · H/side · W/side, side², C]`.
  mutating func windows(_ x: ValueID, side: Int, _ name: String) throws(GraphError) -> ValueID {
    let (p, count) = (SizeExpression(side), SizeExpression(shape(of: x)[3]))
    let (height, width) = (SizeExpression.extent(axis: 1), SizeExpression.extent(axis: 2))
    let cut = try reshaped(x, [.batch, height / p, p, width / p, p, count], "\(name).cut")
    let moved = try apply(Transpose(permutation: [0, 1, 3, 2, 4, 5]), cut, name: "\(name).moved")
    return try reshaped(moved, [.batch * .extent(axis: 1) * .extent(axis: 2), p * p, count], name)
  }

  /// The inverse of `windows`, for the sides of `reference`.
  mutating func unwindowed(
    _ x: ValueID, like reference: ValueID, side: Int, _ name: String
  ) throws(GraphError) -> ValueID {
    let (p, count) = (SizeExpression(side), SizeExpression(shape(of: x)[2]))
    let cut = try reshaped(
      x, [.like(0), .like(1) / p, .like(2) / p, p, p, count], like: reference, "\(name).cut")
    let moved = try apply(Transpose(permutation: [0, 1, 3, 2, 4, 5]), cut, name: "\(name).moved")
    return try reshaped(moved, [.like(0), .like(1), .like(2), count], like: reference, name)
  }

  /// `[N, H, W, C]` moved up and left by `shift` places, what leaves coming in at the other side; the other
  /// way for negative numbers.
  mutating func rolled(_ x: ValueID, by shift: Int, _ name: String) throws(GraphError) -> ValueID {
    guard shift != 0 else { return x }
    var x = x
    for axis in [1, 2] {
      let extents = (0..<4).map { SizeExpression.extent(axis: $0) }
      let zeros = [SizeExpression](repeating: 0, count: 4)
      let cut = shift > 0 ? SizeExpression(shift) : .extent(axis: axis) - SizeExpression(-shift)
      var (head, tail, start) = (extents, extents, zeros)
      head[axis] = cut
      tail[axis] = .extent(axis: axis) - cut
      start[axis] = cut
      let name = "\(name).\(axis)"
      let first = try apply(RelativeSlice(starts: zeros, extents: head), x, name: "\(name).first")
      let rest = try apply(RelativeSlice(starts: start, extents: tail), x, name: "\(name).rest")
      x = try apply(Concatenate(axis: axis), rest, first, name: name)
    }
    return x
  }
}

/// A term that keeps pixels apart that a shift brings into one window: -100 for pairs of different regions,
/// else 0.
struct WindowMask {
  /// `[N · windows, 1, side², side²]`.
  let value: ValueID

  init(window side: Int, like x: ValueID, _ b: inout NetworkBuilder) throws(GraphError) {
    // The region of a row: 0 up to the last window, then 1, and 2 for the rows that come from above.
    func regions(axis: Int, weight: Float, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
      let zero = b.constant([0], [1], "mask.zero.\(axis)")
      let head = try b.apply(
        RelativeExpand([.like(axis) - SizeExpression(side)]), zero, x, name: "mask.head.\(axis)")
      let ends = (0..<side).map { $0 < side - side / 2 ? weight : 2 * weight }
      let tail = b.constant(ends, [side], "mask.tail.\(axis)")
      return try b.apply(Concatenate(axis: 0), head, tail, name: "mask.regions.\(axis)")
    }
    let rows = try b.reshaped(
      try regions(axis: 1, weight: 3, &b), [1, .extent(axis: 0), 1, 1], "mask.rows")
    let columns = try b.reshaped(
      try regions(axis: 2, weight: 1, &b), [1, 1, .extent(axis: 0), 1], "mask.columns")
    let map = try b.apply(
      RelativeExpand([.like(0), .like(1), .like(2), 1]), try b.sum(rows, columns, "mask.map"), x,
      name: "mask.pictures")
    let windows = try b.windows(map, side: side, "mask.windows")
    let area = SizeExpression(side * side)
    let down = try b.reshaped(windows, [.batch, 1, area, 1], "mask.queries")
    let across = try b.reshaped(windows, [.batch, 1, 1, area], "mask.keys")
    let difference = try b.apply(Binary(.subtract), down, across, name: "mask.difference")
    let distance = try b.apply(Unary(.abs), difference, name: "mask.distance")
    let differs = try b.apply(
      Activation(.clip, alpha: 0, beta: 1), distance, name: "mask.differs")
    value = try b.product(differs, b.constant([-100], [1], "mask.penalty"), "mask")
  }
}
