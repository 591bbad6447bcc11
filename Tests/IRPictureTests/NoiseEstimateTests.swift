import Foundation
import Testing

@testable import IRPicture

@Suite struct NoiseEstimateTests {
  private struct Noise: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return (state >> 33) | (state << 31)
    }

    /// Box and Muller.
    mutating func normal() -> Float {
      let (a, b) = (Double.random(in: 1e-12..<1, using: &self), Double.random(in: 0..<1, using: &self))
      return Float((-2 * log(a)).squareRoot() * cos(2 * .pi * b))
    }
  }

  /// Shades, an edge and stripes, with white noise, in whole levels as a file has them.
  private func picture(channels: Int = 3, sigma: Float, width: Int = 160, height: Int = 120) -> Image {
    var noise = Noise(state: 7)
    var pixels: [Float] = []
    for channel in 0..<channels {
      for y in 0..<height {
        for x in 0..<width {
          let shade = 90 + 50 * sin(Float(x) / 37 + Float(channel)) * cos(Float(y) / 29)
          let edge: Float = x > y ? 25 : 0
          let stripes: Float = y > height / 2 ? 12 * sin(Float(x) * 0.9) : 0
          pixels.append(min(max((shade + edge + stripes + sigma * noise.normal()).rounded(), 0), 255) / 255)
        }
      }
    }
    return Image(width: width, height: height, channelCount: channels, pixels: pixels)
  }

  /// A grey picture in three equal planes has the noise of one.
  @Test(arguments: [5, 15, 25] as [Float]) func greyInColoursHasItsNoise(sigma: Float) {
    let grey = picture(channels: 1, sigma: sigma)
    let colour = Image(
      width: grey.width, height: grey.height, channelCount: 3, pixels: grey.pixels + grey.pixels + grey.pixels
    )
    #expect(colour.estimatedNoiseLevel == grey.estimatedNoiseLevel)
  }

  @Test(arguments: [1, 3], [2, 5, 15, 25] as [Float]) func whiteNoiseIsFound(channels: Int, sigma: Float) {
    let level = picture(channels: channels, sigma: sigma).estimatedNoiseLevel
    #expect(abs(level - Double(sigma)) < 0.1 * Double(sigma) + 0.1, "\(level)")
  }

  @Test(arguments: [1, 3]) func cleanPicturesHaveNone(channels: Int) {
    #expect(picture(channels: channels, sigma: 0).estimatedNoiseLevel < 0.6)
    let flat = Image(
      width: 40, height: 40, channelCount: channels, pixels: [Float](repeating: 0.3, count: channels * 1600))
    #expect(flat.estimatedNoiseLevel < 1e-3)
  }

  /// Interpolated, as a camera's noise: less of it is fine, and it is found all the same.
  @Test func correlatedNoiseIsFound() {
    var (clean, noisy) = (picture(sigma: 0), picture(sigma: 12))
    let (width, height) = (clean.width, clean.height)
    let difference = zip(noisy.pixels, clean.pixels).map { $0 - $1 }
    var square = 0.0
    for index in clean.pixels.indices {
      let (x, y) = (index % width, index / width % height)
      var sum: Float = 0
      for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] where x + dx < width && y + dy < height {
        sum += difference[index + dy * width + dx]
      }
      clean.pixels[index] += sum / 4
      square += Double(sum / 4 * sum / 4)
    }
    let truth = 255 * (square / Double(clean.pixels.count)).squareRoot()
    let level = clean.estimatedNoiseLevel
    #expect((0.6 * truth)...(1.7 * truth) ~= level, "\(level) of \(truth)")
  }

  /// Extremes give numbers.
  @Test func littlePicturesAndOddSamples() {
    for (width, height) in [(1, 1), (8, 500), (31, 31), (32, 32), (33, 41)] {
      let image = picture(sigma: 20, width: width, height: height)
      let level = image.estimatedNoiseLevel
      #expect(level.isFinite && level >= 0, "\(width)×\(height): \(level)")
    }
    var wild = picture(sigma: 5)
    for index in wild.pixels.indices { wild.pixels[index] = wild.pixels[index] * 1e6 - 3e5 }
    #expect(wild.estimatedNoiseLevel.isFinite)
  }

  /// Second differences have the eigenvalues 2 - 2 cos(k π / (n + 1)).
  @Test func eigenvaluesAreThoseOfSecondDifferences() {
    let n = 23
    var matrix = [Double](repeating: 0, count: n * n)
    for i in 0..<n {
      matrix[i * n + i] = 2
      if i > 0 { (matrix[i * n + i - 1], matrix[(i - 1) * n + i]) = (-1, -1) }
    }
    let found = PatchSpectrum.eigenvalues(of: matrix, count: n).sorted()
    for (index, value) in found.enumerated() {
      #expect(abs(value - (2 - 2 * cos(Double(index + 1) * .pi / Double(n + 1)))) < 1e-12)
    }
  }
}
