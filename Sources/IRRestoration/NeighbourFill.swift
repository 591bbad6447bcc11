/// Gives samples that say nothing a value from the samples around them.
enum NeighbourFill {
  private enum State: UInt8 { case known, unknown, waiting }

  /// Fills a plane `[H, W]` ring by ring: an unknown sample beside known ones becomes the mean of those among
  /// its eight neighbours, and is known to the next ring.
  /// - Returns: whether any sample was known; the plane is unchanged if not.
  static func fill(
    _ plane: UnsafeMutableBufferPointer<Float>, width: Int, height: Int, isUnknown: (Int) -> Bool
  ) -> Bool {
    var state = plane.indices.map { isUnknown($0) ? State.unknown : .known }
    guard state.contains(.known) else { return false }

    func eachNeighbour(_ index: Int, _ body: (Int) -> Void) {
      let (row, column) = (index / width, index % width)
      for y in max(0, row - 1)...min(height - 1, row + 1) {
        for x in max(0, column - 1)...min(width - 1, column + 1) where (y, x) != (row, column) {
          body(y * width + x)
        }
      }
    }
    func touchesKnown(_ index: Int) -> Bool {
      var result = false
      eachNeighbour(index) { if state[$0] == .known { result = true } }
      return result
    }

    var ring = plane.indices.filter { state[$0] == .unknown && touchesKnown($0) }
    while !ring.isEmpty {
      for index in ring { state[index] = .waiting }
      for index in ring {
        var (sum, count) = (Float(0), Float(0))
        eachNeighbour(index) {
          guard state[$0] == .known else { return }
          sum += plane[$0]
          count += 1
        }
        plane[index] = sum / count
      }
      for index in ring { state[index] = .known }
      var next: [Int] = []
      for index in ring {
        eachNeighbour(index) {
          guard state[$0] == .unknown else { return }
          state[$0] = .waiting
          next.append($0)
        }
      }
      ring = next
    }
    return true
  }
}
