/// EXIF's statements about the pixels, which must stay true when these change.
extension ExifBlock {
  /// How a viewer turns the pixels: 1 upright to 8; nil if nothing is said.
  var orientation: Int? {
    number(0x0112, in: .image).flatMap { (1...8).contains($0) ? $0 : nil }
  }

  var resolution: Resolution? {
    guard let horizontal = rational(0x011A, in: .image), let vertical = rational(0x011B, in: .image) else {
      return nil
    }
    // Inches are what the standard says where nothing is said.
    let unit = Resolution.Unit(rawValue: number(0x0128, in: .image) ?? 2) ?? .inch
    return Resolution(horizontal, vertical, unit)
  }

  mutating func setResolution(_ resolution: Resolution) {
    set([
      (0x011A, 5, resolution.horizontal), (0x011B, 5, resolution.vertical),
      (0x0128, 3, Double(resolution.unit.rawValue)),
    ])
  }

  /// Whether the colours are Adobe RGB's, as cameras say without a profile: DCF's `R03`.
  var isAdobeRGB: Bool {
    let index = value(0x0001, in: .interoperability).map { Array($0.prefix(3)) }
    return index == Array("R03".utf8) || number(0xA001, in: .photograph) == 2
  }

  /// Says that the colours are sRGB's, where anything is said.
  mutating func setSRGB() {
    replace(0xA001, in: .photograph, by: 1)
    replace(0x0001, in: .interoperability, byText: "R98")
  }

  /// Says that the picture stands upright, where the block says otherwise: for pixels that were turned. A
  /// thumbnail would lie as the pixels did.
  mutating func setUpright() {
    if let orientation, orientation > 1 { removeThumbnail() }
    replace(0x0112, in: .image, by: 1)
  }

  /// Says the picture's size where it is said already; the thumbnail of another size's picture goes.
  mutating func setSize(width: Int, height: Int) {
    let stated = number(0xA002, in: .photograph) ?? number(0x0100, in: .image) ?? width
    if stated != width { removeThumbnail() }
    replace(0xA002, in: .photograph, by: width)
    replace(0xA003, in: .photograph, by: height)
    replace(0x0100, in: .image, by: width)
    replace(0x0101, in: .image, by: height)
  }

  /// The smallest block: no entry at all.
  static var empty: ExifBlock? { ExifBlock([0x49, 0x49, 0x2A, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]) }

  /// The statements by directory and tag, without tags of storage and tags derived from the pixels.
  var statedTags: Set<String> {
    var result: Set<String> = []
    let derived: Set<Int> = [
      0x0100, 0x0101, 0x0112, 0x011A, 0x011B, 0x0128, 0x0213, 0x8769, 0x8825, 0xA002, 0xA003, 0xA005, 0xEA1C,
    ]
    for (directory, name) in [
      (Directory.image, "EXIF"), (.photograph, "EXIF"), (.position, "GPS"), (.interoperability, "Interop"),
    ] {
      for entry in entries(of: directory) where !derived.contains(entry.tag) && entry.byteCount > 0 {
        result.insert("\(name) \(Self.names[entry.tag] ?? "tag \(hexadecimal(entry.tag))")")
      }
    }
    return result
  }

  private static let names: [Int: String] = [
    0x010E: "ImageDescription", 0x010F: "Make", 0x0110: "Model", 0x0131: "Software", 0x0132: "ModifyDate",
    0x013B: "Artist", 0x8298: "Copyright", 0x829A: "ExposureTime", 0x829D: "FNumber", 0x8827: "ISO",
    0x9003: "DateTimeOriginal", 0x9004: "CreateDate", 0x927C: "MakerNote", 0x9286: "UserComment",
    0xA001: "ColorSpace", 0xA431: "SerialNumber", 0xA434: "LensModel", 0x010D: "DocumentName",
    0x011D: "PageName", 0x4746: "Rating", 0x9C9B: "XPTitle", 0x9C9C: "XPComment", 0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords", 0x9C9F: "XPSubject",
  ]
}

/// A tag as documents show it.
func hexadecimal(_ tag: Int) -> String {
  let digits = String(tag, radix: 16, uppercase: true)
  return "0x" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
}
