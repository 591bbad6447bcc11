/// The metadata of HEIF and AVIF files: items of EXIF and XMP, and statements on colours.
enum HEIFMetadata {
  private static let xmpType = "application/rdf+xml"

  static func read(_ file: PictureBytes) -> ImageMetadata {
    var result = ImageMetadata()
    guard let items = HEIFItems(file) else { return result }
    for (item, type) in items.types.sorted(by: { $0.key < $1.key }) {
      // Items that describe another picture than the primary one are not this picture's.
      let targets = items.references.filter { $0.type == "cdsc" && $0.from == item }.flatMap(\.to)
      guard targets.isEmpty || targets.contains(items.primary) else { continue }
      switch type {
      case "Exif" where result.exif == nil:
        guard let bytes = items.bytes(of: item, in: file), bytes.count > 4 else { break }
        let skipped = bytes[..<4].reduce(0) { $0 << 8 | Int($1) }
        let candidates = [Array(bytes.dropFirst(4 + min(skipped, bytes.count))), Array(bytes.dropFirst(4))]
        result.exif = candidates.first { ExifBlock($0) != nil }.map(ExifBlock.withoutPrefix)
      case "mime:\(xmpType)" where result.xmp == nil: result.xmp = items.bytes(of: item, in: file)
      case "mime:application/c2pa": result.uncarried.insert("content credentials (JUMBF)")
      default: break
      }
    }
    for colour in items.properties("colr", of: items.primary) {
      if ["prof", "rICC"].contains(where: { file.reads($0, at: colour.range.lowerBound) }) {
        result.iccProfile = file.bytes(colour.range.lowerBound + 4, colour.range.count - 4)
      }
      guard file.reads("nclx", at: colour.range.lowerBound) else { continue }
      let start = colour.range.lowerBound + 4
      guard let primaries = file.bigEndian(start, 2), let transfer = file.bigEndian(start + 2, 2),
        let matrix = file.bigEndian(start + 4, 2), let range = file.bigEndian(start + 6, 1)
      else { continue }
      let points = ColourStatement.CodePoints(
        primaries: primaries, transfer: transfer, matrix: matrix, isFullRange: range & 0x80 != 0)
      if !points.isDefault { result.colours.codePoints = points }
    }
    if !(items.properties("clli", of: items.primary) + items.properties("mdcv", of: items.primary)).isEmpty {
      result.uncarried.insert("light levels")
    }
    for reference in items.references where reference.type == "auxl" && reference.to.contains(items.primary) {
      let box = items.properties("auxC", of: reference.from).first
      let bytes = box.flatMap { file.bytes($0.range.lowerBound, min(128, $0.range.count)) } ?? []
      let name = String(decoding: bytes.dropFirst(4).prefix { (33..<127).contains($0) }, as: UTF8.self)
      if !name.contains("alpha"), !name.hasSuffix("auxid:1") {
        result.uncarried.insert("auxiliary picture \(name.split(separator: ":").last ?? "")")
      }
    }
    if items.types.values.contains("tmap") { result.uncarried.insert("gain map") }
    if ISOBox.boxes(of: file).contains(where: { $0.type == "mpvd" }) {
      result.uncarried.insert("motion video")
    }
    if result.uncarried.contains(where: { $0.contains("gain") || $0 == "motion video" }) {
      result.removeAttachments()
    }
    return result
  }

  /// The file that libvips wrote, with these metadata: items and properties are added to its meta box, their
  /// bytes lie behind all else.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    guard let items = HEIFItems(file), items.types.keys.max() ?? 0 < 0xFFF0,
      items.locations.allSatisfy({ $0.method < 2 })
    else { return nil }
    var added: [(type: String, mime: String?, bytes: [UInt8])] = []
    if let exif = metadata.exifWithResolution {
      // The TIFF begins behind the letters, as cameras store it.
      added.append(("Exif", nil, [0, 0, 0, 6] + Array("Exif".utf8) + [0, 0] + exif))
    }
    if let xmp = metadata.wholeXMP { added.append(("mime", xmpType, xmp)) }
    let first = (items.types.keys.max() ?? 0) + 1
    var meta = file.bytes(items.meta.range.lowerBound, 4) ?? []
    var places: [HEIFItems.Location] = items.locations
    var contentOffset = 0
    for (index, item) in added.enumerated() {
      places.append(
        .init(
          item: first + index, method: 0, extents: [.init(offset: contentOffset, count: item.bytes.count)]))
      contentOffset += item.bytes.count
    }
    // The box of places has the same size wherever they are: its first form gives the sizes.
    for pass in 0..<2 {
      let delta = pass == 0 ? 0 : meta.count + 8 - items.meta.whole.count
      meta = file.bytes(items.meta.range.lowerBound, 4) ?? []
      var hasReferences = false
      for box in items.boxes {
        guard let content = file.bytes(box.range.lowerBound, box.range.count),
          let whole = file.bytes(box.whole.lowerBound, box.whole.count)
        else { return nil }
        switch box.type {
        case "iloc":
          meta += serialized(places, movedBy: delta, addedAt: file.count + delta + 8, firstAdded: first)
        case "iinf":
          guard let own = information(content, added, first: first) else { return nil }
          meta += own
        case "iref":
          hasReferences = true
          guard let own = references(content, added.count, first: first, primary: items.primary) else {
            return nil
          }
          meta += own
        case "iprp": meta += properties(items, file, metadata)
        default: meta += whole
        }
      }
      if !hasReferences, !added.isEmpty {
        meta += references([0, 0, 0, 0], added.count, first: first, primary: items.primary) ?? []
      }
    }
    var result = SplicedFile()
    result.keep(0..<items.meta.whole.lowerBound)
    result.add(ISOBox.serialized("meta", meta))
    result.keep(items.meta.whole.upperBound..<file.count)
    if !added.isEmpty { result.add(ISOBox.serialized("mdat", added.flatMap(\.bytes))) }
    return result
  }

  private static func serialized(
    _ places: [HEIFItems.Location], movedBy delta: Int, addedAt start: Int, firstAdded: Int
  ) -> [UInt8] {
    var content: [UInt8] = [1, 0, 0, 0, 0x44, 0x00] + bigEndianBytes(places.count, 2)
    for place in places {
      content += bigEndianBytes(place.item, 2) + bigEndianBytes(place.method, 2) + [0, 0]
      content += bigEndianBytes(place.extents.count, 2)
      for extent in place.extents {
        let shift = place.item >= firstAdded ? start : place.method == 0 ? delta : 0
        content += bigEndianBytes(extent.offset + shift, 4) + bigEndianBytes(extent.count, 4)
      }
    }
    return ISOBox.serialized("iloc", content)
  }

  /// The box `iinf` of this content with the added items; nil if the content ends before its number of items.
  private static func information(
    _ content: [UInt8], _ added: [(type: String, mime: String?, bytes: [UInt8])], first: Int
  ) -> [UInt8]? {
    var content = content
    let size = content.first == 0 ? 2 : 4
    guard content.count >= 4 + size else { return nil }
    let count = content[4..<(4 + size)].reduce(0) { $0 << 8 | Int($1) }
    content.replaceSubrange(4..<(4 + size), with: bigEndianBytes(count + added.count, size))
    for (index, item) in added.enumerated() {
      let text = [0] + (item.mime.map { Array($0.utf8) + [0] } ?? [])
      // Version 2, hidden: it is not a picture to show.
      content += ISOBox.serialized(
        "infe", [2, 0, 0, 1] + bigEndianBytes(first + index, 2) + [0, 0] + Array(item.type.utf8) + text)
    }
    return ISOBox.serialized("iinf", content)
  }

  /// The box `iref` of this content; each item that was added describes the primary one. Nil if the content
  /// ends before its version and flags do.
  private static func references(_ content: [UInt8], _ count: Int, first: Int, primary: Int) -> [UInt8]? {
    guard content.count >= 4 else { return nil }
    var content = content
    let size = content[0] == 0 ? 2 : 4
    for index in 0..<count {
      content += ISOBox.serialized(
        "cdsc", bigEndianBytes(first + index, size) + [0, 1] + bigEndianBytes(primary, size))
    }
    return ISOBox.serialized("iref", content)
  }

  /// The properties with the colours' code points and profile.
  private static func properties(_ items: HEIFItems, _ file: PictureBytes, _ metadata: ImageMetadata)
    -> [UInt8]
  {
    var content: [UInt8] = []
    var associations = items.associations
    func add(_ box: [UInt8], _ count: Int) {
      content += box
      associations[items.primary, default: []].append((false, count))
    }
    let points = metadata.colours.codePoints
    var hasPoints = false
    for property in items.properties {
      var bytes = file.bytes(property.whole.lowerBound, property.whole.count) ?? []
      if property.type == "colr", bytes.count >= 19, bytes[8..<12].elementsEqual("nclx".utf8), let points {
        // The matrix is the encoder's own.
        bytes.replaceSubrange(
          12..<16, with: bigEndianBytes(points.primaries, 2) + bigEndianBytes(points.transfer, 2))
        hasPoints = true
      }
      content += bytes
    }
    var count = items.properties.count
    if let points, !hasPoints {
      count += 1
      add(
        ISOBox.serialized(
          "colr",
          Array("nclx".utf8) + bigEndianBytes(points.primaries, 2) + bigEndianBytes(points.transfer, 2) + [
            0, 6, 0x80,
          ]),
        count)
    }
    if let profile = metadata.iccProfile {
      count += 1
      add(ISOBox.serialized("colr", Array("prof".utf8) + profile), count)
    }
    var ipma: [UInt8] = [0, 0, 0, 1] + bigEndianBytes(associations.count, 4)
    for (item, own) in associations.sorted(by: { $0.key < $1.key }) {
      ipma += bigEndianBytes(item, 2) + [UInt8(min(255, own.count))]
      for entry in own.prefix(255) {
        ipma += bigEndianBytes(entry.property | (entry.isEssential ? 0x8000 : 0), 2)
      }
    }
    return ISOBox.serialized("iprp", ISOBox.serialized("ipco", content) + ISOBox.serialized("ipma", ipma))
  }
}
