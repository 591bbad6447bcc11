import IRRewriting
import IRTensor

/// How the pixels of a region are cut into tasks and steps. It changes no result but by the order of sums.
package struct RegionCut: Hashable, Sendable {
  /// The pixels of an image as rows and columns: those of the feature maps, or others where no window tells
  /// them apart.
  package var height, width: Int
  /// Columns and rows of a task.
  package var tileColumns, bandRows: Int
  /// Rows of a step.
  package var stepRows: Int
  /// The granularity of sums and of Winograd's tiles: this many rows are accumulated, or computed in tiles,
  /// by themselves, independent of bands and threads. A block is a whole number of steps, and a band a whole
  /// number of blocks.
  package var blockRows: Int
}

extension RegionPlan {
  /// The cut that the model finds fastest within the limits, and its seconds.
  /// - Returns: nil if no cut is within the limits.
  func bestCut(
    on machine: MachineModel, within limits: KernelSupport.RegionLimits
  ) -> (cut: RegionCut, seconds: Double)? {
    // Without windows rows mean nothing: any part of the pixels is one.
    let isPointwise = !hasWindows
    let (height, width) = isPointwise ? (1, height * width) : (height, width)
    // Sums follow the tiles, which therefore are the same for any number of threads.
    let modelThreads = hasSums ? machine.sumThreadCount : machine.threadCount
    let stepRows = sequence(first: 1) { $0 < limits.stepRows ? 2 * $0 : nil }
      .filter { $0 % alignment == 0 && $0 <= max(height, alignment) && $0 <= limits.stepRows }
    var best: (cut: RegionCut, seconds: Double)?
    for columns in Self.tileWidths(width, lanes: machine.lanes)
    where batch * ((width + columns - 1) / columns) <= limits.tiles {
      for rows in stepRows {
        let candidate = cut(height, width, columns: columns, stepRows: rows, threadCount: modelThreads)
        let seconds = seconds(candidate, on: machine)
        if seconds < best?.seconds ?? .infinity { best = (candidate, seconds) }
      }
    }
    guard let (found, seconds) = best else { return nil }
    let (columns, rows) = (found.tileColumns, found.stepRows)
    // Tiles that follow each other are steps of one task, which asks for the next one's pixels.
    let (newHeight, newWidth) =
      isPointwise && width % columns == 0 ? (width / columns, columns) : (height, width)
    return (
      cut(newHeight, newWidth, columns: columns, stepRows: rows, threadCount: machine.threadCount), seconds
    )
  }

  /// The cut with tiles of these columns and steps of these rows.
  private func cut(
    _ height: Int, _ width: Int, columns: Int, stepRows: Int, threadCount: Int
  ) -> RegionCut {
    let blockRows = blockRows(height, stepRows: stepRows)
    // As many bands as there are threads suffice, as threads take parts of each other's.
    let tiles = batch * ((width + columns - 1) / columns)
    let bands = max(1, threadCount / tiles)
    let bandRows = max(1, (height + bands * blockRows - 1) / (bands * blockRows)) * blockRows
    return RegionCut(
      height: height, width: width, tileColumns: columns, bandRows: bandRows, stepRows: stepRows,
      blockRows: blockRows)
  }

  /// Rows whose sums are added up together. The order of sums follows these blocks, which therefore are the
  /// same for any number of threads: many enough for threads to share the rows, few enough for adding up the
  /// blocks.
  private func blockRows(_ height: Int, stepRows: Int) -> Int {
    guard hasSums else { return alignment > 1 ? stepRows : 1 }
    return max(4, (height + 31) / 32).roundedUp(toMultipleOf: stepRows)
  }

  /// Nearly equal parts of the width, of whole vectors: feature maps are read and written where lines of the
  /// cache begin.
  private static func tileWidths(_ width: Int, lanes: Int) -> [Int] {
    var result = [width]
    for tiles in [2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024, 4096] {
      let columns = (width + tiles * lanes - 1) / (tiles * lanes) * lanes
      if columns < 32 || columns >= width { break }
      result.append(columns)
    }
    return result
  }

  /// Whether some cut is within the limits.
  func fits(_ limits: KernelSupport.RegionLimits) -> Bool {
    batch <= limits.tiles && (!hasWindows || height <= limits.rows)
  }

  /// Whether a pixel of a result depends on others around it.
  var hasWindows: Bool {
    instructions.contains { step in step.operands.indices.contains { step.reach($0) > 0 } }
  }
}
