/// An image in memory: planar float32, with black at 0 and white at 1; values beyond are kept. Colours are in
/// the colour space of `metadata.iccProfile`, else in sRGB.
public struct Image: Sendable {
  public let width: Int
  public let height: Int
  /// 1 for grey, 3 for red, green and blue.
  public let channelCount: Int
  /// `[C, H, W]`, row-major.
  public var pixels: [Float]
  /// `[H, W]`, from 0 (transparent) to 1 (opaque); nil without alpha.
  public var alpha: [Float]?
  /// The sample format of the file, in which `ImageFile` writes the image unless told otherwise.
  public var sampleFormat: SampleFormat
  public var metadata: ImageMetadata
  /// Further channels of a TIFF file, `[H, W]` each: a scanner's infrared, a mask.
  public var extraChannels: [[Float]] = []
  /// Sentences for the user about the file: its colours were converted, it is damaged.
  public var notes: [String] = []

  /// Makes an image of its planes.
  /// - Precondition: the planes have the stated sizes.
  public init(
    width: Int, height: Int, channelCount: Int, pixels: [Float], alpha: [Float]? = nil,
    sampleFormat: SampleFormat = .uint8, metadata: ImageMetadata = ImageMetadata()
  ) {
    precondition(width > 0 && height > 0 && (channelCount == 1 || channelCount == 3))
    precondition(pixels.count == width * height * channelCount)
    precondition(alpha.map { $0.count == width * height } ?? true)
    self.width = width
    self.height = height
    self.channelCount = channelCount
    self.pixels = pixels
    self.alpha = alpha
    self.sampleFormat = sampleFormat
    self.metadata = metadata
  }

  /// The format of a sample in a file.
  public enum SampleFormat: String, Sendable, CaseIterable {
    case uint8, uint16, float32

    /// The value of white.
    public var white: Float {
      switch self {
      case .uint8: 255
      case .uint16: 65535
      case .float32: 1
      }
    }
  }

  /// The image in colour: a grey channel is repeated three times.
  public func asColour() -> Image {
    guard channelCount == 1 else { return self }
    return replacing(pixels: pixels + pixels + pixels, channelCount: 3)
  }

  /// The image with other pixels, and everything else kept.
  /// - Precondition: `pixels` is `[channelCount, H, W]`.
  public func replacing(pixels: [Float], channelCount: Int) -> Image {
    var result = Image(
      width: width, height: height, channelCount: channelCount, pixels: pixels, alpha: alpha,
      sampleFormat: sampleFormat, metadata: metadata)
    result.extraChannels = extraChannels
    result.notes = notes
    return result
  }

  /// Images of one height side by side, with a grey gap between, in 8-bit colour without metadata.
  /// - Throws: `ImageError.mismatch` if heights differ.
  public static func sideBySide(_ images: [Image], gap: Int = 8) throws(ImageError) -> Image {
    guard let first = images.first else { throw .mismatch(detail: "no pictures to put side by side") }
    let height = first.height
    for image in images where image.height != height {
      throw .mismatch(detail: "pictures of heights \(height) and \(image.height) side by side")
    }
    let width = images.reduce(0) { $0 + $1.width } + gap * (images.count - 1)
    var pixels = [Float](repeating: 0.5, count: 3 * width * height)
    var left = 0
    for image in images.map({ $0.asColour() }) {
      for row in 0..<(3 * height) {
        let source = image.pixels[(row * image.width)..<((row + 1) * image.width)]
        pixels.replaceSubrange((row * width + left)..<(row * width + left + image.width), with: source)
      }
      left += image.width + gap
    }
    return Image(width: width, height: height, channelCount: 3, pixels: pixels)
  }
}
