import IRCompiler
import IRRestorers
import IRRuntime
import IRTensor

/// Bytes that a program takes, as `fixed + pixel * pixels`: programs of two sizes tell.
struct MemoryModel {
  var fixed: Double
  var pixel: Double

  func byteCount(_ pixels: Int) -> Int { Int(min(max(0, fixed + pixel * Double(pixels)), 1e18)) }
  func pixels(within byteCount: Int) -> Int {
    Int(min(max(0, (Double(byteCount) - fixed) / max(pixel, 1)), 1e15))
  }
}

/// The memory that is left for programs.
package struct MemoryBudget {
  /// Bytes of stacks, decoders and the allocator beside those counted, under a limit of the whole process.
  private static let reserve = 24 << 20

  package let limit: Int
  /// Bytes that the process holds, that the caller will hold, and the reserve.
  package let taken: Int

  /// That of one restoration among others, whoever holds the rest.
  init(limit: Int, holding held: Int) {
    self.limit = limit
    taken = held
  }

  package init(_ options: RuntimeOptions, holding held: Int) {
    limit = options.memoryLimit
    // A limit of the whole process includes its own bytes; the system's number has them taken off already.
    let isOfProcess = options.memoryByteCount != nil
    taken = held + (isOfProcess ? (ResidentMemory.byteCount ?? 0) + Self.reserve : 0)
  }

  package var available: Int { max(0, limit - taken) }

  package func exceeded(by byteCount: Int) -> RuntimeError {
    .exceedsMemory(byteCount: byteCount + taken, limit: limit)
  }
}

extension Restorer {
  /// Programs for fewer pixels are compiled; the memory of larger ones is estimated first.
  private static let smallPixelCount = 1 << 21
  /// The smallest core of a tile, without its margins: below it, margins cost more than tiles save.
  static let leastCore = 16
  /// The largest reduction for an anchor: beyond it, noise and texture are gone.
  private static let largestReduction = 8
  /// The smallest side of a reduced picture: below it, most pixels are near the border.
  private static let leastReducedSide = 128

  /// Plans the restoration of an image of this size within the memory limit.
  /// - Parameters:
  ///   - width: The image's width.
  ///   - height: The image's height.
  ///   - held: Bytes that the caller holds meanwhile, for the image and its result.
  ///   - limit: Bytes for this restoration, `held` included, instead of the limit of the options.
  /// - Returns: the plan: one piece if it fits, else tiles.
  /// - Throws: `RuntimeError.exceedsMemory` if no tile is small enough.
  public func plan(
    width: Int, height: Int, holding held: Int = 0, within limit: Int? = nil
  ) throws -> RestorationPlan {
    let budget = limit.map { MemoryBudget(limit: $0, holding: held) } ?? MemoryBudget(options, holding: held)
    guard fixedSides == (nil, nil) else { return try planOfFixedTiles(height, width, budget) }
    let (height, width) = (padded(height), padded(width))
    if let side = settings.tileSize, side < max(height, width) {
      return try planOfTiles(height, width, side: side, budget)
    }
    return try planOfWhole(height, width, budget) ?? planOfLargestTiles(height, width, budget)
  }

  /// One piece, where that fits.
  private func planOfWhole(_ height: Int, _ width: Int, _ budget: MemoryBudget) throws -> RestorationPlan? {
    // A compilation for a memory that is too small may find a smaller program.
    let mayRound = try settings.allowsFloat16Storage && !hasExactTiles()
    guard try mayFit(height * width, within: budget.available, mayRound: mayRound) else { return nil }
    let program = try program(height, width, within: budget.available, mayRound: mayRound)
    let byteCount = Self.byteCount(of: program)
    guard byteCount <= budget.available else { return nil }
    return RestorationPlan(
      tiles: TileGrid(height: height, width: width), seams: .none, byteCount: byteCount, program: program)
  }

  /// Tiles of the side that was asked for.
  private func planOfTiles(
    _ height: Int, _ width: Int, side: Int, _ budget: MemoryBudget
  ) throws -> RestorationPlan {
    let sums = try blendingByteCount(height * width)
    let free = max(0, budget.available - sums)
    var plan = try tiled(height, width, (side, side))
    guard plan.byteCount <= free else { throw budget.exceeded(by: plan.byteCount + sums) }
    if case .blended = plan.seams,
      let anchor = try anchor(height, width, from: 1, within: free, beside: plan.byteCount)
    {
      plan.add(anchor, resultByteCount: resultByteCount(anchor))
    }
    return plan
  }

  /// The largest tiles that fit.
  private func planOfLargestTiles(
    _ height: Int, _ width: Int, _ budget: MemoryBudget
  ) throws -> RestorationPlan {
    let sums = try blendingByteCount(height * width)
    var free = max(0, budget.available - sums)
    let anchor = try hasExactTiles() ? nil : anchor(height, width, from: 2, within: free, beside: free / 2)
    free -= anchor.map(resultByteCount) ?? 0
    var pixelsOfTile = try memory().pixels(within: free / 100 * 95)
    while true {
      var plan = try tiled(height, width, tileSides(height, width, pixelsOfTile))
      if plan.byteCount <= free {
        if let anchor { plan.add(anchor, resultByteCount: resultByteCount(anchor)) }
        return plan
      }
      guard pixelsOfTile > 64 * 64 else { throw budget.exceeded(by: plan.byteCount + sums) }
      pixelsOfTile = pixelsOfTile / 5 * 4
    }
  }

  /// Whether a program for so many pixels is worth a compilation for this memory.
  private func mayFit(_ pixels: Int, within available: Int, mayRound: Bool) throws -> Bool {
    try pixels <= Self.smallPixelCount || memory().byteCount(pixels) / (mayRound ? 4 : 2) <= available
  }

  /// Bytes of the sums and weights of blended tiles; none where tiles are exact.
  private func blendingByteCount(_ pixels: Int) throws -> Int {
    try hasExactTiles() ? 0 : 4 * (resultChannelCount + 1) * pixels * scale * scale
  }

  /// Bytes of the program that restores an image of this size in one piece, without a limit.
  /// - Throws: `RestorationError.unsuitableImage` if the model's sides are fixed.
  public func wholeByteCount(width: Int, height: Int) throws -> Int {
    guard fixedSides == (nil, nil) else {
      throw RestorationError.unsuitableImage(
        detail: "\(path): the model's sides are fixed, so images of other sides are restored in tiles")
    }
    return Self.byteCount(of: try program(padded(height), padded(width)))
  }

  func padded(_ side: Int) -> Int { side.roundedUp(toMultipleOf: multiple) }

  /// The sides of a tile of at most so many pixels; as wide as it goes, since rows lie together.
  private func tileSides(_ height: Int, _ width: Int, _ pixels: Int) -> (height: Int, width: Int) {
    let side = Int(Double(pixels).squareRoot())
    if settings.isAugmented { return (side, side) }
    let tileHeight = min(height, max(side, pixels / max(width, 1)))
    return (tileHeight, min(width, pixels / max(tileHeight, 1)))
  }

  private func tiled(
    _ height: Int, _ width: Int, _ sides: (height: Int, width: Int)
  ) throws -> RestorationPlan {
    let margin: Int
    let alignment: Int
    let seams: RestorationPlan.Seams
    switch try field() {
    case .success(let field):
      alignment = leastCommonMultiple(field.alignment, multiple)
      margin = field.margin.roundedUp(toMultipleOf: alignment)
      seams = .exact(margin: field.margin)
    case .failure(let unbounded):
      alignment = multiple
      margin = (settings.overlap / 2).roundedUp(toMultipleOf: alignment)
      seams = .blended(overlap: 2 * margin, reason: "\(unbounded)")
    }
    // Tiles begin in step, the last one too, and seen from the other end where pictures are mirrored: what a
    // picture's side is beyond whole steps, a tile's side is too.
    let least = (2 * margin + Self.leastCore + 2 * alignment - 2) / alignment * alignment
    func side(_ wanted: Int, _ extent: Int) -> Int {
      let rest = extent % alignment
      return min(extent, max(max(0, wanted - rest) / alignment * alignment, least) + rest)
    }
    var (tileHeight, tileWidth) = (side(sides.height, height), side(sides.width, width))
    // Turned tiles take the same program where they can be squares.
    if settings.isAugmented, height % alignment == width % alignment, min(tileHeight, tileWidth) >= least {
      (tileHeight, tileWidth) = (min(tileHeight, tileWidth), min(tileHeight, tileWidth))
    }
    let grid = TileGrid(
      height: height, width: width, tileHeight: tileHeight, tileWidth: tileWidth, margin: margin,
      alignment: alignment)
    let program = try program(grid.tileHeight, grid.tileWidth)
    return RestorationPlan(
      tiles: grid, seams: grid.count == 1 ? .none : seams, byteCount: Self.byteCount(of: program),
      program: program)
  }

  /// The least reduction of a picture, `factor` or more, whose restoration fits beside so many bytes; nil
  /// where none fits.
  func anchor(
    _ height: Int, _ width: Int, from factor: Int, within free: Int, beside byteCount: Int
  ) throws -> RestorationPlan.Anchor? {
    let mayRound = settings.allowsFloat16Storage
    for factor in factor...Self.largestReduction {
      let (reducedHeight, reducedWidth) = ((height + factor - 1) / factor, (width + factor - 1) / factor)
      guard factor == 1 || min(reducedHeight, reducedWidth) >= Self.leastReducedSide else { break }
      let sides = (
        fixedSides.height ?? padded(reducedHeight), fixedSides.width ?? padded(reducedWidth)
      )
      guard reducedHeight <= sides.0, reducedWidth <= sides.1 else { continue }
      let left = free - resultByteCount(pixels: sides.0 * sides.1)
      guard byteCount <= left, try mayFit(sides.0 * sides.1, within: left, mayRound: mayRound) else {
        continue
      }
      let program = try program(sides.0, sides.1, within: left, mayRound: mayRound)
      guard Self.byteCount(of: program) <= left else { continue }
      return RestorationPlan.Anchor(factor: factor, height: sides.0, width: sides.1, program: program)
    }
    return nil
  }

  /// Bytes of a reduced picture and of its restoration.
  func resultByteCount(pixels: Int) -> Int {
    4 * pixels * (model.planeCount + resultChannelCount * scale * scale)
  }
  func resultByteCount(_ anchor: RestorationPlan.Anchor) -> Int {
    resultByteCount(pixels: anchor.height * anchor.width)
  }

  private func memory() throws -> MemoryModel {
    if let memoryModel { return memoryModel }
    let sides = [padded(128), padded(256)]
    let bytes = try sides.map { Double(Self.byteCount(of: try program($0, $0))) }
    let slope = (bytes[1] - bytes[0]) / Double(sides[1] * sides[1] - sides[0] * sides[0])
    let model = MemoryModel(fixed: max(0, bytes[0] - slope * Double(sides[0] * sides[0])), pixel: slope)
    memoryModel = model
    return model
  }

  func hasExactTiles() throws -> Bool { if case .success = try field() { true } else { false } }

  /// The program of a session that is kept, or a new one.
  func program(
    _ height: Int, _ width: Int, within byteCount: Int? = nil, mayRound: Bool = false
  ) throws -> Program {
    try keptProgram(height: height, width: width)
      ?? program(height: height, width: width, within: byteCount, allowsFloat16Storage: mayRound)
  }

  /// Bytes that running a program takes.
  package static func byteCount(of program: Program) -> Int {
    // Steps by definition copy their operands, and more.
    let reference = program.steps.lazy.filter(\.kernel.isReference).map { 8 * $0.byteCount }.max() ?? 0
    return program.byteCount + reference
  }
}
