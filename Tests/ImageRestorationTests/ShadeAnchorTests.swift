import IRImage
import IRTensor
import Testing

@testable import IRRestoration

@Suite struct ShadeAnchorTests {
  private static let (height, width) = (256, 320)

  /// A smooth picture; its reduction by a factor has its values at the centres of squares.
  private static func shade(_ row: Float, _ column: Float) -> Float {
    0.3 + 0.3 * row / Float(height) + 0.2 * column * column / Float(width * width)
  }

  private static func reduction(_ factor: Int) -> Tensor {
    let (height, width) = (height / factor, width / factor)
    let offset = Float(factor - 1) / 2
    return Tensor(
      (0..<(height * width)).map {
        shade(Float($0 / width * factor) + offset, Float($0 % width * factor) + offset)
      }, shape: [1, 1, height, width])
  }

  /// A tile that is wrong by a slope keeps its texture and takes the anchor's shades.
  @Test(arguments: [1, 2, 4]) func tilesTakeTheAnchorsLowFrequencies(factor: Int) {
    let (top, left, side) = (64, 96, 160)
    func texture(_ row: Int, _ column: Int) -> Float { (row + column) % 2 == 0 ? 0.1 : -0.1 }
    func place(_ index: Int) -> (Int, Int) { (index / side, index % side) }
    let tile = Tensor(
      (0..<(side * side)).map { index in
        let (row, column) = place(index)
        return 0.9 - 0.3 * Float(row) / Float(side) + texture(row, column)
      }, shape: [1, 1, side, side])
    let anchor = ShadeAnchor(
      Self.reduction(factor), factor: factor, height: Self.height / factor, width: Self.width / factor)
    let result = anchor.corrected(tile, top: top, left: left).floats
    let means = BlockMeans(side: 32, channels: 1, height: side, width: side) { result[$1 * side + $2] }
    let expected = BlockMeans(side: 32, channels: 1, height: side, width: side) {
      Self.shade(Float(top + $1), Float(left + $2)) + 0 * Float($0)
    }
    for (found, wanted) in zip(means.values, expected.values) {
      #expect(abs(found - wanted) < (factor == 1 ? 0.5 : 1.5) / 255)
    }
    // Neighbouring samples still differ by the texture.
    for index in stride(from: 1, to: side * side - 1, by: 97) where index % side != 0 {
      let (row, column) = place(index)
      let kept = result[index] - result[index - 1]
      #expect(abs(kept - (texture(row, column) - texture(row, column - 1))) < 2 / 255)
    }
  }

  @Test func reducedPicturesAreMeans() {
    let planes = PicturePlanes(count: 1, height: 3, width: 5, samples: (0..<15).map { Float($0) })
    let reduced = planes.reduced(by: 2)
    #expect(reduced.width == 3 && reduced.height == 2)
    #expect(reduced.samples == [3, 5, 6.5, 10.5, 12.5, 14])
  }

  @Test func meansOfBlocksAreComparedAtTheirLargest() {
    let a = Image(width: 33, height: 32, channelCount: 1, pixels: [Float](repeating: 0.5, count: 33 * 32))
    var b = a
    b.pixels[32] = 1
    // The last column is a block of its own, of 32 samples.
    #expect(BlockMeans.largestDifference(a, b, side: 32) == 0.5 / 32)
  }
}
