import IRTensor

extension RegionPlan {
  /// Numbers that are fitted to measured times.
  private enum Fitted {
    /// The share of the products' rate in tiles of a vector's columns, and of more: registers hold as many
    /// sums there.
    static let (fillingOfAVector, filling) = (0.7, 0.89)
    /// How soon kept rows displace each other when they exceed the core's cache, as a share of its size.
    static let displacement = 1.5
    /// Columns of a product that are computed while a panel's pixels stay in the cache.
    static let panelColumns = 48
  }

  /// Bytes of the rolling rows of one thread: those that it writes in a step, and all.
  private func rollingByteCounts(_ cut: RegionCut, lineFloats: Int) -> (written: Int, kept: Int) {
    values.reduce(into: (0, 0)) { sum, value in
      let row =
        value.channelCount * 4 * (cut.tileColumns + 2 * value.margin).roundedUp(toMultipleOf: lineFloats)
      sum.0 += cut.stepRows * row
      sum.1 += (cut.stepRows + value.extraRows) * row
    }
  }

  /// The work done, margins included, over the work that the results need.
  private func excess(_ margin: Int, _ cut: RegionCut, lanes: Int) -> Double {
    var (lanesUsed, rowsUsed) = (0, 0)
    for start in stride(from: 0, to: cut.width, by: cut.tileColumns) {
      let columns = min(start + cut.tileColumns + margin, cut.width) - max(start - margin, 0)
      lanesUsed += columns.roundedUp(toMultipleOf: lanes)
    }
    for start in stride(from: 0, to: cut.height, by: cut.bandRows) {
      rowsUsed += min(start + cut.bandRows + margin, cut.height) - max(start - margin, 0)
    }
    return Double(lanesUsed) / Double(cut.width) * Double(rowsUsed) / Double(cut.height)
  }

  /// Seconds of one run when cut like this, by the model.
  func seconds(_ cut: RegionCut, on machine: MachineModel) -> Double {
    let pixels = Double(batch * height * width)
    let (written, kept) = rollingByteCounts(cut, lineFloats: machine.lineFloats)
    let columns = min(cut.tileColumns, cut.width)
    let filling = columns > machine.lanes ? Fitted.filling : Fitted.fillingOfAVector
    let missing = min(1, max(0, Double(written) / Double(machine.stepByteCount) - 1))
    let displaced = min(
      1, max(0, Fitted.displacement * (Double(kept) / Double(machine.cacheByteCount) - 1)))
    let costs = instructions.map { $0.operation.cost(of: $0, stepRows: cut.stepRows, on: machine) }
    let residentByteCount = costs.reduce(0) { $0 + $1.residentByteCount }
    var total = 0.0
    for (instruction, cost) in zip(instructions, costs) {
      let excess = excess(instruction.margin, cut, lanes: machine.lanes)
      let elements = pixels * Double(cost.depth)
      let product = Double(instruction.multiplyAddCount) / machine.multiplyAddRate / cost.gain
      total += excess * product / filling
      total += excess * elements * cost.passes / machine.elementRate
      if residentByteCount > machine.cacheByteCount, cost.residentByteCount > 0 {
        // Transformed weights of several convolutions take each other's place in the cache with every step.
        let steps = excess * pixels / Double(columns * cut.stepRows)
        total += steps * Double(cost.residentByteCount) / machine.sharedCacheRate
      }
      // Every panel of output channels reads the same pixels again: those of some columns, or in long rows
      // all.
      let panelColumns = columns > machine.longRowColumns ? columns : Fitted.panelColumns
      if cost.panelDepth * panelColumns * 4 > machine.cacheByteCount / 2 {
        total += excess * Double(instruction.multiplyAddCount) / 2 / machine.sharedCacheRate
      }
      // Rows that leave the core's cache go through the shared one, partly while kernels compute.
      if case .rolling = instruction.output.place {
        total += missing * excess * elements * 4 / machine.sharedCacheRate
      }
      let rows = excess * pixels / Double(columns)
      total += rows * cost.calls * machine.callSeconds
      for (position, operand) in instruction.operands.enumerated() {
        // A window's rows are read again in the next step, and come slowly, as no product hides the way.
        let reach = instruction.reach(position)
        let readings = 1 + Double(2 * reach) / Double(cut.stepRows)
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
}
