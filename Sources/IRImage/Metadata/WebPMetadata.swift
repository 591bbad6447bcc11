/// The metadata of WebP files (WebP container specification).
enum WebPMetadata {
  private struct Chunk {
    var type: String
    var range: Range<Int>
    var whole: Range<Int>
  }

  private static func chunks(in file: PictureBytes) -> [Chunk] {
    guard file.reads("RIFF", at: 0), file.reads("WEBP", at: 8) else { return [] }
    var result: [Chunk] = []
    var offset = 12
    while result.count < 1 << 16, let name = file.bytes(offset, 4),
      let count = file.littleEndian(offset + 4, 4)
    {
      let start = offset + 8
      guard count <= file.count - start else { break }
      let end = min(start + count + count % 2, file.count)
      result.append(
        Chunk(
          type: String(decoding: name, as: UTF8.self), range: start..<(start + count), whole: offset..<end))
      offset = end
    }
    return result
  }

  static func read(_ file: PictureBytes) -> ImageMetadata {
    var result = ImageMetadata()
    for chunk in chunks(in: file) {
      func bytes() -> [UInt8]? { file.bytes(chunk.range.lowerBound, chunk.range.count) }
      switch chunk.type {
      case "EXIF":
        if let bytes = bytes(), ExifBlock(bytes) != nil {
          result.exif = result.exif ?? ExifBlock.withoutPrefix(bytes)
        } else {
          result.uncarried.insert("EXIF (damaged)")
        }
      case "XMP ": result.xmp = result.xmp ?? bytes()
      case "ICCP": result.iccProfile = result.iccProfile ?? bytes()
      case "VP8L": result.encoding.isLossless = true
      case "VP8X", "VP8 ", "ALPH", "ANIM", "ANMF": break
      default:
        result.uncarried.insert("chunk \(chunk.type.unicodeScalars.allSatisfy(\.isASCII) ? chunk.type : "?")")
      }
    }
    return result
  }

  /// The file that libvips wrote, with these metadata behind its pixels.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    let chunks = chunks(in: file)
    let pixels = chunks.filter { ["ALPH", "VP8 ", "VP8L"].contains($0.type) }
    guard let first = file.bytes(0, WebPHeader.byteCount).flatMap({ WebPHeader($0) }), let last = pixels.last
    else {
      return nil
    }
    let exif = metadata.exifWithResolution
    let xmp = metadata.wholeXMP
    func serialized(_ type: String, _ content: [UInt8]) -> [UInt8] {
      Array(type.utf8) + littleEndianBytes(content.count, 4) + content + (content.count % 2 == 1 ? [0] : [])
    }
    var hasAlpha = pixels.contains { $0.type == "ALPH" }
    // The lossless bitstream says itself whether it holds alpha.
    if last.type == "VP8L", let field = file.littleEndian(last.range.lowerBound + 1, 4), field >> 28 & 1 == 1
    {
      hasAlpha = true
    }
    let flags =
      (metadata.iccProfile == nil ? 0 : 0x20) | (hasAlpha ? 0x10 : 0) | (exif == nil ? 0 : 8)
      | (xmp == nil ? 0 : 4)
    var body = SplicedFile()
    // libvips 8.14 writes EXIF whatever it is told; pixels alone need no header.
    if flags & ~0x10 != 0 || last.type != "VP8L" && hasAlpha {
      body.add(
        serialized(
          "VP8X",
          [UInt8(flags), 0, 0, 0] + littleEndianBytes(first.width - 1, 3)
            + littleEndianBytes(first.height - 1, 3)))
    }
    if let profile = metadata.iccProfile { body.add(serialized("ICCP", profile)) }
    for chunk in pixels {
      body.keep(chunk.whole)
      if chunk.whole.count % 2 == 1 { body.add([0]) }
    }
    if let exif { body.add(serialized("EXIF", exif)) }
    if let xmp { body.add(serialized("XMP ", xmp)) }
    var result = SplicedFile()
    result.add(Array("RIFF".utf8) + littleEndianBytes(body.count + 4, 4) + Array("WEBP".utf8))
    for part in body.parts {
      switch part {
      case .kept(let range): result.keep(range)
      case .new(let bytes): result.add(bytes)
      }
    }
    return result
  }
}

extension ImageMetadata {
  /// EXIF for containers without a resolution of their own; a block of that alone where there is none.
  var exifWithResolution: [UInt8]? {
    guard let resolution, var block = exif.flatMap({ ExifBlock($0) }) ?? ExifBlock.empty else { return exif }
    if let stated = block.resolution, stated.agrees(with: resolution) { return block.bytes }
    guard resolution.unit != .none else { return exif }
    block.setResolution(resolution)
    return block.bytes
  }
}
