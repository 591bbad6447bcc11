/// The places of blocks: runs of blocks of one level are a column each, downwards where the next is deeper,
/// upwards where the last was, and a row where neither is.
struct BlockLayout {
  struct Place {
    var x = 0.0
    var y = 0.0
    var row = 0
    var segment = 0
    let width: Double
    let height: Double

    var right: Double { x + width }
    var middle: Double { y + height / 2 }
    var bottom: Double { y + height }
    var centre: Double { x + width / 2 }
  }

  private(set) var places: [Place] = []
  private(set) var rowTops: [Double] = []
  private(set) var width = 0.0

  private enum Direction { case across, down, up }
  private static let gap = (across: 74.0, down: 34.0, column: 44.0, row: 48.0)

  /// Places blocks; `rows` are the levels' reductions, from the top.
  init(_ blocks: [BlockGraph.Block], rows: [Double], size: (width: Double, height: Double), top: Double) {
    places = blocks.map { _ in Place(width: size.width, height: size.height) }
    var segments: [Range<Int>] = []
    for index in blocks.indices {
      if let last = segments.last, blocks[last.lowerBound].reduction == blocks[index].reduction {
        segments[segments.count - 1] = last.lowerBound..<(index + 1)
      } else {
        segments.append(index..<(index + 1))
      }
    }
    func depth(_ segment: Int) -> Int {
      rows.firstIndex(of: blocks[segments[segment].lowerBound].reduction) ?? 0
    }
    func direction(_ segment: Int) -> Direction {
      let (isFirst, isLast) = (segment == 0, segment == segments.count - 1)
      let comesDown = !isFirst && depth(segment - 1) < depth(segment)
      let comesUp = !isFirst && depth(segment - 1) > depth(segment)
      let goesDown = !isLast && depth(segment + 1) > depth(segment)
      let goesUp = !isLast && depth(segment + 1) < depth(segment)
      if goesDown, isFirst || comesDown { return .down }
      if comesUp, isLast || goesUp { return .up }
      return .across
    }
    // A level is as high as its highest column, and columns stand on its floor.
    var heights = rows.map { _ in size.height }
    for segment in segments.indices where direction(segment) != .across {
      let count = Double(segments[segment].count)
      let height = count * size.height + (count - 1) * Self.gap.down
      heights[depth(segment)] = max(heights[depth(segment)], height)
    }
    var y = top
    for height in heights {
      rowTops.append(y)
      y += height + Self.gap.row
    }
    var x = 0.0
    for (segment, range) in segments.enumerated() {
      let row = depth(segment)
      let floor = rowTops[row] + heights[row] - size.height
      for (offset, index) in range.enumerated() {
        (places[index].row, places[index].segment) = (row, segment)
        switch direction(segment) {
        case .across:
          (places[index].x, places[index].y) = (x, floor)
          if index + 1 < range.upperBound { x += size.width + Self.gap.across }
        case .down:
          let left = Double(range.count - 1 - offset)
          (places[index].x, places[index].y) = (x, floor - left * (size.height + Self.gap.down))
        case .up:
          (places[index].x, places[index].y) = (x, floor - Double(offset) * (size.height + Self.gap.down))
        }
      }
      x += size.width + Self.gap.column
    }
    width = x - Self.gap.column
  }
}
