/// A picture as a network can take it.
struct PreparedImage {
  /// The input with samples that were not finite mended.
  var input: Image
  /// In the model's channels, hidden colours replaced.
  var source: Image
  var mendedCount: Int

  /// Whether a pixel is fully transparent: nobody sees its colours.
  func isHidden(_ index: Int) -> Bool { input.alpha.map { !($0[index] > 0) } ?? false }
}

extension Restorer {
  /// The image as the model takes it: finite, with the model's channels, the colours under alpha 0 continued from
  /// the pixels beside them.
  func prepared(_ image: Image) throws -> PreparedImage {
    let isGreyInColour = image.channelCount == 1 && channelCount == 3
    guard image.channelCount == channelCount || isGreyInColour else {
      throw RestorationError.unsuitableImage(
        detail: "the model \(path) takes grey images, this one has colour")
    }
    let (height, width) = (fixedSides.height ?? image.height, fixedSides.width ?? image.width)
    guard height == image.height, width == image.width else {
      throw RestorationError.unsuitableImage(
        detail: "the model takes float32[1, \(channelCount), \(height), \(width)] only, "
          + "the image has \(image.height) rows of \(image.width) pixels")
    }
    var input = image
    let mendedCount = try input.mendNonFiniteSamples()
    var source = input
    source.fillHiddenColours()
    return PreparedImage(
      input: input, source: isGreyInColour ? source.asColour() : source, mendedCount: mendedCount)
  }
}

extension Image {
  /// Replaces samples of colour and alpha that are infinite or not a number by the mean of their finite
  /// neighbours.
  /// - Returns: how many there were.
  /// - Throws: `RestorationError.unsuitableImage` if a channel has no finite sample.
  package mutating func mendNonFiniteSamples() throws(RestorationError) -> Int {
    let planeCount = width * height
    var mendedCount = 0
    func mend(_ samples: inout [Float], _ start: Int, _ name: String) throws(RestorationError) {
      let unknown = samples[start..<(start + planeCount)].count { !$0.isFinite }
      guard unknown > 0 else { return }
      mendedCount += unknown
      let isMended = samples.withUnsafeMutableBufferPointer { buffer in
        let plane = UnsafeMutableBufferPointer(rebasing: buffer[start..<(start + planeCount)])
        return NeighbourFill.fill(plane, width: width, height: height) { !plane[$0].isFinite }
      }
      guard isMended else {
        throw .unsuitableImage(
          detail: "all \(planeCount) samples of \(name) are infinite or not numbers: nothing can be restored")
      }
    }
    for channel in 0..<channelCount { try mend(&pixels, channel * planeCount, "channel \(channel + 1)") }
    if var samples = alpha {
      try mend(&samples, 0, "alpha")
      alpha = samples
    }
    return mendedCount
  }

  /// Continues the colours of visible pixels into those of alpha 0, so that what nobody sees is no edge to a
  /// network. A picture without a visible pixel stays as it is.
  package mutating func fillHiddenColours() {
    guard let alpha, alpha.contains(where: { !($0 > 0) }) else { return }
    let planeCount = width * height
    pixels.withUnsafeMutableBufferPointer { buffer in
      for channel in 0..<channelCount {
        let plane = UnsafeMutableBufferPointer(
          rebasing: buffer[(channel * planeCount)..<((channel + 1) * planeCount)])
        _ = NeighbourFill.fill(plane, width: width, height: height) { !(alpha[$0] > 0) }
      }
    }
  }
}
