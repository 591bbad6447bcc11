import IRRestorers

/// A picture as a network can take it.
struct PreparedImage {
  /// The input with samples that were not finite mended.
  var input: Image
  /// In the model's channels, hidden colours replaced, the other pictures behind: one for each restoration
  /// that the result is made of.
  var sources: [PicturePlanes]
  var mendedCount: Int

  /// Whether a pixel is fully transparent: nobody sees its colours.
  func isHidden(_ index: Int) -> Bool { input.alpha.map { !($0[index] > 0) } ?? false }
}

extension Restorer {
  /// The image as the model takes it: finite, with the model's channels, the colours under alpha 0 continued
  /// from the pixels beside them.
  func prepared(_ image: Image) throws -> PreparedImage {
    var input = image
    let mendedCount = try input.mendNonFiniteSamples()
    var source = input
    source.fillHiddenColours()
    let planes = PicturePlanes(channelCount == 3 ? source.asColour() : source)
    var sources = [planes]
    if planes.count > channelCount {
      // A network that makes colours of grey makes them once.
      let isByLuma = settings.greyHandling == .luma || resultChannelCount != channelCount
      sources = isByLuma ? [planes.luma] : (0..<planes.count).map { planes.plane($0) }
    }
    let others = try model.pictures.map { try otherPicture($0, beside: image) }
    return PreparedImage(
      input: input, sources: sources.map { others.reduce($0, +) }, mendedCount: mendedCount)
  }

  private func otherPicture(_ port: ImagePort, beside image: Image) throws -> PicturePlanes {
    guard var picture = settings.pictures[port.name] else {
      throw RestorationError.unsuitableImage(
        detail: "no picture was given for the model's input \(port.name)")
    }
    guard picture.width == image.width, picture.height == image.height else {
      throw RestorationError.unsuitableImage(
        detail: "the picture for \(port.name) has \(picture.width)×\(picture.height) pixels, "
          + "the image \(image.width)×\(image.height)")
    }
    _ = try picture.mendNonFiniteSamples()
    if port.channelCount == 1 { return PicturePlanes(picture).luma }
    let colour = PicturePlanes(picture.asColour())
    // A fourth channel of a second picture is its alpha.
    guard port.channelCount == 4 else { return colour }
    let alpha = picture.alpha ?? [Float](repeating: 1, count: picture.width * picture.height)
    return colour + PicturePlanes(count: 1, height: picture.height, width: picture.width, samples: alpha)
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

  /// Continues the colours of visible pixels into those of alpha 0, so that invisible pixels are not an edge
  /// to a network. A picture without a visible pixel stays as it is.
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
