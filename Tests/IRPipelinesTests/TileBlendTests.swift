import IRDiffusion
import IRRuntime
import IRTensor
import Testing

@testable import IRPipelines

@Test(arguments: [(8, 8, 2), (30, 8, 2), (17, 8, 4), (9, 16, 4), (64, 8, 0)])
func weightsOfTilesAddUp(_ extent: Int, _ window: Int, _ overlap: Int) {
  let tiles = AxisTiles(extent: extent, window: window, overlap: overlap)
  var sums = [Double](repeating: 0, count: extent)
  for (start, weights) in zip(tiles.starts, tiles.weights) {
    for (place, weight) in weights.enumerated() { sums[start + place] += Double(weight) }
  }
  #expect(sums.allSatisfy { ($0 - 1).magnitude < 1e-6 })
  #expect(tiles.starts.first == 0 && tiles.starts.last == extent - tiles.window)
  for (a, b) in zip(tiles.starts, tiles.starts.dropFirst()) {
    #expect(b > a && a + tiles.window - b >= overlap)
  }
}

@Test func blendedWindowsAreThePicture() throws {
  let image = picture(height: 40, width: 56)
  let tiles = TileBlend(
    rows: AxisTiles(extent: 10, window: 4, overlap: 1), columns: AxisTiles(extent: 14, window: 6, overlap: 2))
  let pixels = tiles.scaled(by: 4)
  let blend = try pixels.blended(channels: 3) { pixels.window(of: image, row: $0, column: $1) }
  #expect(zip(blend.doubles, image.doubles).allSatisfy { ($0 - $1).magnitude < 1e-6 })
}

@Test func plansAreKnownAhead() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let pipeline = try RestorationPipeline(contentsOf: folder)
    let runner = PipelineRunner(pipeline)
    var settings = PipelineSettings(try Composition("sr=1"))
    let small = try runner.plan(height: 50, width: 70, settings)
    #expect(small.tileCount == 1 && small.height == 64 && small.width == 128)
    // Beyond 768 pixels in tiles of 512 that share a quarter; enlarged sides count.
    let large = try runner.plan(height: 50, width: 800, settings)
    #expect(large.tileCount == 2 && large.tileHeight == 64 && large.tileWidth == 512)
    settings.scale = 2
    #expect(try runner.plan(height: 25, width: 400, settings).tileCount == 2)
    settings.scale = 1
    settings.tileSide = 0
    let whole = try runner.plan(height: 50, width: 800, settings)
    #expect(whole.tileCount == 1 && whole.byteCount > large.byteCount)
    let tight = PipelineRunner(pipeline, options: RuntimeOptions(memoryByteCount: 1 << 20))
    #expect(throws: RuntimeError.self) { try tight.plan(height: 64, width: 64, settings) }
    #expect(throws: RuntimeError.self) { try tight.restored(picture(height: 64, width: 64), settings) }
    #expect(throws: PipelineError.self) { try runner.plan(height: 1 << 40, width: 1 << 40, settings) }
    settings.tileSide = 100
    #expect(throws: PipelineError.self) { try runner.plan(height: 64, width: 64, settings) }
  }
}
