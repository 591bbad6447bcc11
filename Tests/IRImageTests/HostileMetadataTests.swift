import Foundation
import Testing

@testable import IRImage

private func little(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// A row of a classic TIFF directory.
private func row(_ tag: Int, _ type: Int, _ count: Int, _ value: Int) -> [UInt8] {
  little(tag, 2) + little(type, 2) + little(count, 4) + little(value, 4)
}

/// An EXIF block of one directory whose rows all lead to the directory itself.
@Test
func directoriesThatLeadToThemselvesEnd() {
  let rows = 4096
  var block: [UInt8] = [0x49, 0x49, 0x2A, 0] + little(8, 4) + little(rows, 2)
  for _ in 0..<rows { block += row(0x8769, 4, 1, 8) }
  block += little(0, 4)
  let directory = TIFFDirectory(exif: block)
  #expect(directory.children.count <= 1)
}

/// Directories that overlap: one begins every 12 bytes, and each names a later one.
@Test
func overlappingPagesEnd() {
  let rows = 2048
  var block: [UInt8] = [0x49, 0x49, 0x2A, 0] + little(8, 4)
  for i in 0..<(1 << 15) {
    // The first two bytes are a count of rows, the last four an offset of another directory.
    block += little(rows, 2) + little(4, 2) + little(1, 4) + little(8 + 12 * (i + 1), 4)
  }
  #expect((TIFFReader(PictureBytes(block))?.pages.count ?? 0) < 1 << 14)
}

@Test func sizesAndOffsetsOfTIFFsDoNotOverflow() throws {
  // Sides of 2³² and 12 bits: more than 2⁶⁴ bits.
  var packed: [UInt8] = [0x49, 0x49, 0x2A, 0] + little(8, 4) + little(7, 2)
  packed += row(0x100, 4, 1, 0xFFFF_FFFF) + row(0x101, 4, 1, 0xFFFF_FFFF) + row(0x102, 3, 1, 12)
  packed += row(0x103, 3, 1, 1) + row(0x106, 3, 1, 1) + row(0x111, 4, 1, 8) + row(0x117, 4, 1, 1)
  packed += little(0, 4)
  // BigTIFF: a tag of raw files whose array of 8-byte numbers begins near 2⁶³.
  var big: [UInt8] = [0x49, 0x49, 0x2B, 0] + little(8, 2) + little(0, 2) + little(16, 8) + little(1, 8)
  big += little(0xC612, 2) + little(16, 2) + little(2, 8) + little(.max, 8) + little(0, 8)
  for bytes in [packed, big] {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID()).tif").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(throws: ImageError.self) { try ImageFile.read(path) }
  }
}

/// Tags that never end are read once, and the packet goes whole where places are to be removed.
@Test
func tagsWithoutEndsAreReadOnce() {
  var metadata = ImageMetadata()
  metadata.xmp = Array("<x:xmpmeta>hdrgm:".utf8) + [UInt8](repeating: UInt8(ascii: "<"), count: 1 << 21)
  #expect(metadata.withoutPosition().xmp == nil)
  var packet = XMPPacket(metadata.xmp ?? [])
  packet.removeProperties { _ in false }
  #expect(packet.isDamaged)
}

@Test func placesInPacketsThatCannotBeReadGoWhole() {
  let place = #"<x:xmpmeta exif:GPSLatitude="52,30N"/>"#
  var metadata = ImageMetadata()
  metadata.xmp = place.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
  #expect(metadata.withoutPosition().xmp == nil)
  metadata.xmp = Array("<x:xmpmeta/>".utf8)
  metadata.extendedXMP = ImageMetadata.ExtendedXMP(
    digest: [UInt8](repeating: 0x41, count: 32), bytes: Array("<!-- exif:GPS --><exif:GPSLatitude>52".utf8))
  #expect(metadata.withoutPosition().extendedXMP == nil)
}

/// Extents of sizes 0 take no bytes of their box: 98 KB would state 16,384 items of 65,535 extents each, 17
/// GB of memory.
@Test func extentsWithoutBytesAreCounted() throws {
  let rows: [UInt8] = (1...16_384).flatMap { (item: Int) -> [UInt8] in
    bigEndianBytes(item, 2) + [0, 0, 0xFF, 0xFF]
  }
  // Version 0, sizes of 0 for offsets, lengths and bases.
  let iloc = ISOBox.serialized("iloc", [0, 0, 0, 0, 0, 0] + bigEndianBytes(16_384, 2) + rows)
  let file =
    ISOBox.serialized("ftyp", Array("heic".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8))
    + ISOBox.serialized("meta", [0, 0, 0, 0] + ISOBox.serialized("pitm", [0, 0, 0, 0, 0, 1]) + iloc)
  #expect(file.count < 100_000)
  #expect((HEIFItems(PictureBytes(file))?.locations.reduce(0) { $0 + $1.extents.count } ?? 0) < 1 << 15)
  #expect(throws: ImageError.self) { try ImageFile.read(bytes: Data(file), name: "a.heic") }
}

/// Boxes that end before what every such box begins with: their version and flags, or their number of items.
@Test(arguments: [("iinf", 0...5), ("iref", 0...3)])
func stubsOfBoxesAreNotWrittenTo(type: String, counts: ClosedRange<Int>) throws {
  var metadata = ImageMetadata()
  metadata.xmp = Array("<x/>".utf8)
  func spliced(_ content: [UInt8]) -> SplicedFile? {
    let boxes = ISOBox.serialized("pitm", [0, 0, 0, 0, 0, 1]) + ISOBox.serialized(type, content)
    let file =
      ISOBox.serialized("ftyp", Array("heic".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8))
      + ISOBox.serialized("meta", [0, 0, 0, 0] + boxes)
    return HEIFMetadata.splice(metadata, into: PictureBytes(file))
  }
  for count in counts { #expect(spliced([UInt8](repeating: 0, count: count)) == nil) }
  #expect(spliced([UInt8](repeating: 0, count: counts.upperBound + 1)) != nil)
}
