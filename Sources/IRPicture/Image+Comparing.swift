extension Image {
  /// Two pictures of one size in one: the left half of the first, the right half of the second, a white line
  /// between; 8-bit colour without metadata.
  /// - Throws: `ImageError.mismatch` if sizes differ.
  public static func split(_ before: Image, _ after: Image) throws(ImageError) -> Image {
    let (before, after) = (before.asColour(), after.asColour())
    try requireEqualSizes(before, after)
    let (width, height) = (before.width, before.height)
    var pixels = after.pixels
    for row in 0..<(3 * height) {
      let start = row * width
      pixels.replaceSubrange(start..<(start + width / 2), with: before.pixels[start..<(start + width / 2)])
      for column in max(0, width / 2 - 1)..<min(width, width / 2 + 1) where width > 8 {
        pixels[start + column] = 1
      }
    }
    return Image(width: width, height: height, channelCount: 3, pixels: pixels)
  }

  /// The difference of two pictures of one size around middle grey, `gain` times as large; 8-bit colour
  /// without metadata.
  /// - Throws: `ImageError.mismatch` if sizes differ.
  public static func difference(
    _ before: Image, _ after: Image, gain: Float = 4
  ) throws(ImageError) -> Image {
    let (before, after) = (before.asColour(), after.asColour())
    try requireEqualSizes(before, after)
    let pixels = zip(after.pixels, before.pixels).map { 0.5 + gain * ($0 - $1) }
    return Image(width: before.width, height: before.height, channelCount: 3, pixels: pixels)
  }

  private static func requireEqualSizes(_ a: Image, _ b: Image) throws(ImageError) {
    guard a.width == b.width, a.height == b.height else {
      throw .mismatch(
        detail: "pictures of \(a.width)×\(a.height) and \(b.width)×\(b.height) pixels cannot be compared")
    }
  }
}
