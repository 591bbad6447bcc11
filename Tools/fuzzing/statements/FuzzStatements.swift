import FuzzDriver

@testable import IRImage

/// Any bytes as what a file states beside its pixels: all own readers, the changes of what they read, and the
/// writers. Nothing is decoded.
private func fuzzStatements(_ start: UnsafePointer<UInt8>, _ count: Int) {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let file = PictureBytes(bytes)
  _ = CameraRaw.name(file)
  guard let format = PictureFormat(firstBytes: bytes) else { return fuzzBlocks(bytes) }
  let layout = format == .tiff ? TIFFLayout(file) : nil
  if let layout, layout.isUncommon { _ = try? UncommonTIFF(file, layout) }
  switch format {
  case .bmp:
    // Own code decodes these.
    if let bitmap = try? BMP(file), bitmap.width * bitmap.height < 1 << 12 { _ = try? bitmap.decoded() }
  case .png: _ = (PNGChunks.defect(file), PNGChunks.frameCount(file))
  case .ppm: _ = PPMHeader(file)
  case .webp: _ = WebPHeader(bytes)
  case .heif: _ = PictureSequence.frameCount(file)
  case .jpeg, .tiff, .jxl: break
  }
  _ = format.end(of: file)
  let metadata = format.metadata(of: file, page: layout?.page ?? 0)
  _ = metadata.stripped()
  let other = metadata.withoutPosition()
  _ = metadata.lost(in: other)
  let changed = metadata.upright(isTurned: count % 2 == 0).fitted(width: 7, height: 5).inSRGB()
  guard let whole = format.splice(changed, into: file) else { return }
  for case .kept(let range) in whole.parts {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
  }
}

/// Any bytes as a block that containers hold.
private func fuzzBlocks(_ bytes: [UInt8]) {
  if var block = ExifBlock(ExifBlock.withoutPrefix(bytes)) {
    _ = (block.statedTags, block.isAdobeRGB, block.orientation, block.resolution)
    block.setUpright()
    block.setSize(width: 7, height: 5)
    block.setSRGB()
    _ = block.removePosition()
    precondition(ExifBlock(block.bytes) != nil)
  }
  var packet = XMPPacket(bytes)
  _ = (packet.attributes, packet.claimsAttachments, packet.joined(with: packet))
  packet.setUpright()
  packet.removeAttachmentClaims()
  packet.removePosition()
  _ = IPTCRecords.withoutPosition(bytes)
}

@_cdecl("fuzz_statements_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  precondition(Vips.isReady)
  return runFuzzer(count, arguments) {
    fuzzStatements($0, $1)
    return 0
  }
}
