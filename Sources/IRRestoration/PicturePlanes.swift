/// A picture as a network takes it: the image's channels, and those of other pictures behind them.
struct PicturePlanes {
  let count: Int
  let height: Int
  let width: Int
  /// `[count, height, width]`
  var samples: [Float]

  /// - Precondition: the samples have the stated sizes.
  init(count: Int, height: Int, width: Int, samples: [Float]) {
    precondition(samples.count == count * height * width)
    self.count = count
    self.height = height
    self.width = width
    self.samples = samples
  }

  init(_ image: Image) {
    self.init(count: image.channelCount, height: image.height, width: image.width, samples: image.pixels)
  }

  func plane(_ index: Int) -> PicturePlanes {
    let size = height * width
    return PicturePlanes(
      count: 1, height: height, width: width, samples: Array(samples[(index * size)..<((index + 1) * size)]))
  }

  /// The weighted mean of red, green and blue.
  var luma: PicturePlanes {
    guard count == 3 else { return self }
    let size = height * width
    let weights = ToneComparison.lumaWeights.map { Float($0) }
    return PicturePlanes(
      count: 1, height: height, width: width,
      samples: (0..<size).map { index in
        weights[0] * samples[index] + weights[1] * samples[size + index] + weights[2]
          * samples[2 * size + index]
      })
  }

  static func + (a: Self, b: Self) -> Self {
    precondition(a.height == b.height && a.width == b.width)
    return PicturePlanes(
      count: a.count + b.count, height: a.height, width: a.width, samples: a.samples + b.samples)
  }

  /// The means of squares of `factor` pixels a side; those at the right and at the bottom may be smaller.
  func reduced(by factor: Int) -> PicturePlanes {
    guard factor > 1 else { return self }
    let means = BlockMeans(side: factor, channels: count, height: height, width: width) {
      samples[($0 * height + $1) * width + $2]
    }
    return PicturePlanes(count: count, height: means.height, width: means.width, samples: means.values)
  }
}
