/// The metadata of PNG files (W3C, Portable Network Graphics, third edition).
enum PNGMetadata {
  private static let xmpKeyword = "XML:com.adobe.xmp", iptcKeyword = "Raw profile type iptc"
  private static let textLimit = 64 << 20
  /// Chunks that store the pixels, or say of them what libvips has read.
  private static let storage: Set<String> = [
    "IHDR", "PLTE", "IDAT", "IEND", "tRNS", "bKGD", "hIST", "sBIT", "tIME", "acTL", "fcTL", "fdAT",
  ]

  static func read(_ file: PictureBytes) -> ImageMetadata {
    var result = ImageMetadata()
    var left = textLimit
    for chunk in PNGChunks.chunks(in: file) where !storage.contains(chunk.type) {
      guard chunk.range.count <= left, let bytes = file.bytes(chunk.range.lowerBound, chunk.range.count)
      else {
        result.uncarried.insert("chunk \(chunk.type)")
        continue
      }
      left -= bytes.count
      read(chunk.type, bytes, &left, into: &result)
    }
    return result
  }

  private static func read(
    _ type: String, _ bytes: [UInt8], _ left: inout Int, into result: inout ImageMetadata
  ) {
    func number(_ at: Int) -> Int { bytes[at..<(at + 4)].reduce(0) { $0 << 8 | Int($1) } }
    switch type {
    case "pHYs" where bytes.count == 9:
      result.resolution =
        bytes[8] == 1
        ? Resolution(perMetre: number(0), number(4)) : Resolution(Double(number(0)), Double(number(4)), .none)
    case "iCCP":
      guard let name = bytes.firstIndex(of: 0), name + 2 <= bytes.count,
        let profile = Deflate.inflated(bytes[(name + 2)...], limit: left)
      else { return }
      left -= profile.count
      result.iccProfile = profile
    case "eXIf": if ExifBlock(bytes) != nil { result.exif = ExifBlock.withoutPrefix(bytes) }
    case "cICP" where bytes.count == 4:
      result.colours.codePoints = ColourStatement.CodePoints(
        primaries: Int(bytes[0]), transfer: Int(bytes[1]), matrix: Int(bytes[2]), isFullRange: bytes[3] != 0)
    case "gAMA" where bytes.count == 4: result.colours.gamma = number(0)
    case "cHRM" where bytes.count == 32:
      result.colours.chromaticities = .init(values: (0..<8).map { number(4 * $0) })
    case "sRGB" where bytes.count == 1: result.colours.renderingIntent = Int(bytes[0])
    case "tEXt", "zTXt", "iTXt":
      guard let text = text(type, bytes, &left) else {
        result.uncarried.insert("text (damaged)")
        return
      }
      take(text, into: &result)
    case _ where ColourStatement.lightLevelChunks.contains(type): result.colours.lightLevels[type] = bytes
    case "caBX": result.uncarried.insert("content credentials (JUMBF)")
    default: result.uncarried.insert("chunk \(type.unicodeScalars.allSatisfy(\.isASCII) ? type : "?")")
    }
  }

  private static func text(_ type: String, _ bytes: [UInt8], _ left: inout Int) -> (
    key: PictureText, raw: [UInt8]
  )? {
    guard let keyEnd = bytes.firstIndex(of: 0) else { return nil }
    let keyword = JPEGMetadata.decoded(Array(bytes[..<keyEnd]))
    var rest = bytes[(keyEnd + 1)...]
    func inflated(_ part: ArraySlice<UInt8>) -> [UInt8]? {
      guard let text = Deflate.inflated(part, limit: left) else { return nil }
      left -= text.count
      return text
    }
    switch type {
    case "tEXt": return (PictureText(keyword: keyword, text: latin1(rest)), Array(rest))
    case "zTXt":
      guard rest.first == 0, let raw = inflated(rest.dropFirst()) else { return nil }
      return (PictureText(keyword: keyword, text: latin1(raw[...])), raw)
    default:
      guard rest.count >= 4, let isCompressed = rest.popFirst(), rest.popFirst() == 0,
        let languageEnd = rest.firstIndex(of: 0)
      else { return nil }
      let language = latin1(rest[..<languageEnd])
      rest = rest[(languageEnd + 1)...]
      guard let translatedEnd = rest.firstIndex(of: 0) else { return nil }
      let translated = String(decoding: rest[..<translatedEnd], as: UTF8.self)
      let stored = rest[(translatedEnd + 1)...]
      guard let raw = isCompressed == 0 ? Array(stored) : inflated(stored) else { return nil }
      return (
        PictureText(
          keyword: keyword, text: String(decoding: raw, as: UTF8.self), language: language,
          translated: translated),
        raw
      )
    }
  }

  private static func latin1(_ bytes: ArraySlice<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  /// XMP, and the metadata of other containers that ImageMagick stores, do not count as texts.
  private static func take(_ text: (key: PictureText, raw: [UInt8]), into result: inout ImageMetadata) {
    switch text.key.keyword {
    case xmpKeyword: result.xmp = result.xmp ?? text.raw
    case iptcKeyword, "Raw profile type 8bim":
      if let bytes = unpacked(text.raw) { take(iptc: bytes, into: &result) }
    case "Raw profile type exif", "Raw profile type APP1":
      guard let bytes = unpacked(text.raw) else { return }
      if ExifBlock(bytes) != nil { result.exif = result.exif ?? ExifBlock.withoutPrefix(bytes) }
    case "Raw profile type xmp": result.xmp = result.xmp ?? unpacked(text.raw)
    default: result.texts.append(text.key)
    }
  }

  private static func take(iptc bytes: [UInt8], into result: inout ImageMetadata) {
    let resources = PhotoshopResource.resources(in: bytes)
    if resources.isEmpty, bytes.first == 0x1C {
      result.iptc = result.iptc ?? bytes
    } else {
      result.take(resources)
    }
  }

  /// ImageMagick's form: a name, a count, and hexadecimal digits.
  private static func unpacked(_ text: [UInt8]) -> [UInt8]? {
    let lines = text.split(separator: 10, omittingEmptySubsequences: true)
    guard lines.count >= 3 else { return nil }
    var result: [UInt8] = []
    var high: UInt8?
    for byte in lines[2...].joined() {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue.map(UInt8.init) else { continue }
      if let first = high { result.append(first << 4 | digit) }
      high = high == nil ? digit : nil
    }
    return result.isEmpty ? nil : result
  }

  private static func packed(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    let count = String(bytes.count)
    var text = Array("\n\(name)\n\(String(repeating: " ", count: max(0, 8 - count.count)))\(count)\n".utf8)
    for (index, byte) in bytes.enumerated() {
      text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      if index % 36 == 35 { text.append(10) }
    }
    return text + [10]
  }

  /// The file that libvips wrote, with these metadata before its pixels.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    let chunks = PNGChunks.chunks(in: file)
    guard let header = chunks.first, header.type == "IHDR", chunks.last?.type == "IEND" else { return nil }
    var result = SplicedFile()
    result.keep(0..<header.whole.upperBound)
    func add(_ type: String, _ content: [UInt8]) { result.add(PNGChunks.serialized(type, content)) }
    let colours = metadata.colours
    if let points = colours.codePoints {
      add(
        "cICP", [UInt8(points.primaries & 255), UInt8(points.transfer & 255), 0, points.isFullRange ? 1 : 0])
    }
    if let profile = metadata.iccProfile {
      add("iCCP", Array("icc".utf8) + [0, 0] + Deflate.deflated(profile))
    } else if let intent = colours.renderingIntent {
      add("sRGB", [UInt8(intent & 255)])
    }
    if let gamma = colours.gamma { add("gAMA", bigEndianBytes(gamma, 4)) }
    if let values = colours.chromaticities?.values { add("cHRM", values.flatMap { bigEndianBytes($0, 4) }) }
    for (type, bytes) in colours.lightLevels.sorted(by: { $0.key < $1.key }) { add(type, bytes) }
    if let resolution = metadata.effectiveResolution {
      let numbers = resolution.unit == .none ? resolution.wholeNumbers : resolution.perMetre
      add(
        "pHYs",
        bigEndianBytes(numbers.horizontal, 4) + bigEndianBytes(numbers.vertical, 4)
          + [resolution.unit == .none ? 0 : 1])
    }
    if let exif = metadata.exif { add("eXIf", exif) }
    if let xmp = metadata.wholeXMP { add("iTXt", Array(xmpKeyword.utf8) + [0, 0, 0, 0, 0] + xmp) }
    if let iptc = metadata.iptc {
      let resource = PhotoshopResource(number: PhotoshopResource.iptc, name: [0, 0], bytes: iptc)
      add("zTXt", Array(iptcKeyword.utf8) + [0, 0] + Deflate.deflated(packed("iptc", resource.serialized)))
    }
    for text in metadata.texts { add(text) }
    for chunk in chunks.dropFirst() where ["PLTE", "tRNS", "IDAT", "IEND"].contains(chunk.type) {
      result.keep(chunk.whole)
    }
    return result

    /// Latin-1 where the text is, else UTF-8; line ends stay.
    func add(_ text: PictureText) {
      let keyword = latin1Bytes(text.keyword).map { Array($0.prefix(79)) } ?? Array(PictureText.comment.utf8)
      if text.language.isEmpty, text.translated.isEmpty, let bytes = latin1Bytes(text.text) {
        add("tEXt", keyword + [0] + bytes)
      } else {
        add(
          "iTXt",
          keyword + [0, 0, 0] + (latin1Bytes(text.language) ?? []) + [0] + Array(text.translated.utf8) + [0]
            + Array(text.text.utf8))
      }
    }
  }

  /// Nil where a letter is beyond Latin-1, or a zero.
  private static func latin1Bytes(_ text: String) -> [UInt8]? {
    var result: [UInt8] = []
    for scalar in text.unicodeScalars {
      guard scalar.value > 0, scalar.value < 256 else { return nil }
      result.append(UInt8(scalar.value))
    }
    return result
  }
}
