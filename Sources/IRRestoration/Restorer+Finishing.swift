extension Restorer {
  /// The network's result `[C, scale · H, scale · W]` as the picture was: grey stays grey, alpha grows with
  /// it, hidden colours stay the input's, and the input keeps its share if the strength is less than 1. A
  /// result of other channels than the model takes stays as it is.
  /// - Returns: the image to write, not clipped.
  /// - Throws: `RestorationError.nonFiniteResult`.
  func finished(_ pixels: [Float], of prepared: PreparedImage) throws -> Image {
    let input = prepared.input
    let nonFiniteCount = pixels.count { !$0.isFinite }
    guard nonFiniteCount == 0 else {
      throw RestorationError.nonFiniteResult(count: nonFiniteCount, of: pixels.count)
    }
    var kept = pixels
    var channels = input.channelCount
    if resultChannelCount != channelCount {
      channels = resultChannelCount
    } else {
      if channels == 1, channelCount == 3 { kept = meanOfChannels(pixels) }
      if channels == 3, channelCount == 1, prepared.sources.count == 1 {
        kept = colours(of: input, luma: pixels)
      }
      blend(&kept, with: input)
      keepHiddenColours(&kept, of: prepared)
    }
    return input.enlarged(by: scale, to: kept, channelCount: channels)
  }

  private func meanOfChannels(_ pixels: [Float]) -> [Float] {
    let count = pixels.count / 3
    return (0..<count).map { (pixels[$0] + pixels[count + $0] + pixels[2 * count + $0]) / 3 }
  }

  /// The input's colours, enlarged, with another luma.
  private func colours(of input: Image, luma: [Float]) -> [Float] {
    let planes = PicturePlanes(input)
    func enlarged(_ plane: PicturePlanes) -> [Float] {
      plane.samples.enlargedCubically(input.width, input.height, by: scale)
    }
    let given = enlarged(planes.luma)
    return (0..<3).flatMap { channel -> [Float] in
      let base = enlarged(planes.plane(channel))
      return base.indices.map { base[$0] + luma[$0] - given[$0] }
    }
  }

  /// input + strength · (restored - input) less the share of the detail, the input enlarged cubically where
  /// the model enlarges.
  private func blend(_ pixels: inout [Float], with input: Image) {
    let (strength, detail) = (Float(settings.strength), Float(settings.detail))
    guard !settings.isWhole else { return }
    let planeCount = input.width * input.height
    let grownCount = planeCount * scale * scale
    var luma = [Float](repeating: 0, count: detail > 0 ? grownCount : 0)
    for channel in 0..<input.channelCount {
      let plane = Array(input.pixels[(channel * planeCount)..<((channel + 1) * planeCount)])
      let base = plane.enlargedCubically(input.width, input.height, by: scale)
      let weight = input.channelCount == 1 ? 1 : Float(ToneComparison.lumaWeights[channel])
      for index in 0..<grownCount {
        let place = channel * grownCount + index
        let difference = pixels[place] - base[index]
        if detail > 0 { luma[index] += weight * difference }
        if strength < 1 { pixels[place] = base[index] + strength * difference }
      }
    }
    guard detail > 0 else { return }
    let fine = FineDetail.of(luma, width: scale * input.width, height: scale * input.height)
    for channel in 0..<input.channelCount {
      for index in 0..<grownCount { pixels[channel * grownCount + index] -= strength * detail * fine[index] }
    }
  }

  /// Pixels of alpha 0 keep the input's colours, each repeated where the model enlarges.
  private func keepHiddenColours(_ pixels: inout [Float], of prepared: PreparedImage) {
    let input = prepared.input
    guard let alpha = input.alpha, alpha.contains(where: { !($0 > 0) }) else { return }
    let (width, height) = (scale * input.width, scale * input.height)
    for row in 0..<height {
      for column in 0..<width {
        let index = row / scale * input.width + column / scale
        guard prepared.isHidden(index) else { continue }
        for channel in 0..<input.channelCount {
          pixels[(channel * height + row) * width + column] =
            input.pixels[channel * input.width * input.height + index]
        }
      }
    }
  }
}

extension Image {
  /// An image of `scale` times the sides with the given pixels `[channelCount, scale · H, scale · W]`: alpha
  /// and extra channels are enlarged linearly, and what the image states is kept.
  package func enlarged(by scale: Int, to pixels: [Float], channelCount: Int) -> Image {
    var result = Image(
      width: scale * width, height: scale * height, channelCount: channelCount, pixels: pixels,
      alpha: alpha.map { $0.enlargedLinearly(width, height, by: scale) }, sampleFormat: sampleFormat,
      metadata: metadata)
    result.extraChannels = extraChannels.map { $0.enlargedLinearly(width, height, by: scale) }
    result.notes = notes
    return result
  }
}
