/// The metadata of JPEG XL files (ISO/IEC 18181-2): boxes beside the codestream.
enum JXLMetadata {
  private static let signature: [UInt8] = [0, 0, 0, 12, 0x4A, 0x58, 0x4C, 0x20, 0x0D, 0x0A, 0x87, 0x0A]

  static func read(_ file: PictureBytes) -> ImageMetadata {
    var result = ImageMetadata()
    guard file.bytes(0, 12) == signature else { return result }
    for box in ISOBox.boxes(of: file) {
      func bytes() -> [UInt8]? { file.bytes(box.range.lowerBound, box.range.count) }
      switch box.type {
      case "Exif":
        guard let bytes = bytes(), bytes.count > 4 else { break }
        let skipped = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        let block = Array(bytes.dropFirst(4 + min(skipped, bytes.count)))
        if ExifBlock(block) != nil { result.exif = result.exif ?? ExifBlock.withoutPrefix(block) }
      case "xml ": result.xmp = result.xmp ?? bytes()
      case "brob":
        result.uncarried.insert(
          "compressed box \(file.bytes(box.range.lowerBound, 4).map { String(decoding: $0, as: UTF8.self) } ?? "")"
        )
      case "jumb": result.uncarried.insert("content credentials (JUMBF)")
      default: break
      }
    }
    return result
  }

  /// Whether a profile is the one that libjxl makes for pictures in sRGB.
  static func isMadeForSRGB(_ profile: [UInt8]) -> Bool { isMade(profile, for: "_Rel_SRG") }

  /// Whether a profile is the one that libjxl makes for linear light.
  static func isMadeForLight(_ profile: [UInt8]) -> Bool { isMade(profile, for: "_Rel_Lin") }

  private static func isMade(_ profile: [UInt8], for name: String) -> Bool {
    profile.count > 128 && profile[4..<8].elementsEqual("jxl ".utf8)
      && profile.firstRange(of: name.utf8.flatMap { [0, $0] }) != nil
      && (profile.firstRange(of: "D65_SRG".utf8.flatMap { [0, $0] }) != nil
        || profile.firstRange(of: "Gra_D65".utf8.flatMap { [0, $0] }) != nil)
  }

  /// The codestream that libvips wrote, in boxes with these metadata.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    let exif = metadata.exifWithResolution
    let xmp = metadata.wholeXMP
    var result = SplicedFile()
    guard file.bytes(0, 2) == [0xFF, 0x0A], exif != nil || xmp != nil else {
      result.keep(0..<file.count)
      return result
    }
    result.add(signature + ISOBox.serialized("ftyp", Array("jxl ".utf8) + [0, 0, 0, 0] + Array("jxl ".utf8)))
    if let exif { result.add(ISOBox.serialized("Exif", [0, 0, 0, 0] + exif)) }
    if let xmp { result.add(ISOBox.serialized("xml ", xmp)) }
    // A size of 0 lasts to the file's end.
    result.add([0, 0, 0, 0] + Array("jxlc".utf8))
    result.keep(0..<file.count)
    return result
  }
}
