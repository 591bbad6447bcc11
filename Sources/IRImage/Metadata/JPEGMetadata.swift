/// The metadata of JPEG files: JFIF, EXIF, XMP with its extension, Photoshop's resources with IPTC, comments,
/// and what lies behind the picture.
enum JPEGMetadata {
  static let exif = "Exif", xmp = "http://ns.adobe.com/xap/1.0/"
  static let extendedXMP = "http://ns.adobe.com/xmp/extension/", photoshop = "Photoshop 3.0"
  static let icc = "ICC_PROFILE", index = "MPF", gainMap = "urn:iso:std:iso:ts:21496:-1"

  static func read(_ file: PictureBytes) -> ImageMetadata {
    var result = ImageMetadata()
    guard let segments = JPEGSegments(file) else { return result }
    func contents(_ marker: UInt8, _ name: String) -> [(bytes: [UInt8], offset: Int)] {
      segments.contents(marker, name, in: file)
    }
    result.resolution = contents(0xE0, "JFIF").first.flatMap { density($0.bytes) }
    result.exif = exifBlock(contents(0xE1, exif).map(\.bytes))
    result.xmp = contents(0xE1, xmp).first?.bytes
    readExtension(contents(0xE1, extendedXMP).map(\.bytes), into: &result)
    let profile = contents(0xE2, icc).map(\.bytes).filter { $0.count > 2 }.sorted { $0[0] < $1[0] }
    if !profile.isEmpty { result.iccProfile = profile.flatMap { $0.dropFirst(2) } }
    result.take(PhotoshopResource.resources(in: contents(0xED, photoshop).flatMap(\.bytes)))
    for segment in segments.segments where segment.marker == 0xFE {
      guard let bytes = file.bytes(segment.range.lowerBound, segment.range.count) else { continue }
      let text = Array(bytes.reversed().drop { $0 == 0 }.reversed())
      if !text.isEmpty { result.texts.append(PictureText(keyword: PictureText.comment, text: decoded(text))) }
    }
    result.uncarried.formUnion(unknown(segments, file))
    readAttachments(segments, file, into: &result)
    return result
  }

  /// The offset behind the picture; nil if the file says that more belongs to it.
  static func end(of file: PictureBytes) -> Int? {
    guard let segments = JPEGSegments(file), segments.contents(0xE2, index, in: file).isEmpty,
      segments.contents(0xE2, gainMap, in: file).isEmpty
    else { return nil }
    let claims = segments.contents(0xE1, xmp, in: file).contains { XMPPacket($0.bytes).claimsAttachments }
    return claims ? nil : segments.end
  }

  /// UTF-8 where it is, else Latin-1.
  static func decoded(_ bytes: [UInt8]) -> String {
    String(validating: bytes, as: UTF8.self)
      ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
  }

  private static func density(_ jfif: [UInt8]) -> Resolution? {
    guard jfif.count >= 7 else { return nil }
    let (x, y) = (Double(jfif[3]) * 256 + Double(jfif[4]), Double(jfif[5]) * 256 + Double(jfif[6]))
    let units: [UInt8: Resolution.Unit] = [0: .none, 1: .inch, 2: .centimetre]
    return units[jfif[2]].flatMap { Resolution(x, y, $0) }
  }

  /// The block; one that is longer than a segment goes on in those that follow.
  private static func exifBlock(_ parts: [[UInt8]]) -> [UInt8]? {
    // Behind the letters stands one more zero.
    guard let first = parts.first?.dropFirst(), ExifBlock(Array(first)) != nil else { return nil }
    var block = Array(first)
    for part in parts.dropFirst() where block.count % 65_527 == 0 && ExifBlock(Array(part.dropFirst())) == nil
    {
      block += part.dropFirst()
    }
    return block
  }

  private static func readExtension(_ parts: [[UInt8]], into result: inout ImageMetadata) {
    guard let xmp = result.xmp else { return }
    var packet = XMPPacket(xmp)
    guard packet.contains("HasExtendedXMP") else { return }
    var pieces: [Int: ArraySlice<UInt8>] = [:]
    var (digest, total) = ([UInt8](), 0)
    for part in parts where part.count > 40 {
      let own = Array(part[..<32])
      guard packet.contains(String(decoding: own, as: UTF8.self)) else { continue }
      digest = own
      total = part[32..<36].reduce(0) { $0 << 8 | Int($1) }
      pieces[part[36..<40].reduce(0) { $0 << 8 | Int($1) }] = part[40...]
    }
    var bytes: [UInt8] = []
    for (offset, piece) in pieces.sorted(by: { $0.key < $1.key }) where offset == bytes.count {
      bytes += piece
    }
    if !bytes.isEmpty, bytes.count == total {
      result.extendedXMP = ImageMetadata.ExtendedXMP(digest: digest, bytes: bytes)
    } else {
      result.uncarried.insert("extended XMP (damaged)")
      packet.removeProperties { $0 == "xmpNote:HasExtendedXMP" }
      result.xmp = packet.bytes
    }
  }

  /// Names of segments that nobody carries.
  private static func unknown(_ segments: JPEGSegments, _ file: PictureBytes) -> Set<String> {
    let known: [UInt8: [String]] = [
      0xE0: ["JFIF", "JFXX", "AVI1"], 0xE1: [exif, xmp, extendedXMP], 0xE2: [icc, index, gainMap],
      0xEC: ["Ducky"], 0xED: [photoshop, "Adobe_CM"], 0xEE: ["Adobe"],
    ]
    var result: Set<String> = []
    for segment in segments.segments where (0xE0...0xEF).contains(segment.marker) {
      let start = file.bytes(segment.range.lowerBound, min(64, segment.range.count)) ?? []
      if known[segment.marker, default: []].contains(where: { start.starts(with: $0.utf8) }) { continue }
      if segment.marker == 0xEB, start.starts(with: "JP".utf8) {
        result.insert("content credentials (JUMBF)")
        continue
      }
      let name = String(decoding: start.prefix { (33..<127).contains($0) }.prefix(24), as: UTF8.self)
      result.insert("segment APP\(segment.marker - 0xE0)" + (name.isEmpty ? "" : " \(name)"))
    }
    return result
  }

  private static func readAttachments(
    _ segments: JPEGSegments, _ file: PictureBytes, into result: inout ImageMetadata
  ) {
    guard let end = segments.end, end < file.count else { return }
    guard file.count - end <= JPEGAttachments.byteCountLimit, let bytes = file.bytes(end, file.count - end)
    else {
      result.uncarried.insert("\(file.count - end) bytes behind the picture")
      return
    }
    // Padding.
    if bytes.allSatisfy({ $0 == 0 || $0 == 0xFF || $0 == 0x0A || $0 == 0x0D || $0 == 0x20 }) { return }
    let index = segments.contents(0xE2, index, in: file).first
    // Large thumbnails show the pixels as they were, as small ones do.
    if index.flatMap({ PictureIndex($0.bytes) })?.holdsPreviewsOnly == true { return }
    let gainMap = segments.contents(0xE2, gainMap, in: file).first
    let claims = result.xmp.map { XMPPacket($0) }
    let name: String
    let hasApples = bytes.prefix(1 << 16).firstRange(of: Array("hdrgainmap".utf8)) != nil
    if gainMap != nil || hasApples || claims?.contains("hdrgm:") == true {
      name = "gain map"
    } else if claims?.contains("MotionPhoto") == true || claims?.contains("MicroVideo") == true {
      name = "motion video"
    } else if let count = index.flatMap({ PictureIndex($0.bytes) })?.count, count > 1 {
      name = count == 2 ? "second picture" : "\(count - 1) further pictures"
    } else {
      name = "data behind the picture"
    }
    result.attachments = JPEGAttachments(
      name: name, bytes: bytes, offset: end, index: index?.bytes, indexOffset: index?.offset ?? 0,
      gainMapVersion: gainMap?.bytes)
  }
}
