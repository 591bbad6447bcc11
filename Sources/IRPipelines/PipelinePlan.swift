import IRDiffusion
import IRRuntime
import IRTensor
import ImageRestoration

/// How a picture of one size is restored: sizes, tiles and memory, known before anything runs.
package struct PipelinePlan: Sendable {
  /// Sides of the result as it is computed, multiples of `PipelineSettings.multiple`.
  package let height: Int
  package let width: Int
  let latentChannels: Int
  /// Pixels along a latent.
  let factor: Int
  let latentTiles: TileBlend
  /// The side of tiles, and what they share, as `PipelineSettings` has them.
  let side: Int
  let overlap: Int
  /// Bytes of the largest program, of packed weights, and of the pictures beside them.
  package let byteCount: Int

  package var tileCount: Int { latentTiles.count }
  /// The sides of a tile, in pixels.
  package var tileHeight: Int { latentTiles.rows.window * factor }
  package var tileWidth: Int { latentTiles.columns.window * factor }
}

extension PipelinePlan: CustomStringConvertible {
  package var description: String {
    let memory = "\(max(1, byteCount >> 20)) MiB"
    guard tileCount > 1 else { return "whole, \(memory)" }
    return "\(tileCount) tiles of \(tileWidth)×\(tileHeight) pixels blended at every step, \(memory)"
  }
}

extension PipelineRunner {
  /// The sides of tiles that are tried, largest first, where nothing else is asked for.
  private static let tileSides = [512, 384, 256, 192, 128]
  /// Bytes for each pixel of pictures in float32 and float64 while one is encoded or coloured.
  private static let pictureBytesPerPixel = 3 * 56
  /// The most pixels of a result.
  private static let pixelLimit = 1 << 30

  /// How a picture of this size will be restored within the memory. `held` are bytes that the caller holds
  /// beside.
  /// - Throws: `RuntimeError.exceedsMemory` if no tile is small enough, `PipelineError` for parts that do
  ///   not fit together, and what compilation throws.
  package func plan(
    height: Int, width: Int, _ settings: PipelineSettings, holding held: Int = 0
  ) throws -> PipelinePlan {
    try settings.verify()
    let multiple = PipelineSettings.multiple
    let (rows, rowOverflow) = height.multipliedReportingOverflow(by: settings.scale)
    let (columns, columnOverflow) = width.multipliedReportingOverflow(by: settings.scale)
    guard height > 0, width > 0, !rowOverflow, !columnOverflow, max(rows, columns) <= Self.pixelLimit,
      rows * columns <= Self.pixelLimit
    else {
      throw PipelineError.picture(
        "\(width)×\(height) pixels times \(settings.scale) are more than \(Self.pixelLimit), or none")
    }
    let (paddedHeight, paddedWidth) = (
      rows.roundedUp(toMultipleOf: multiple), columns.roundedUp(toMultipleOf: multiple)
    )
    let longer = max(paddedHeight, paddedWidth)
    let sides: [Int]
    switch settings.tileSide {
    case 0?: sides = [longer]
    case let side?: sides = [min(side, longer)]
    case nil:
      let whole = longer <= PipelineSettings.wholeSideLimit ? [longer] : []
      sides = whole + Self.tileSides.filter { $0 < longer }
    }
    let budget = MemoryBudget(options, holding: held + paddedHeight * paddedWidth * Self.pictureBytesPerPixel)
    var least = Int.max
    for side in sides {
      let plan = try plan(
        paddedHeight, paddedWidth, side: side, overlap: settings.overlap ?? side / 4, beside: budget.taken)
      if plan.programByteCount <= budget.available { return plan.plan }
      least = min(least, plan.programByteCount)
    }
    throw budget.exceeded(by: least)
  }

  private func plan(
    _ height: Int, _ width: Int, side: Int, overlap: Int, beside held: Int
  ) throws -> (plan: PipelinePlan, programByteCount: Int) {
    let (tileHeight, tileWidth) = (min(side, height), min(side, width))
    let channels = pipeline.latentChannels
    let picture: [String: Shape] = ["sample": [1, 3, tileHeight, tileWidth]]
    let latents = try parts.outputShape("latent_sample", of: pipeline.encoder, picture)
    let factor = latents.rank == 4 ? tileHeight / max(latents[2], 1) : 0
    guard latents.rank == 4, latents[0] == 1, latents[1] == channels, factor > 0,
      latents[2] * factor == tileHeight, latents[3] * factor == tileWidth
    else {
      throw PipelineError.part(
        path: pipeline.encoder.path,
        detail: "latent_sample is \(latents) for \(tileWidth)×\(tileHeight) pixels; "
          + "the decoder takes \(channels) channels")
    }
    let latentShape: [String: Shape] = ["latent_sample": latents]
    let sample = try parts.outputShape("sample", of: pipeline.decoder, latentShape)
    guard sample == [1, 3, tileHeight, tileWidth] else {
      throw PipelineError.part(
        path: pipeline.decoder.path,
        detail: "sample is \(sample), the picture \(tileWidth)×\(tileHeight)")
    }
    let question = unetShapes(latents)
    let prediction = try parts.outputShape("out_sample", of: pipeline.unet, question)
    guard prediction == latents else {
      throw PipelineError.part(
        path: pipeline.unet.path, detail: "out_sample is \(prediction) for latents of \(latents)")
    }
    let programs = try [
      parts.program(pipeline.encoder, picture), parts.program(pipeline.decoder, latentShape),
      parts.program(pipeline.unet, question),
    ]
    let byteCount = programs.map(Restorer.byteCount).max()
    // A limit of the process has packed weights taken off already.
    let weights = options.memoryByteCount == nil ? programs.reduce(0) { $0 + $1.weightByteCount } : 0
    func tiles(_ extent: Int, _ window: Int) -> AxisTiles {
      AxisTiles(extent: extent / factor, window: window / factor, overlap: overlap / factor)
    }
    let plan = PipelinePlan(
      height: height, width: width, latentChannels: channels, factor: factor,
      latentTiles: TileBlend(rows: tiles(height, tileHeight), columns: tiles(width, tileWidth)),
      side: side, overlap: overlap, byteCount: (byteCount ?? 0) + weights + held)
    return (plan, byteCount ?? 0)
  }

  /// The shapes of each network's inputs for one tile of a plan.
  func shapes(
    _ plan: PipelinePlan
  ) -> (encoder: [String: Shape], unet: [String: Shape], decoder: [String: Shape]) {
    let latents: Shape = [
      1, plan.latentChannels, plan.latentTiles.rows.window, plan.latentTiles.columns.window,
    ]
    return (
      ["sample": [1, 3, plan.tileHeight, plan.tileWidth]], unetShapes(latents), ["latent_sample": latents]
    )
  }

  /// The shapes of what the UNet is asked for latents of this shape.
  private func unetShapes(_ latents: Shape) -> [String: Shape] {
    var shapes: [String: Shape] = ["sample": [1, 2 * latents[1], latents[2], latents[3]]]
    shapes["timestep"] = pipeline.hasScalarTimestep ? .scalar : [1]
    if let texts = pipeline.texts {
      shapes["encoder_hidden_states"] = [1, texts.shape[1], texts.shape[2]]
    } else {
      shapes["prompt"] = [1]
    }
    return shapes
  }
}
