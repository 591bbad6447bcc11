import CVips

extension JPEGMetadata {
  private static let segmentLimit = 65_533

  /// The file that libvips wrote, with these metadata.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    guard let segments = JPEGSegments(file), let end = segments.end else { return nil }
    var result = SplicedFile()
    result.add([0xFF, 0xD8])
    result.add(jfif(metadata.effectiveResolution))
    if let exif = fitting(metadata.exif) { result.add(segment(0xE1, exif: exif)) }
    if let xmp = metadata.xmp {
      for segment in xmpSegments(xmp, metadata.extendedXMP) { result.add(segment) }
    }
    let resources = PhotoshopResource.block(metadata)
    for part in parts(resources, segmentLimit - photoshop.utf8.count - 1) {
      result.add(segment(0xED, photoshop, part))
    }
    if let profile = metadata.iccProfile {
      let chunks = parts(profile, segmentLimit - icc.utf8.count - 3)
      for (number, part) in chunks.enumerated() where chunks.count < 256 {
        result.add(segment(0xE2, icc, [UInt8(number + 1), UInt8(chunks.count)] + part))
      }
    }
    for text in metadata.texts where text.keyword == PictureText.comment {
      let bytes = Array(text.text.utf8)
      if bytes.count <= segmentLimit {
        result.add([0xFF, 0xFE] + bigEndianBytes(bytes.count + 2, 2) + bytes)
      }
    }
    if let version = metadata.attachments?.gainMapVersion { result.add(segment(0xE2, gainMap, version)) }
    let kept = segments.segments.filter { ![0xE0, 0xE1, 0xED, 0xFE].contains($0.marker) }
    let body = (kept.first?.whole.lowerBound ?? 2)..<end
    if let attachments = metadata.attachments {
      let base = result.count + 4 + index.utf8.count + 1
      let length = attachments.index.map { 4 + index.utf8.count + 1 + $0.count } ?? 0
      let place = result.count + length + body.count
      if let moved = attachments.index(movedTo: place, base: base) { result.add(segment(0xE2, index, moved)) }
      result.keep(body)
      result.add(attachments.bytes)
    } else {
      result.keep(body)
    }
    return result
  }

  private static func segment(_ marker: UInt8, _ name: String, _ content: some Collection<UInt8>) -> [UInt8] {
    let body = Array(name.utf8) + [0] + content
    return [0xFF, marker] + bigEndianBytes(body.count + 2, 2) + body
  }

  private static func segment(_ marker: UInt8, exif block: [UInt8]) -> [UInt8] {
    segment(marker, exif, [0] + block)
  }

  private static func parts(_ bytes: [UInt8], _ count: Int) -> [ArraySlice<UInt8>] {
    stride(from: 0, to: bytes.count, by: count).map { bytes[$0..<min($0 + count, bytes.count)] }
  }

  private static func jfif(_ resolution: Resolution?) -> [UInt8] {
    let units: [Resolution.Unit: UInt8] = [.none: 0, .inch: 1, .centimetre: 2]
    let numbers = resolution?.wholeNumbers ?? (horizontal: 1, vertical: 1)
    let unit = resolution.flatMap { units[$0.unit] } ?? 0
    return segment(
      0xE0, "JFIF",
      [1, 1, unit] + bigEndianBytes(numbers.horizontal, 2) + bigEndianBytes(numbers.vertical, 2) + [0, 0])
  }

  /// The block, without its thumbnail and then without its maker note where it would not fit a segment.
  private static func fitting(_ exif: [UInt8]?) -> [UInt8]? {
    guard let exif else { return nil }
    let limit = segmentLimit - Self.exif.utf8.count - 2
    if exif.count <= limit { return exif }
    guard var block = ExifBlock(exif) else { return nil }
    block.removeThumbnail()
    if block.bytes.count <= limit { return block.bytes }
    // Written anew, without the gaps.
    var directory = TIFFDirectory(exif: block.bytes)
    directory.children[0x8769]?.entries[0x927C] = nil
    let small = directory.block()
    return small.count <= limit ? small : nil
  }

  /// One segment; or, where it is too long for that, a packet that names the extension, and the extension.
  private static func xmpSegments(_ xmp: [UInt8], _ extended: ImageMetadata.ExtendedXMP?) -> [[UInt8]] {
    var (main, extended) = (xmp, extended)
    if main.count > segmentLimit - Self.xmp.utf8.count - 1 {
      let whole = extended.flatMap { XMPPacket(xmp).joined(with: XMPPacket($0.bytes))?.bytes } ?? xmp
      let digest = md5(whole)
      main = Array(
        """
        <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
        <rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" \
        xmpNote:HasExtendedXMP="\(digest)"/></rdf:RDF></x:xmpmeta>
        """.utf8)
      extended = ImageMetadata.ExtendedXMP(digest: Array(digest.utf8), bytes: whole)
    }
    var result = [segment(0xE1, Self.xmp, main)]
    guard let extended else { return result }
    var offset = 0
    for part in parts(extended.bytes, 65_000) {
      let head = extended.digest + bigEndianBytes(extended.bytes.count, 4) + bigEndianBytes(offset, 4)
      result.append(segment(0xE1, extendedXMP, head + part))
      offset += part.count
    }
    return result
  }

  /// The digest that names the extension, in capital letters.
  private static func md5(_ bytes: [UInt8]) -> String {
    guard let text = g_compute_checksum_for_data(G_CHECKSUM_MD5, bytes, gsize(bytes.count)) else { return "" }
    defer { g_free(text) }
    return String(cString: text).uppercased()
  }
}
