import IRONNX
import IRTensor
import Testing

@testable import IRRestoration

/// Models that take some sizes only.
@Suite struct ModelSizesTests {
  @Test(arguments: [(150, 100), (64, 64), (65, 64), (20, 30), (1, 1), (200, 9)])
  func fixedSizesAreTiles(_ size: (Int, Int)) throws {
    let model = SmallModel(inversion(), input: .tensor("x", [1, 3, 64, 64]), constants: one)
    let restorer = try model.restorer()
    #expect(restorer.fixedSides == (64, 64))
    let picture = testPicture(width: size.0, height: size.1)
    let plan = try restorer.plan(width: size.0, height: size.1)
    #expect((plan.tiles.count > 1) == (max(size.0, size.1) > 64))
    #expect(distance(try restorer.restore(picture), picture) { 1 - $0 } < 1e-6)
    #expect(distance(try restorer.restoreByReference(picture), picture) { 1 - $0 } < 1e-6)
  }

  /// Sides that differ: turned tiles would not fit.
  @Test(arguments: [false, true]) func fixedSidesMayDiffer(isAugmented: Bool) throws {
    let model = SmallModel(inversion(), input: .tensor("x", [1, 3, 32, 48]), constants: one)
    let picture = testPicture(width: 100, height: 70)
    let restorer = try model.restorer { $0.isAugmented = isAugmented }
    #expect(distance(try restorer.restore(picture), picture) { 1 - $0 } < 1e-6)
  }

  /// A mean over the tile makes tiles that are blended; of a constant picture it is the constant.
  @Test func fixedTilesOfGlobalModelsAreBlended() throws {
    let nodes = [
      node("ReduceMean", ["x"], "mean", ["axes": .ints([2, 3])]), node("Add", ["x", "mean"], "y"),
    ]
    let restorer = try SmallModel(nodes, input: .tensor("x", [1, 3, 64, 64])).restorer()
    let flat = Image(
      width: 150, height: 100, channelCount: 3, pixels: [Float](repeating: 0.25, count: 45000))
    guard case .blended(let overlap, _) = try restorer.plan(width: 150, height: 100).seams else {
      Issue.record("the tiles are not blended")
      return
    }
    #expect(overlap == 32)
    #expect(distance(try restorer.restore(flat), flat) { 2 * $0 } < 1e-6)
  }

  /// One side is fixed, the other open.
  @Test func oneSideMayBeFixed() throws {
    let model = SmallModel(inversion(), input: .tensor("x", [1, 3, 64, "w"]), constants: one)
    let restorer = try model.restorer()
    #expect(restorer.fixedSides.height == 64 && restorer.fixedSides.width == nil)
    let picture = testPicture(width: 90, height: 150)
    #expect(distance(try restorer.restore(picture), picture) { 1 - $0 } < 1e-6)
  }

  @Test(arguments: [7, 10, 12, 14, 16, 24]) func multiplesAreFound(_ side: Int) throws {
    let block = ["blocksize": ONNXAttribute.int(Int64(side))]
    let restorer = try SmallModel([
      node("SpaceToDepth", ["x"], "blocks", block), node("DepthToSpace", ["blocks"], "y", block),
    ]).restorer()
    #expect(restorer.multiple == side)
    let picture = testPicture(width: 50, height: 37)
    #expect(try restorer.restore(picture).pixels == picture.pixels)
  }

  @Test(arguments: [64, 72]) func bakedSizesAreFoundAndSaid(_ side: Int) throws {
    let shape = Tensor([1, 3, Int64(side), Int64(side)], shape: [4])
    let restorer = try SmallModel([node("Reshape", ["x", "shape"], "y")], constants: ["shape": shape])
      .restorer()
    #expect(restorer.fixedSides == (side, side))
    #expect(restorer.notes.contains { $0.contains("its nodes take \(side)×\(side) only") })
    let picture = testPicture(width: 100, height: 75)
    #expect(try restorer.restore(picture).pixels == picture.pixels)
  }

  /// A window of 15×15 without padding that takes its middle.
  private static func window(_ side: Int, channels: Int = 3, from inputs: Int = 3) -> Tensor {
    let weights = (0..<(channels * inputs * side * side)).map { index -> Float in
      let (output, input) = (index / (inputs * side * side), index / (side * side) % inputs)
      return output % inputs == input && index % (side * side) == side * side / 2 ? 1 : 0
    }
    return Tensor(weights, shape: [channels, inputs, side, side])
  }

  @Test(arguments: [(33, 21), (5, 4), (100, 64)]) func bordersThatWindowsTakeAreAdded(_ size: (Int, Int))
    throws
  {
    let restorer = try SmallModel([node("Conv", ["x", "w"], "y")], constants: ["w": Self.window(15)])
      .restorer()
    let picture = testPicture(width: size.0, height: size.1)
    #expect(distance(try restorer.restore(picture), picture) < 1e-6)
    #expect(distance(try restorer.restoreByReference(picture), picture) < 1e-6)
  }

  /// As waifu2x: a border is taken, then the picture is enlarged.
  @Test(arguments: [nil, 40]) func bordersOfEnlargersAreAdded(tile: Int?) throws {
    // Channel c of 12 takes colour c / 4, and four of them are a pixel's square.
    var weights = [Float](repeating: 0, count: 12 * 3 * 25)
    for channel in 0..<12 { weights[(channel * 3 + channel / 4) * 25 + 12] = 1 }
    let restorer = try SmallModel(
      [
        node("Conv", ["x", "w"], "features"),
        node("DepthToSpace", ["features"], "y", ["blocksize": .int(2), "mode": .string("CRD")]),
      ], constants: ["w": Tensor(weights, shape: [12, 3, 5, 5])]
    ).restorer { $0.tileSize = tile }
    #expect(restorer.scale == 2)
    let picture = testPicture(width: 90, height: 51)
    let restored = try restorer.restore(picture)
    #expect(restored.width == 180 && restored.height == 102)
    for (x, y) in [(0, 0), (1, 1), (179, 101), (80, 40), (81, 40)] {
      #expect(restored.pixels[y * 180 + x] == picture.pixels[y / 2 * 90 + x / 2])
    }
  }

  /// As U-nets without padding: what is left of the border's sides must be whole blocks.
  @Test func sidesBetweenMultiplesAreFound() throws {
    let block = ["blocksize": ONNXAttribute.int(8)]
    let restorer = try SmallModel(
      [
        node("Conv", ["x", "w"], "inner"), node("SpaceToDepth", ["inner"], "blocks", block),
        node("DepthToSpace", ["blocks"], "y", block),
      ], constants: ["w": Self.window(5)]
    ).restorer()
    #expect(restorer.multiple == 8)
    let picture = testPicture(width: 50, height: 37)
    #expect(distance(try restorer.restore(picture), picture) < 1e-6)
  }

  @Test func otherSidesAreRefused() throws {
    let pool: [String: ONNXAttribute] = ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])]
    let half = SmallModel([node("AveragePool", ["x"], "y", pool)])
    #expect(throws: RestorationError.self) { try half.restorer() }
    for extents in [[1, 6, "h", "w"], [1, "h", "w", 6], [6, "h", "w"], [1, 3, "t", "h", "w"]]
      as [[any Sendable]]
    {
      let deep = SmallModel(inversion(), input: .tensor("x", extents), constants: one)
      #expect(throws: RestorationError.self) { try deep.restorer() }
    }
    let vector = SmallModel(inversion(), input: .tensor("x", [1, 512]), constants: one)
    #expect(throws: RestorationError.self) { try vector.restorer() }
  }

  @Test func absentOperatorsAreSaidAtOnce() {
    let model = SmallModel([node("NoSuchOperator", ["x"], "y")])
    #expect { try model.restorer() } throws: { "\($0)".contains("NoSuchOperator") }
  }
}
