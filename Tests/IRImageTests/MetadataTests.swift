import Foundation
import Testing

@testable import IRImage

/// 52/1 30/1 0/1, little-endian: a latitude.
private let latitude: [UInt8] = [52, 0, 0, 0, 1, 0, 0, 0, 30, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]

/// EXIF of a camera, a time, an exposure, a place and a maker note that holds offsets.
private func cameraBlock() -> [UInt8] {
  func text(_ text: String) -> TIFFDirectory.Entry {
    TIFFDirectory.Entry(type: 2, count: text.utf8.count + 1, bytes: Array(text.utf8) + [0])
  }
  var directory = TIFFDirectory()
  directory.entries = [0x010F: text("Acme"), 0x0110: text("Camera 7")]
  directory.set(0x0112, shorts: [6])
  var photograph = TIFFDirectory()
  photograph.entries = [0x9003: text("2026:11:21 07:00:00")]
  photograph.set(0x829D, rational: 2.8)
  photograph.set(0x927C, bytes: Array("SONY DSC offsets".utf8), type: 7)
  var position = TIFFDirectory()
  position.entries[2] = TIFFDirectory.Entry(type: 5, count: 3, bytes: latitude)
  directory.children = [0x8769: photograph, 0x8825: position]
  return directory.block()
}

/// A picture that states all that can be carried.
private func statedImage() -> Image {
  var image = CheckPair.reference
  image.metadata.exif = cameraBlock()
  image.metadata.xmp = Array(
    """
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
    <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4" \
    xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="52,30N"/></rdf:RDF></x:xmpmeta>
    """.utf8)
  image.metadata.iptc = [0x1C, 2, 90, 0, 6] + Array("Berlin".utf8) + [0x1C, 2, 25, 0, 3] + Array("cat".utf8)
  image.metadata.resolution = Resolution(300, 300, .inch)
  image.metadata.texts = [PictureText(keyword: "Comment", text: "Grüße")]
  image.metadata.iccProfile = RGBSpace.adobe.profile
  return image
}

private let suffixes = ["jpg", "png", "webp", "tif", "avif", "heic", "jxl"]

@Test(arguments: suffixes)
func everyContainerKeepsWhatItCan(suffix: String) throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let image = statedImage()
  let path = "\(folder)/a.\(suffix)"
  let report = try ImageFile.write(image, to: path)
  let read = try ImageFile.read(path).metadata
  let block = try #require(read.exif.flatMap { ExifBlock($0) })
  #expect(block.value(0x0110, in: .image).map { String(decoding: $0, as: UTF8.self) } == "Camera 7\0")
  #expect(block.value(0x9003, in: .photograph)?.count == 20)
  #expect(block.rational(0x829D, in: .photograph) == 2.8)
  #expect(block.value(0x927C, in: .photograph) == Array("SONY DSC offsets".utf8))
  #expect(block.value(2, in: .position) == latitude)
  // Notes may hold offsets that count from the block's begin.
  #expect(
    block.entry(0x927C, in: .photograph)?.value
      == ExifBlock(cameraBlock())?.entry(0x927C, in: .photograph)?.value)
  #expect(read.xmp == image.metadata.xmp)
  #expect(read.iccProfile == image.metadata.iccProfile)
  let resolution = try #require(read.effectiveResolution)
  #expect(abs(resolution.horizontal - 300) < 0.01 && resolution.unit == .inch)
  let hasRecords = ["jpg", "png", "tif"].contains(suffix)
  #expect(read.iptc == (hasRecords ? image.metadata.iptc : nil))
  #expect(report.lost.contains("IPTC") == !hasRecords)
  #expect(report.lost.contains("comment") == !["jpg", "png"].contains(suffix))
  #expect(Set(report.lost).isSubset(of: ["IPTC", "comment"]), "\(report.lost)")
}

@Test(arguments: suffixes)
func metadataIsTakenAway(suffix: String) throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let path = "\(folder)/a.\(suffix)"
  var image = statedImage()
  image.metadata = image.metadata.withoutPosition()
  try ImageFile.write(image, to: path)
  let placeless = try ImageFile.read(path).metadata
  let block = try #require(placeless.exif.flatMap { ExifBlock($0) })
  #expect(block.value(0x0110, in: .image) != nil && block.offset(of: .position) == nil)
  #expect(placeless.xmp.map { XMPPacket($0).contains("Rating=\"4\"") } == true)
  var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
  for text in ["GPSLatitude", "Berlin"] { #expect(bytes.range(of: Data(text.utf8)) == nil) }
  #expect(bytes.range(of: Data(latitude)) == nil && bytes.range(of: Data("Camera 7".utf8)) != nil)

  image.metadata = statedImage().metadata.stripped()
  let report = try ImageFile.write(image, to: path)
  bytes = try Data(contentsOf: URL(fileURLWithPath: path))
  for text in ["Camera 7", "Acme", "2026", "Rating", "Berlin", "cat", "SONY", "Gr"] {
    #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text)")
  }
  let silent = try ImageFile.read(path).metadata
  #expect(silent.xmp == nil && silent.iptc == nil && silent.texts.isEmpty && report.lost.isEmpty)
  #expect(silent.iccProfile != nil && silent.effectiveResolution?.horizontal.rounded() == 300)
}

@Test(arguments: suffixes + ["ppm"])
func nothingIsInvented(suffix: String) throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  let report = try ImageFile.write(CheckPair.reference, to: "\(folder)/a.\(suffix)")
  var read = try ImageFile.read("\(folder)/a.\(suffix)").metadata
  read.encoding = PictureEncoding()
  #expect(read == ImageMetadata() && report.lost.isEmpty, "\(read)")
}

/// Every byte of files that state much is changed, and the files are cut anywhere: readers of metadata never
/// trap.
@Test(arguments: suffixes)
func damagedStatementsNeverTrap(suffix: String) throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try ImageFile.write(statedImage(), to: "\(folder)/a.\(suffix)")
  let whole = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(folder)/a.\(suffix)")))
  let format = try #require(PictureFormat(writing: suffix))
  // The pixels' bytes between are none of the readers' business.
  let positions = Array(0..<min(3000, whole.count)) + Array(max(0, whole.count - 3000)..<whole.count)
  for position in positions {
    for value: UInt8 in [0, 1, 0x7F, 0xFF] {
      var damaged = whole
      damaged[position] = value
      var metadata = format.metadata(of: PictureBytes(damaged))
      _ = CameraRaw.name(PictureBytes(damaged))
      _ = metadata.withoutPosition().stripped()
      metadata.removeAttachments()
      _ = metadata.lost(in: ImageMetadata())
    }
    _ = format.metadata(of: PictureBytes(Array(whole[..<position]))).fitted(width: 7, height: 7)
  }
}

/// Every byte of an EXIF block changed, and the block cut anywhere: never a trap.
@Test func damagedExifNeverTraps() throws {
  let exif = cameraBlock()
  for position in exif.indices {
    for value: UInt8 in [0, 1, 0x7F, 0xFF] {
      var damaged = exif
      damaged[position] = value
      guard var block = ExifBlock(damaged) else { continue }
      block.setResolution(try #require(Resolution(72, 72, .inch)))
      block.setSize(width: 70_000, height: 3)
      block.setUpright()
      block.removeThumbnail()
      _ = block.removePosition()
      _ = block.statedTags
    }
    if var block = ExifBlock(Array(exif[..<position])) { _ = block.removePosition() }
  }
  var whole = try #require(ExifBlock(exif))
  #expect(whole.removePosition() && whole.bytes.count == exif.count)
}

/// Entries are added without moving what is there.
@Test func exifGrowsBehindItself() throws {
  let exif = cameraBlock()
  var block = try #require(ExifBlock(exif))
  let note = block.entry(0x927C, in: .photograph)
  block.setResolution(try #require(Resolution(300, 299.5, .inch)))
  #expect(block.resolution == Resolution(300, 299.5, .inch))
  #expect(block.entry(0x927C, in: .photograph)?.value == note?.value)
  #expect(block.orientation == 6 && block.value(2, in: .position) == latitude)
  block.setResolution(try #require(Resolution(72, 72, .inch)))
  #expect(block.resolution == Resolution(72, 72, .inch))
}

@Test func packetsLoseTheNamedPropertiesOnly() {
  var packet = XMPPacket(
    Array(
      """
      <?xpacket begin='' id='x'?><x:xmpmeta><rdf:RDF><rdf:Description a:One="1 > 0" a:GPSLatitude='5' b:Two="2">
      <c:Place><rdf:Bag><c:Place>x</c:Place></rdf:Bag></c:Place><c:Kept>y</c:Kept><c:Place/></rdf:Description>
      """.utf8))
  packet.removeProperties { $0 == "a:GPSLatitude" || $0 == "c:Place" }
  #expect(
    packet.text == """
      <?xpacket begin='' id='x'?><x:xmpmeta><rdf:RDF><rdf:Description a:One="1 > 0" b:Two="2">
      <c:Kept>y</c:Kept></rdf:Description>
      """)
}

/// XMP that fits no segment of a JPEG file goes on in others, and is one packet again.
@Test func longPacketsAreContinued() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  var image = CheckPair.reference
  let head = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"r\"><rdf:Description xmlns:a=\"a\">"
  let body = "<a:Depth>\(String(repeating: "0123456789", count: 20_000))</a:Depth>"
  image.metadata.xmp = Array("\(head)\(body)</rdf:Description></rdf:RDF></x:xmpmeta>".utf8)
  for (name, source) in [("a.jpg", image), ("b.jpg", nil), ("c.png", nil)] as [(String, Image?)] {
    let picture = try source ?? ImageFile.read("\(folder)/\(name == "b.jpg" ? "a.jpg" : "b.jpg")")
    #expect(try ImageFile.write(picture, to: "\(folder)/\(name)").lost == [])
    let packet = try ImageFile.read("\(folder)/\(name)").metadata.wholeXMP
    #expect(packet.map { XMPPacket($0).contains(body) } == true, "\(name)")
  }
  #expect(
    try ImageFile.read("\(folder)/c.png").metadata.xmp.map { XMPPacket($0).contains("HasExtended") } == false)
}

@Test func textsOfOtherScriptsStay() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  var image = CheckPair.reference
  image.metadata.texts = [
    PictureText(keyword: "workflow", text: "{\"name\":\"Grüße 日本\"}"),
    PictureText(keyword: "Title", text: "日本", language: "ja", translated: "題"),
    PictureText(keyword: "parameters", text: "a cat\nSteps: 20"),
  ]
  image.metadata.colours.codePoints = .init(primaries: 9, transfer: 16, matrix: 0, isFullRange: true)
  image.metadata.colours.lightLevels = ["cLLI": [0, 1, 2, 3, 4, 5, 6, 7]]
  #expect(try ImageFile.write(image, to: "\(folder)/a.png").lost == [])
  let read = try ImageFile.read("\(folder)/a.png").metadata
  #expect(read.texts == image.metadata.texts && read.colours == image.metadata.colours)
  #expect(
    try ImageFile.write(image, to: "\(folder)/a.jpg").lost == [
      "colour code points 9/16", "light levels", "text Title", "text parameters", "text workflow",
    ])
}

/// EXIF that fits no segment of JPEG: its maker note goes, and is named; other containers keep it.
@Test func longExifKeepsWhatItsContainerHolds() throws {
  let folder = try temporaryFolder()
  defer { try? FileManager.default.removeItem(atPath: folder) }
  var image = CheckPair.reference
  var directory = TIFFDirectory(exif: cameraBlock())
  let note = (0..<90_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
  directory.children[0x8769]?.set(0x927C, bytes: note, type: 7)
  image.metadata.exif = directory.block()
  for suffix in suffixes {
    let report = try ImageFile.write(image, to: "\(folder)/a.\(suffix)")
    #expect(report.lost == (suffix == "jpg" ? ["EXIF MakerNote"] : []), "\(suffix)")
    let read = try ImageFile.read("\(folder)/a.\(suffix)").metadata.exif.flatMap { ExifBlock($0) }
    #expect(read?.value(0x927C, in: .photograph) == (suffix == "jpg" ? nil : note), "\(suffix)")
    #expect(read?.value(0x0110, in: .image)?.count == 9)
  }
}

/// A sequence of HEIF or AVIF is refused by its count before any decoder sees it.
@Test func sequencesAreCounted() {
  func box(_ name: String, _ content: [UInt8]) -> [UInt8] { ISOBox.serialized(name, content) }
  let sizes = box("stsz", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5])
  let track = box("trak", box("mdia", box("minf", box("stbl", sizes))))
  for (brand, count) in [("avis", 5), ("msf1", 5), ("avif", nil)] as [(String, Int?)] {
    let head = box("ftyp", Array(brand.utf8) + [0, 0, 0, 0] + Array(brand.utf8))
    let file = PictureBytes(head + box("moov", box("mvhd", [0, 0]) + track))
    #expect(PictureSequence.frameCount(file) == count)
    guard count != nil else { continue }
    let error = #expect(throws: ImageError.self) {
      try ImageFile.read(bytes: Data(head + box("moov", track)), name: "moving")
    }
    #expect(error?.description.contains("it has 5 frames or pages") == true)
  }
}

/// Resolutions in the units of JFIF, PNG and TIFF.
@Test func resolutionsGoThroughEveryUnit() throws {
  #expect(Resolution(perMetre: 11_811, 11_811) == Resolution(300, 300, .inch))
  #expect(Resolution(perMetre: 2_835, 2_835) == Resolution(72, 72, .inch))
  #expect(try #require(Resolution(118, 118, .centimetre)).perMetre == (11_800, 11_800))
  #expect(
    Resolution(1, 1, .none) == nil && Resolution(0, 5, .inch) == nil && Resolution(.nan, 5, .inch) == nil)
  #expect(try #require(Resolution(16, 15, .none)).wholeNumbers == (16, 15))
  #expect(
    try #require(Resolution(300, 300, .inch)).agrees(with: #require(Resolution(perMetre: 11_811, 11_811))))
  #expect(try !#require(Resolution(300, 300, .inch)).agrees(with: #require(Resolution(72, 72, .inch))))
}

/// Files that own code decodes obey the limits as well, by their headers.
@Test func ownDecodersObeyTheLimits() throws {
  let head: [UInt8] =
    Array("BM".utf8) + littleEndianBytes(200, 4) + [0, 0, 0, 0] + littleEndianBytes(54, 4)
    + littleEndianBytes(40, 4) + littleEndianBytes(60_000, 4) + littleEndianBytes(60_000, 4) + [1, 0, 8, 0]
    + littleEndianBytes(1, 4) + [UInt8](repeating: 0, count: 20)
  let bytes = Data(head + [UInt8](repeating: 0, count: 1024 + 2))
  let error = #expect(throws: ImageError.self) { try ImageFile.read(bytes: bytes, name: "runs") }
  #expect(error?.description.contains("60000×60000 pixels are more than 400000000 pixels") == true)
}
