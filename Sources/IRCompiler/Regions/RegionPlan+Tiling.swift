extension RegionPlan {
  /// Bytes of the rolling rows of one thread: those that it writes in a step, and all.
  private func rollingByteCounts(
    tileColumns: Int, stepRows: Int, lineFloats: Int
  ) -> (written: Int, kept: Int) {
    values.reduce(into: (0, 0)) { sum, value in
      let row =
        value.channelCount * 4 * MachineModel.roundedUp(tileColumns + 2 * value.margin, to: lineFloats)
      sum.0 += stepRows * row
      sum.1 += (stepRows + value.extraRows) * row
    }
  }

  /// The work done, margins included, over the work that the results need.
  private func excess(_ margin: Int, tileColumns: Int, bandRows: Int, lanes: Int) -> Double {
    var (lanesUsed, rowsUsed) = (0, 0)
    for start in stride(from: 0, to: width, by: tileColumns) {
      let columns = min(start + tileColumns + margin, width) - max(start - margin, 0)
      lanesUsed += (columns + lanes - 1) / lanes * lanes
    }
    for start in stride(from: 0, to: height, by: bandRows) {
      rowsUsed += min(start + bandRows + margin, height) - max(start - margin, 0)
    }
    return Double(lanesUsed) / Double(width) * Double(rowsUsed) / Double(height)
  }

  /// Rows whose sums are added up together. The order of sums follows these blocks, which therefore are the same for any
  /// number of threads: many enough for threads to share the rows, few enough for adding up the blocks.
  private func blockRows(stepRows: Int) -> Int {
    guard hasSums else { return alignment > 1 ? stepRows : 1 }
    return (max(4, (height + 31) / 32) + stepRows - 1) / stepRows * stepRows
  }

  /// Rows of a band. As many as there are threads suffice, as threads take parts of each other's.
  private func bandRows(tileColumns: Int, stepRows: Int, threadCount: Int) -> Int {
    let tiles = batch * ((width + tileColumns - 1) / tileColumns)
    let bands = max(1, threadCount / tiles)
    let block = blockRows(stepRows: stepRows)
    return max(1, (height + bands * block - 1) / (bands * block)) * block
  }

  /// Seconds of one run when cut like this, by the model.
  private func seconds(tileColumns: Int, stepRows: Int, on machine: MachineModel) -> Double {
    let bandRows = bandRows(tileColumns: tileColumns, stepRows: stepRows, threadCount: machine.threadCount)
    let pixels = Double(batch * height * width)
    let (written, kept) = rollingByteCounts(
      tileColumns: tileColumns, stepRows: stepRows, lineFloats: machine.lineFloats)
    // Registers hold as many sums at two vectors of columns and more.
    let filling = min(tileColumns, width) > machine.lanes ? 0.89 : 0.7
    let missing = min(1, max(0, Double(written) / Double(machine.stepByteCount) - 1))
    let displaced = min(1, max(0, 1.5 * (Double(kept) / Double(machine.cacheByteCount) - 1)))
    let costs = instructions.map { $0.operation.cost(of: $0, stepRows: stepRows, on: machine) }
    let residentByteCount = costs.reduce(0) { $0 + $1.residentByteCount }
    var total = 0.0
    for (instruction, cost) in zip(instructions, costs) {
      let excess = excess(
        instruction.margin, tileColumns: tileColumns, bandRows: bandRows, lanes: machine.lanes)
      let elements = pixels * Double(cost.depth)
      let product = Double(instruction.multiplyAddCount) / machine.multiplyAddRate / cost.gain
      total += excess * product / filling
      total += excess * elements * cost.passes / machine.elementRate
      if residentByteCount > machine.cacheByteCount, cost.residentByteCount > 0 {
        // Transformed weights of several convolutions take each other's place in the cache with every step.
        let steps = excess * pixels / Double(min(tileColumns, width) * stepRows)
        total += steps * Double(cost.residentByteCount) / machine.sharedCacheRate
      }
      // Every panel of output channels reads the same pixels again: those of some columns, or in long rows all.
      let panelColumns = min(tileColumns, width) > machine.longRowColumns ? min(tileColumns, width) : 48
      if cost.panelDepth * panelColumns * 4 > machine.cacheByteCount / 2 {
        total += excess * Double(instruction.multiplyAddCount) / 2 / machine.sharedCacheRate
      }
      // What does not stay in the core's cache goes through the shared one, partly while kernels compute.
      if case .rolling = instruction.output.place {
        total += missing * excess * elements * 4 / machine.sharedCacheRate
      }
      let rows = excess * pixels / Double(min(tileColumns, width))
      total += rows * cost.calls * machine.callSeconds
      for (position, operand) in instruction.operands.enumerated() {
        // A window's rows are read again in the next step, and come slowly, as no product hides the way.
        let reach = instruction.reach(position)
        let readings = 1 + Double(2 * reach) / Double(stepRows)
        if case .input = operand.place {
          let transfer = machine.transferSeconds(Int(elements) * operand.elementByteCount)
          total += (reach > 0 ? 2 * readings : 1) * transfer
        } else if reach > 0 {
          // Steps of more rows read each fewer times, and more of them from afar.
          total += displaced * Double(1 + 2 * reach) * excess * elements * 4 / machine.windowRate
        }
      }
      if case .output = instruction.output.place {
        total += machine.transferSeconds(Int(elements) * instruction.output.elementByteCount)
      }
    }
    return total
  }

  /// Nearly equal parts of the width, of whole vectors: pictures are read and written where lines of the cache begin.
  private func tileWidths(lanes: Int) -> [Int] {
    var result = [width]
    for tiles in [2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024, 4096] {
      let columns = (width + tiles * lanes - 1) / (tiles * lanes) * lanes
      if columns < 32 || columns >= width { break }
      result.append(columns)
    }
    return result
  }

  /// Chooses the cut into tasks and steps that the model finds fastest within the limits; returns its seconds, infinite
  /// where no cut is within them.
  @discardableResult
  mutating func chooseTiles(on machine: MachineModel, within limits: KernelSupport.RegionLimits) -> Double {
    // Without windows rows mean nothing: any part of the pixels is one.
    let isPointwise = !hasWindows
    if isPointwise { (height, width) = (1, height * width) }
    // Sums follow the tiles, which therefore are the same for any number of threads.
    var model = machine
    if hasSums { model.threadCount = machine.sumThreadCount }
    var best = Double.infinity
    let stepRows = sequence(first: 1) { $0 < limits.stepRows ? 2 * $0 : nil }
      .filter { $0 % alignment == 0 && $0 <= max(height, alignment) && $0 <= limits.stepRows }
    for columns in tileWidths(lanes: machine.lanes)
    where batch * ((width + columns - 1) / columns) <= limits.tiles {
      for rows in stepRows {
        let seconds = seconds(tileColumns: columns, stepRows: rows, on: model)
        if seconds < best { (best, tileColumns, self.stepRows) = (seconds, columns, rows) }
      }
    }
    guard best < .infinity else { return best }
    if isPointwise, width % tileColumns == 0 {
      // Tiles that follow each other are steps of one task, which asks for the next one's pixels.
      (height, width) = (width / tileColumns, tileColumns)
    }
    blockRows = blockRows(stepRows: self.stepRows)
    bandRows = bandRows(
      tileColumns: tileColumns, stepRows: self.stepRows, threadCount: machine.threadCount)
    return best
  }

  /// Whether some cut is within the limits: without windows rows mean nothing.
  func fits(_ limits: KernelSupport.RegionLimits) -> Bool {
    batch <= limits.tiles && (!hasWindows || height <= limits.rows)
  }

  /// Whether a pixel of a result depends on others around it.
  var hasWindows: Bool {
    instructions.contains { step in step.operands.indices.contains { step.reach($0) > 0 } }
  }

  /// The cut of another plan for the same pictures, which has windows where this one has.
  mutating func takeTiles(of other: RegionPlan) {
    (height, width, tileColumns) = (other.height, other.width, other.tileColumns)
    (bandRows, stepRows, blockRows) = (other.bandRows, other.stepRows, other.blockRows)
  }
}
