import IRCompiler
import IRRuntime
import IRTensor

/// Pictures through models that take one size, or one height or width, only.
extension Restorer {
  /// Tiles of the model's sides. A side that is open is the picture's, or less where the memory does not hold
  /// that.
  func planOfFixedTiles(_ height: Int, _ width: Int, _ budget: MemoryBudget) throws -> RestorationPlan {
    let fixed = fixedSides
    var open = padded(fixed.height == nil ? height : width)
    while true {
      let sides = (height: fixed.height ?? open, width: fixed.width ?? open)
      let (margin, alignment, seams) = try overlap(of: sides)
      // Tiles begin in step, the last one too.
      func extent(_ side: Int, _ tile: Int) -> Int {
        side <= tile ? tile : tile + (side - tile).roundedUp(toMultipleOf: alignment)
      }
      let grid = TileGrid(
        height: extent(height, sides.height), width: extent(width, sides.width), tileHeight: sides.height,
        tileWidth: sides.width, margin: margin, alignment: alignment)
      let sums =
        if case .blended = seams {
          4 * (resultChannelCount + 1) * grid.height * grid.width * scale * scale
        } else { 0 }
      let program = try program(sides.height, sides.width, within: max(0, budget.available - sums))
      let byteCount = Self.byteCount(of: program)
      if byteCount + sums <= budget.available {
        var plan = RestorationPlan(
          tiles: grid, seams: grid.count == 1 ? .none : seams, byteCount: byteCount, program: program)
        if grid.count > 1, case .blended = seams,
          let anchor = try anchor(
            height, width, from: 1, within: budget.available - sums, beside: byteCount)
        {
          plan.add(anchor, resultByteCount: resultByteCount(anchor))
        }
        return plan
      }
      let isSmallest = (fixed.height != nil && fixed.width != nil) || open <= padded(2 * Self.leastCore)
      guard !isSmallest else { throw budget.exceeded(by: byteCount + sums) }
      open = padded(open / 2)
    }
  }

  /// The overlap of neighbouring tiles: the margin on each side, and how they meet.
  private func overlap(
    of sides: (height: Int, width: Int)
  ) throws -> (margin: Int, alignment: Int, seams: RestorationPlan.Seams) {
    let least = min(sides.height, sides.width)
    let reason: String
    switch try field() {
    case .success(let field):
      let alignment = leastCommonMultiple(field.alignment, multiple)
      let margin = field.margin.roundedUp(toMultipleOf: alignment)
      if 2 * margin + max(Self.leastCore, alignment) <= least {
        return (margin, alignment, .exact(margin: field.margin))
      }
      reason = "its outputs depend on \(field.margin) pixels around them"
    case .failure(let unbounded): reason = "\(unbounded)"
    }
    let margin = max(1, min(settings.overlap / 2, least / 4))
    return (margin, multiple, .blended(overlap: 2 * margin, reason: reason))
  }
}
