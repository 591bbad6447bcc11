import IRPicture

/// Frames of luma and two planes of chroma, or of luma alone.
package struct YCbCr: FrameCoding, Hashable {
  /// The weights of red and blue in luma.
  package enum Matrix: String, CaseIterable, Sendable {
    case bt601 = "601"
    case bt709 = "709"

    var weights: (red: Float, blue: Float) {
      switch self {
      case .bt601: (0.299, 0.114)
      case .bt709: (0.2126, 0.0722)
      }
    }

    /// The matrix of frames of these sides where nobody says: those larger than standard definition are of
    /// BT.709.
    package static func usual(width: Int, height: Int) -> Matrix {
      width > 1024 || height > 576 ? .bt709 : .bt601
    }
  }

  package var width: Int
  package var height: Int
  /// Nil for luma alone.
  package var chroma: ChromaGrid?
  /// 8...16.
  package var bits: Int
  package var matrix: Matrix
  /// Whether black and white are the ends of the numbers, not 16 and 235 of 255.
  package var isFullRange: Bool

  package init(
    width: Int, height: Int, chroma: ChromaGrid?, bits: Int, matrix: Matrix, isFullRange: Bool
  ) {
    (self.width, self.height, self.chroma, self.bits) = (width, height, chroma, bits)
    (self.matrix, self.isFullRange) = (matrix, isFullRange)
  }

  /// Whether readers that are told nothing take the colours for what they are.
  package var hasUsualMatrix: Bool { chroma == nil || matrix == .usual(width: width, height: height) }

  private var samples: SampleCoding { SampleCoding(bits: bits) }
  private var lumaCount: Int { width * height }
  private var chromaCount: Int { chroma.map { $0.width(width) * $0.height(height) } ?? 0 }
  package var byteCount: Int { (lumaCount + 2 * chromaCount) * samples.byteCount }

  /// The numbers for black, for white above black, for no colour, and for the whole of a colour.
  private var levels: (black: Float, white: Float, grey: Float, colour: Float) {
    let unit = Float(1 << (bits - 8))
    let largest = Float(samples.largest)
    return isFullRange ? (0, largest, 128 * unit, largest) : (16 * unit, 219 * unit, 128 * unit, 224 * unit)
  }

  package func enlarged(by scale: Int) -> YCbCr {
    var result = self
    (result.width, result.height) = (scale * width, scale * height)
    return result
  }

  package func image(_ bytes: [UInt8]) -> Image {
    precondition(bytes.count == byteCount)
    let levels = levels
    let luma = samples.floats(bytes, from: 0, count: lumaCount, zero: levels.black, scale: levels.white)
    let format: Image.SampleFormat = bits == 8 ? .uint8 : .uint16
    guard let chroma else {
      return Image(width: width, height: height, channelCount: 1, pixels: luma, sampleFormat: format)
    }
    let blue = chroma.spread(storedChroma(0, bytes), width: width, height: height)
    let red = chroma.spread(storedChroma(1, bytes), width: width, height: height)
    let weights = matrix.weights
    let green = 1 - weights.red - weights.blue
    let count = lumaCount
    let pixels = [Float](unsafeUninitializedCapacity: 3 * count) { target, initialized in
      for index in 0..<count {
        let r = luma[index] + 2 * (1 - weights.red) * red[index]
        let b = luma[index] + 2 * (1 - weights.blue) * blue[index]
        target[index] = r
        target[count + index] = (luma[index] - weights.red * r - weights.blue * b) / green
        target[2 * count + index] = b
      }
      initialized = 3 * count
    }
    return Image(width: width, height: height, channelCount: 3, pixels: pixels, sampleFormat: format)
  }

  /// A plane of chroma as it is stored, -0.5...0.5.
  private func storedChroma(_ plane: Int, _ bytes: [UInt8]) -> [Float] {
    samples.floats(
      bytes, from: lumaCount + plane * chromaCount, count: chromaCount, zero: levels.grey,
      scale: levels.colour)
  }

  package func bytes(_ image: Image, original: [UInt8]?) throws(VideoError) -> [UInt8] {
    try check(image, colours: chroma == nil ? 1 : 3)
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let levels = levels
    guard let chroma else {
      samples.store(image.pixels, to: &bytes, at: 0, zero: levels.black, scale: levels.white)
      return bytes
    }
    let weights = matrix.weights
    let count = lumaCount
    var luma = [Float](repeating: 0, count: count)
    var (blue, red) = (luma, luma)
    let green = 1 - weights.red - weights.blue
    let pixels = image.pixels
    for index in 0..<count {
      let (r, g, b) = (pixels[index], pixels[count + index], pixels[2 * count + index])
      let y = weights.red * r + green * g + weights.blue * b
      luma[index] = y
      blue[index] = (b - y) / (2 * (1 - weights.blue))
      red[index] = (r - y) / (2 * (1 - weights.red))
    }
    samples.store(luma, to: &bytes, at: 0, zero: levels.black, scale: levels.white)
    for (plane, values) in [blue, red].enumerated() {
      let stored = storing(values, plane, chroma, original)
      samples.store(
        stored, to: &bytes, at: count + plane * chromaCount, zero: levels.grey, scale: levels.colour)
    }
    return bytes
  }

  /// A plane of chroma at its places: what the original stored, and the mean of what changed.
  private func storing(
    _ values: [Float], _ plane: Int, _ chroma: ChromaGrid, _ original: [UInt8]?
  ) -> [Float] {
    guard let original, original.count == byteCount else {
      return chroma.gather(values, width: width, height: height)
    }
    let before = storedChroma(plane, original)
    let spread = chroma.spread(before, width: width, height: height)
    let change = chroma.gather(zip(values, spread).map { $0 - $1 }, width: width, height: height)
    return zip(before, change).map { $0 + $1 }
  }
}
