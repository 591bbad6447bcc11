import IRCompiler
import IRRuntime

extension Restorer {
  /// Restores an image: metadata and sample format kept, sides times `scale`, alpha with them; values are not
  /// clipped.
  /// - Throws: `RestorationError`, `RuntimeError.exceedsMemory`.
  public func restore(_ image: Image) throws -> Image {
    let plan = try plan(width: image.width, height: image.height, holding: resultByteCount(image))
    return try restored(image, by: plan).image
  }

  /// Bytes that restoring an image holds beside its program.
  public func resultByteCount(_ image: Image) -> Int {
    4 * channelCount * image.width * image.height * scale * scale
  }

  /// Restores an image as planned for its size and compares the result with it; `progress` is called with the count of
  /// tiles done and of all.
  /// - Returns: the image, the plan and what is suspicious.
  /// - Throws: `RestorationError.unsuitableImage` for channels or sides that the model does not take and for a
  ///   channel without a finite sample, `.nonFiniteResult`, `RuntimeError`.
  public func restoration(
    of image: Image, by plan: RestorationPlan, progress: ((Int, Int) -> Void)? = nil
  ) throws -> RestorationResult {
    let (restored, prepared) = try restored(image, by: plan, progress: progress)
    var warnings: [RestorationWarning] = []
    if prepared.mendedCount > 0 {
      warnings.append(
        RestorationWarning(
          .nonFiniteInput, ["samples": Double(prepared.mendedCount)],
          prepared.mendedCount == 1
            ? "1 sample of the input was infinite or not a number, and was mended from its neighbours"
            : "\(prepared.mendedCount) samples of the input were infinite or not numbers, "
              + "and were mended from their neighbours"))
    }
    warnings += try HarmCheck.warnings(input: prepared.input, output: restored, tasks: toneTasks)
    return RestorationResult(image: restored, plan: plan, warnings: warnings)
  }

  /// The tone tasks that the model's metadata state, under `tasks` or in words under `task`.
  public var toneTasks: ToneTasks {
    let stated = ["tasks", "task"].lazy.compactMap { key in self.model.metadata.first { $0.key == key }?.value
    }
    return stated.first.map { ToneTasks(metadata: $0) } ?? ToneTasks()
  }

  private func restored(
    _ image: Image, by plan: RestorationPlan, progress: ((Int, Int) -> Void)? = nil
  ) throws -> (image: Image, prepared: PreparedImage) {
    let prepared = try prepared(image)
    let (height, width) = (scale * image.height, scale * image.width)
    let pixels: [Float]
    if case .blended(let overlap, _) = plan.seams {
      let anchor = try plan.anchor.map { try shadeAnchor(of: prepared.source, $0) }
      var blend = BlendedTiles(plan.tiles, channels: channelCount, scale: scale, overlap: overlap)
      try eachTile(of: prepared.source, plan.tiles, progress) { tile, input in
        let output = try augmented(input, by: plan.program)
        let (top, left) = (scale * tile.rows.lowerBound, scale * tile.columns.lowerBound)
        blend.add(anchor?.corrected(output, top: top, left: left) ?? output, at: tile)
      }
      pixels = blend.pixels(height: height, width: width)
    } else {
      var result = [Float](repeating: 0, count: channelCount * height * width)
      try eachTile(of: prepared.source, plan.tiles, progress) { tile, input in
        copyCore(try augmented(input, by: plan.program), of: tile, to: &result, height, width)
      }
      pixels = result
    }
    return (try finished(pixels, of: prepared), prepared)
  }

  private func shadeAnchor(of source: Image, _ plan: RestorationPlan.Anchor) throws -> ShadeAnchor {
    let reduced = source.reduced(by: plan.factor)
    var result: ShadeAnchor?
    try eachTile(of: reduced, TileGrid(height: plan.height, width: plan.width), nil) { _, input in
      result = ShadeAnchor(
        try augmented(input, by: plan.program, reduction: plan.factor), factor: plan.factor,
        height: scale * reduced.height, width: scale * reduced.width)
    }
    // The tiles need the memory.
    dropSessions(height: plan.height, width: plan.width)
    guard let result else { preconditionFailure("a grid of one tile has one") }
    return result
  }

  /// As `restore`, by the operators' definitions: slow, the oracle of the compiled program.
  /// `progress` is called with the count of nodes done and of all.
  public func restoreByReference(_ image: Image, progress: ((Int, Int) -> Void)? = nil) throws -> Image {
    let prepared = try prepared(image)
    let grid = TileGrid(height: padded(image.height), width: padded(image.width))
    var result = [Float](repeating: 0, count: channelCount * image.width * image.height * scale * scale)
    try eachTile(of: prepared.source, grid, nil) { tile, input in
      var sum: Tensor?
      for turn in turns {
        let output = turn.undone(on: try interpret(turn.applied(to: input), progress: progress))
        sum = sum.map { $0.adding(output) } ?? output
      }
      guard let sum else { return }
      copyCore(sum.divided(by: turns.count), of: tile, to: &result, scale * image.height, scale * image.width)
    }
    return try finished(result, of: prepared)
  }

  private var turns: [Dihedral] { settings.isAugmented ? Dihedral.all : [.identity] }

  /// The program's output, or its mean over turns.
  private func augmented(_ input: Tensor, by program: Program, reduction: Int = 1) throws -> Tensor {
    guard settings.isAugmented else { return try run(input, planned: program, reduction: reduction) }
    var sum: Tensor?
    for turn in turns {
      let output = turn.undone(on: try run(turn.applied(to: input), planned: program, reduction: reduction))
      sum = sum.map { $0.adding(output) } ?? output
    }
    guard let sum else { return input }
    return sum.divided(by: turns.count)
  }

  /// Calls `body` with each tile's pixels `[1, C, H, W]`, those beyond the picture mirrored.
  private func eachTile(
    of image: Image, _ grid: TileGrid, _ progress: ((Int, Int) -> Void)?,
    _ body: (TileGrid.Tile, Tensor) throws -> Void
  ) throws {
    // As a picture of the grid's size would be mirrored: tiles see what the whole would.
    let rows = (0..<grid.height).map { mirrored($0, side: image.height) }
    let columns = (0..<grid.width).map { mirrored($0, side: image.width) }
    for (index, tile) in grid.tiles.enumerated() {
      progress?(index, grid.count)
      let type = TensorType(.float32, [1, channelCount, tile.rows.count, tile.columns.count])
      let input = image.pixels.withUnsafeBufferPointer { source in
        Tensor(type) { bytes in
          let target = bytes.bindMemory(to: Float.self)
          var position = 0
          for plane in 0..<channelCount {
            for row in tile.rows {
              let start = (plane * image.height + rows[row]) * image.width
              for column in tile.columns {
                target[position] = source[start + columns[column]]
                position += 1
              }
            }
          }
        }
      }
      try body(tile, input)
    }
  }

  private func copyCore(
    _ output: Tensor, of tile: TileGrid.Tile, to result: inout [Float], _ height: Int, _ width: Int
  ) {
    let (tileHeight, tileWidth) = (output.shape[2], output.shape[3])
    output.withElements(as: Float.self) { source in
      result.withUnsafeMutableBufferPointer { target in
        for plane in 0..<channelCount {
          for row in (scale * tile.coreRows.lowerBound)..<min(scale * tile.coreRows.upperBound, height) {
            let from = (plane * tileHeight + row - scale * tile.rows.lowerBound) * tileWidth
            for column
              in (scale * tile.coreColumns.lowerBound)..<min(scale * tile.coreColumns.upperBound, width)
            {
              target[(plane * height + row) * width + column] =
                source[from + column - scale * tile.columns.lowerBound]
            }
          }
        }
      }
    }
  }
}

extension Tensor {
  fileprivate func adding(_ other: Tensor) -> Tensor {
    withElements(as: Float.self) { a in
      other.withElements(as: Float.self) { b in
        Tensor(type) { bytes in
          let target = bytes.bindMemory(to: Float.self)
          for index in a.indices { target[index] = a[index] + b[index] }
        }
      }
    }
  }

  fileprivate func divided(by count: Int) -> Tensor {
    guard count > 1 else { return self }
    let factor = 1 / Float(count)
    return withElements(as: Float.self) { a in
      Tensor(type) { bytes in
        let target = bytes.bindMemory(to: Float.self)
        for index in a.indices { target[index] = a[index] * factor }
      }
    }
  }
}
