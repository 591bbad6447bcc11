/// The strength of a picture's noise, told from the picture alone.
///
/// Two estimators look at different things. The least eigenvalues of the patches' covariance are the variance
/// of white noise, whatever the picture shows (Chen, Zhu and Heng 2015); interpolation and JPEG take them
/// away, and leave the noise. The fine part of the smoothest blocks has that noise too (Ponomarenko et al.
/// 2007), and some texture where nothing is smooth. Where the eigenvalues explain the blocks, they are right.
package enum NoiseEstimate {
  /// σ on a scale of 0...255 of the noise in the first `channelCount` planes of `[planes, height, width]`,
  /// values of 0...1: the root of the mean of their variances. 0 for pictures of too few pixels to tell.
  /// - Precondition: the planes are there.
  package static func level(
    of samples: [Float], channelCount: Int, width: Int, height: Int
  ) -> Double {
    precondition(samples.count >= channelCount * width * height)
    guard channelCount > 0, min(width, height) >= leastSide else { return 0 }
    let area = width * height
    // Grey as colour: equal planes add nothing, and take the rank of the patches' covariance.
    let areEqual = (1..<channelCount).allSatisfy { plane in
      samples[(plane * area)..<((plane + 1) * area)].elementsEqual(samples[..<area])
    }
    let planes = Planes(samples: samples, count: areEqual ? 1 : channelCount, width: width, height: height)
    let white = 255 * PatchSpectrum.noiseVariance(planes).squareRoot()
    let fine = 255 * SmoothBlocks.fineVariance(planes).squareRoot()
    guard fine > white else { return white }
    let whiteness = min(max((white / fine - 0.4) / 0.2, 0), 1)
    return whiteness * white + (1 - whiteness) * correlationFactor * fine
  }

  /// Noise that is correlated over pixels is stronger than its fine part: by this, for cameras' pictures.
  private static let correlationFactor = 1.6
  /// Smaller pictures have too few patches for their covariance.
  private static let leastSide = 32

  /// Planes one behind the other.
  struct Planes {
    let samples: [Float]
    let count: Int
    let width: Int
    let height: Int

    var area: Int { width * height }
  }
}

extension Image {
  /// σ of the noise on a scale of 0...255, estimated.
  public var estimatedNoiseLevel: Double {
    NoiseEstimate.level(of: pixels, channelCount: channelCount, width: width, height: height)
  }
}
