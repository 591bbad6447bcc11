import IRCompiler
import IRRestorers
import IRRuntime

extension Restorer {
  /// Restores an image.
  /// - Returns: the restored image. Its sides, and those of alpha, are `scale` times the input's; metadata
  ///   and sample format are the input's; values are not clipped.
  /// - Throws: `RestorationError`, `RuntimeError.exceedsMemory`.
  public func restore(_ image: Image) throws -> Image {
    let plan = try plan(width: image.width, height: image.height, holding: resultByteCount(image))
    return try restored(image, by: plan).image
  }

  /// Bytes that the restoration of an image takes besides its program.
  public func resultByteCount(_ image: Image) -> Int {
    resultByteCount(width: image.width, height: image.height, channelCount: image.channelCount)
  }

  func resultByteCount(width: Int, height: Int, channelCount: Int) -> Int {
    let channels =
      resultChannelCount == self.channelCount ? max(self.channelCount, channelCount) : resultChannelCount
    return 4 * channels * width * height * scale * scale
  }

  /// Restores an image by a plan for its size, and compares the result with the image. `progress` receives
  /// the number of finished tiles and of all tiles.
  /// - Returns: the restored image, the plan, and warnings about suspicious changes.
  /// - Throws: `RestorationError.unsuitableImage` if a channel has no finite sample, or if the settings'
  ///   pictures have other sides than the image; `.nonFiniteResult`; `RuntimeError`.
  public func restoration(
    of image: Image, by plan: RestorationPlan, progress: ((Int, Int) -> Void)? = nil
  ) throws -> RestorationResult {
    profile = settings.isProfiled ? RestorationProfile() : nil
    defer { profile = nil }
    let (restored, prepared) = try restored(image, by: plan, progress: progress)
    var result = RestorationResult(
      image: restored, plan: plan, warnings: [], noise: noiseLevel, profile: profile)
    profile = nil
    if prepared.mendedCount > 0 { result.warnings.append(.mended(prepared.mendedCount)) }
    if restored.channelCount == prepared.input.channelCount, resultChannelCount == channelCount {
      let harm = try HarmCheck.warnings(input: prepared.input, output: restored, tasks: toneTasks)
      result.warnings += harm
      if !harm.isEmpty, let warning = try rangeWarning() { result.warnings.append(warning) }
    }
    return result
  }

  /// The tone tasks that the model's metadata state, under `tasks` or in words under `task`.
  public var toneTasks: ToneTasks {
    model.metadata.statedTasks.map { ToneTasks(metadata: $0) } ?? ToneTasks()
  }

  private func restored(
    _ image: Image, by plan: RestorationPlan, progress: ((Int, Int) -> Void)? = nil
  ) throws -> (image: Image, prepared: PreparedImage) {
    let prepared = try prepared(image)
    noiseLevel = noiseLevel(of: prepared)
    var pixels: [Float] = []
    for (index, source) in prepared.sources.enumerated() {
      let anchor = try plan.anchor.map { try shadeAnchor(of: source, $0) }
      let count = plan.tiles.count * prepared.sources.count
      let result = try self.pixels(of: source, plan.tiles, plan.seams, anchor) { done, _ in
        progress?(index * plan.tiles.count + done, count)
      } run: {
        try augmented($0) { try run($0, planned: plan.program) }
      }
      pixels = index == 0 ? result : pixels + result
    }
    return (try finished(pixels, of: prepared), prepared)
  }

  /// The result for a picture, `[C, scale · H, scale · W]`, put together of what `run` makes of its tiles.
  private func pixels(
    of source: PicturePlanes, _ tiles: TileGrid, _ seams: RestorationPlan.Seams, _ anchor: ShadeAnchor?,
    _ progress: ((Int, Int) -> Void)?, run: (Tensor) throws -> Tensor
  ) throws -> [Float] {
    let (height, width) = (scale * source.height, scale * source.width)
    if case .blended(let overlap, _) = seams {
      var blend = BlendedTiles(tiles, channels: resultChannelCount, scale: scale, overlap: overlap)
      try eachTile(of: source, tiles, progress) { tile, input in
        let output = try run(input)
        let (top, left) = (scale * tile.rows.lowerBound, scale * tile.columns.lowerBound)
        blend.add(anchor?.corrected(output, top: top, left: left) ?? output, at: tile)
      }
      return blend.pixels(height: height, width: width)
    }
    var result = [Float](repeating: 0, count: resultChannelCount * height * width)
    try eachTile(of: source, tiles, progress) { tile, input in
      copyCore(try run(input), of: tile, to: &result, height, width)
    }
    return result
  }

  private func shadeAnchor(of source: PicturePlanes, _ plan: RestorationPlan.Anchor) throws -> ShadeAnchor {
    let reduced = source.reduced(by: plan.factor)
    var result: ShadeAnchor?
    try eachTile(of: reduced, TileGrid(height: plan.height, width: plan.width), nil) { _, input in
      result = ShadeAnchor(
        try augmented(input) { try run($0, planned: plan.program, reduction: plan.factor) },
        factor: plan.factor,
        height: scale * reduced.height, width: scale * reduced.width)
    }
    // The tiles need the memory.
    dropSessions(height: plan.height, width: plan.width)
    guard let result else { preconditionFailure("a grid of one tile has one") }
    return result
  }

  /// Restores an image by the operators' definitions: slowly, to check the compiled program. `progress`
  /// receives the number of finished nodes and of all nodes.
  public func restoreByReference(_ image: Image, progress: ((Int, Int) -> Void)? = nil) throws -> Image {
    let prepared = try prepared(image)
    noiseLevel = noiseLevel(of: prepared)
    // The definition of a picture of other sides than the model's is in its tiles.
    let tiling: (tiles: TileGrid, seams: RestorationPlan.Seams)
    if fixedSides == (nil, nil) {
      tiling = (TileGrid(height: padded(image.height), width: padded(image.width)), .none)
    } else {
      let plan = try plan(width: image.width, height: image.height)
      tiling = (plan.tiles, plan.seams)
    }
    var result: [Float] = []
    for source in prepared.sources {
      result += try pixels(of: source, tiling.tiles, tiling.seams, nil, nil) {
        try augmented($0) { try interpret($0, progress: progress) }
      }
    }
    return try finished(result, of: prepared)
  }

  /// Turns for test-time augmentation; those that exchange the sides need a model of equal or open ones.
  var turns: [Dihedral] {
    guard settings.isAugmented else { return [.identity] }
    return fixedSides.height == fixedSides.width ? Dihedral.all : Dihedral.all.filter { !$0.transposes }
  }

  /// The result of `run` for an input, or the mean over turns.
  private func augmented(_ input: Tensor, run: (Tensor) throws -> Tensor) throws -> Tensor {
    guard settings.isAugmented else { return try run(input) }
    var sum: Tensor?
    for turn in turns {
      let output = turn.undone(on: try run(turn.applied(to: input)))
      sum = sum.map { $0.adding(output) } ?? output
    }
    guard let sum else { return input }
    return sum.divided(by: turns.count)
  }

  /// Calls `body` with each tile's planes `[1, C, H, W]`, those beyond the picture mirrored.
  private func eachTile(
    of image: PicturePlanes, _ grid: TileGrid, _ progress: ((Int, Int) -> Void)?,
    _ body: (TileGrid.Tile, Tensor) throws -> Void
  ) throws {
    // As a picture of the grid's size would be mirrored: tiles see what the whole would.
    let rows = (0..<grid.height).map { mirrored($0, side: image.height) }
    let columns = (0..<grid.width).map { mirrored($0, side: image.width) }
    for (index, tile) in grid.tiles.enumerated() {
      progress?(index, grid.count)
      let type = TensorType(.float32, [1, image.count, tile.rows.count, tile.columns.count])
      let input = image.samples.withUnsafeBufferPointer { source in
        Tensor(type) { bytes in
          let target = bytes.bindMemory(to: Float.self)
          var position = 0
          for plane in 0..<image.count {
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
        for plane in 0..<resultChannelCount {
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
