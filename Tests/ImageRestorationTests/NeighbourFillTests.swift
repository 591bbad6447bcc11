import IRImage
import Testing

@testable import IRRestoration

@Suite struct NeighbourFillTests {
  @Test func samplesThatAreNotFiniteBecomeTheirNeighboursMean() throws {
    // Neighbours of the middle of 3×3 are the other eight, whose sum is 3.6.
    var image = Image(
      width: 3, height: 3, channelCount: 1, pixels: [0.1, 0.2, 0.3, 0.4, .nan, 0.5, 0.6, 0.7, 0.8],
      sampleFormat: .float32)
    #expect(try image.mendNonFiniteSamples() == 1)
    #expect(abs(image.pixels[4] - 0.45) < 1e-6)
    #expect(
      image.pixels.enumerated().allSatisfy {
        $0.offset == 4 || $0.element == Float($0.offset + 1 - ($0.offset > 4 ? 1 : 0)) / 10
      })
    var infinite = Image(width: 4, height: 1, channelCount: 1, pixels: [0.5, .infinity, -.infinity, 0.25])
    #expect(try infinite.mendNonFiniteSamples() == 2)
    #expect(infinite.pixels == [0.5, 0.5, 0.25, 0.25])
  }

  /// Other channels and alpha are mended on their own.
  @Test func channelsAreMendedApart() throws {
    var image = Image(
      width: 2, height: 1, channelCount: 3, pixels: [.nan, 0.25, 0.5, 0.5, 0.75, 0.75], alpha: [1, .nan])
    #expect(try image.mendNonFiniteSamples() == 2)
    #expect(image.pixels == [0.25, 0.25, 0.5, 0.5, 0.75, 0.75] && image.alpha == [1, 1])
  }

  @Test func aChannelWithoutAFiniteSampleIsRefused() throws {
    var image = Image(
      width: 2, height: 1, channelCount: 3, pixels: [0, 0, .nan, .infinity, 0, 0], sampleFormat: .float32)
    let error = #expect(throws: RestorationError.self) { try image.mendNonFiniteSamples() }
    #expect("\(try #require(error))".contains("all 2 samples of channel 2"))
  }

  /// Colours under alpha 0 do not matter, however far from the edge, and visible pixels stay.
  @Test func hiddenColoursGoOnFromTheEdge() {
    let (width, height) = (40, 30)
    let alpha = (0..<(width * height)).map {
      (Int($0) / width - 15) * (Int($0) / width - 15) + ($0 % width - 20) * ($0 % width - 20) < 64
        ? Float(1) : 0
    }
    func image(hidden: Float) -> Image {
      Image(
        width: width, height: height, channelCount: 3,
        pixels: (0..<(3 * width * height)).map {
          alpha[$0 % (width * height)] > 0 ? 0.5 + Float($0 % 7) / 100 : hidden
        }, alpha: alpha)
    }
    var (black, white) = (image(hidden: 0), image(hidden: 1))
    black.fillHiddenColours()
    white.fillHiddenColours()
    #expect(black.pixels == white.pixels)
    #expect(black.pixels.allSatisfy { (0.5...0.561).contains($0) })
    let original = image(hidden: 0)
    #expect(
      original.pixels.indices.allSatisfy {
        alpha[$0 % (width * height)] == 0 || black.pixels[$0] == original.pixels[$0]
      })
    var nothing = image(hidden: 0.3)
    nothing.alpha = [Float](repeating: 0, count: width * height)
    let before = nothing.pixels
    nothing.fillHiddenColours()
    #expect(nothing.pixels == before)
  }
}
