import IRRuntime

extension Restorer {
  /// Restores an image: metadata and sample format kept, sides times `scale`, alpha with them; values are not
  /// clipped.
  public func restore(_ image: Image) throws -> Image {
    var none: Profile?
    return try restore(image, profile: &none)
  }

  /// As above; `profile` collects the seconds of each step of `latestProgram`. `progress` is called with the
  /// count of tiles done and of all.
  public func restore(
    _ image: Image, profile: inout Profile?, progress: ((Int, Int) -> Void)? = nil
  ) throws -> Image {
    let plan = try plan(width: image.width, height: image.height, holding: resultByteCount(image))
    return try restore(image, by: plan, profile: &profile, progress: progress)
  }

  /// Bytes that restoring an image holds beside its program.
  public func resultByteCount(_ image: Image) -> Int {
    4 * channelCount * image.width * image.height * scale * scale
  }

  /// Restores an image as planned for its size.
  public func restore(
    _ image: Image, by plan: RestorationPlan, profile: inout Profile?, progress: ((Int, Int) -> Void)? = nil
  ) throws -> Image {
    let source = try adapted(image)
    let pixels: [Float]
    if case .blended(let overlap, _) = plan.seams {
      var blend = BlendedTiles(plan.tiles, channels: channelCount, scale: scale, overlap: overlap)
      try eachTile(of: source, plan.tiles, progress) { tile, input in
        blend.add(try augmented(input, &profile), at: tile)
      }
      pixels = blend.pixels(height: scale * image.height, width: scale * image.width)
    } else {
      var result = [Float](repeating: 0, count: channelCount * image.width * image.height * scale * scale)
      try eachTile(of: source, plan.tiles, progress) { tile, input in
        copyCore(
          try augmented(input, &profile), of: tile, to: &result, scale * image.height, scale * image.width)
      }
      pixels = result
    }
    return restored(image, pixels)
  }

  /// As `restore`, by the operators' definitions: slow, the oracle of the compiled program.
  /// `progress` is called with the count of nodes done and of all.
  public func restoreByReference(_ image: Image, progress: ((Int, Int) -> Void)? = nil) throws -> Image {
    let source = try adapted(image)
    func padded(_ side: Int) -> Int { (side + multiple - 1) / multiple * multiple }
    let grid = TileGrid(height: padded(image.height), width: padded(image.width))
    var result = [Float](repeating: 0, count: channelCount * image.width * image.height * scale * scale)
    try eachTile(of: source, grid, nil) { tile, input in
      var sum: Tensor?
      for turn in turns {
        let output = turn.undone(on: try interpret(turn.applied(to: input), progress: progress))
        sum = sum.map { $0.adding(output) } ?? output
      }
      guard let sum else { return }
      copyCore(sum.divided(by: turns.count), of: tile, to: &result, scale * image.height, scale * image.width)
    }
    return restored(image, result)
  }

  private var turns: [Dihedral] { settings.isAugmented ? Dihedral.all : [.identity] }

  /// The program's output, or its mean over turns.
  private func augmented(_ input: Tensor, _ profile: inout Profile?) throws -> Tensor {
    guard settings.isAugmented else { return try run(input, profile: &profile) }
    var sum: Tensor?
    for turn in turns {
      let output = turn.undone(on: try run(turn.applied(to: input), profile: &profile))
      sum = sum.map { $0.adding(output) } ?? output
    }
    guard let sum else { return input }
    return sum.divided(by: turns.count)
  }

  /// The image as the model takes it.
  func adapted(_ image: Image) throws -> Image {
    let isGreyInColour = image.channelCount == 1 && channelCount == 3
    guard image.channelCount == channelCount || isGreyInColour else {
      throw RestorationError.unsuitableImage(
        detail: "the model \(path) takes grey images, this one has colour")
    }
    let (height, width) = (fixedSides.height ?? image.height, fixedSides.width ?? image.width)
    guard height == image.height, width == image.width else {
      throw RestorationError.unsuitableImage(
        detail: "the model takes float32[1, \(channelCount), \(height), \(width)] only, "
          + "the image has \(image.height) rows of \(image.width) pixels")
    }
    return isGreyInColour ? image.asColour() : image
  }

  /// The result as the picture was: grey stays grey, alpha grows with it.
  private func restored(_ image: Image, _ pixels: [Float]) -> Image {
    let count = image.width * image.height * scale * scale
    let isGreyInColour = image.channelCount == 1 && channelCount == 3
    let kept =
      !isGreyInColour
      ? pixels
      : [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          buffer[index] = (pixels[index] + pixels[count + index] + pixels[2 * count + index]) / 3
        }
        initialized = count
      }
    var result = Image(
      width: scale * image.width, height: scale * image.height, channelCount: image.channelCount,
      pixels: kept,
      alpha: image.alpha.map { $0.enlarged(image.width, image.height, by: scale) },
      sampleFormat: image.sampleFormat, metadata: image.metadata)
    result.extraChannels = image.extraChannels.map { $0.enlarged(image.width, image.height, by: scale) }
    result.notes = image.notes
    return result
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

extension [Float] {
  /// A plane enlarged by a whole factor, bilinearly between pixels' centres.
  fileprivate func enlarged(_ width: Int, _ height: Int, by scale: Int) -> [Float] {
    guard scale > 1 else { return self }
    func taps(_ index: Int, _ side: Int) -> (Int, Int, Float) {
      let place = Swift.min(Swift.max((Float(index) + 0.5) / Float(scale) - 0.5, 0), Float(side - 1))
      let first = Int(place)
      return (first, Swift.min(first + 1, side - 1), place - Float(first))
    }
    let columns = (0..<(width * scale)).map { taps($0, width) }
    var result: [Float] = []
    result.reserveCapacity(count * scale * scale)
    for row in 0..<(height * scale) {
      let (top, bottom, down) = taps(row, height)
      for (left, right, across) in columns {
        let upper = self[top * width + left] * (1 - across) + self[top * width + right] * across
        let lower = self[bottom * width + left] * (1 - across) + self[bottom * width + right] * across
        result.append(upper * (1 - down) + lower * down)
      }
    }
    return result
  }
}
