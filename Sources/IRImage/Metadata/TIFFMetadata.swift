import IRTensor

/// The metadata of TIFF files (TIFF 6.0, BigTIFF, TIFF/EP): EXIF as their own directories, XMP, IPTC,
/// Photoshop's resources, and every other tag that does not say how pixels are stored.
enum TIFFMetadata {
  private static let xmpTag = 0x02BC, iptcTag = 0x83BB, photoshopTag = 0x8649, iccTag = 0x8773
  private static let resolutionTags = (0x011A, 0x011B, 0x0128)

  /// The statements of a page's directory.
  static func read(_ file: PictureBytes, page: Int = 0) -> ImageMetadata {
    var result = ImageMetadata()
    guard let reader = TIFFReader(file) else { return result }
    let pages = reader.pages
    guard pages.indices.contains(page) else { return result }
    let directory = TIFFDirectory(reader, at: pages[page])
    // The first page's statements of who and when hold for all.
    let first = page == 0 ? directory : TIFFDirectory(reader, at: pages[0])
    var described = TIFFDirectory()
    described.entries = first.entries.merging(directory.entries) { $1 }
      .filter { TIFFDirectory.descriptiveTags.contains($0.key) && $0.value.bytes.contains { $0 != 0 } }
    described.children = first.children.merging(directory.children) { $1 }.filter {
      !$0.value.entries.isEmpty
    }
    var place: Int?
    if let note = described.children[0x8769]?.entries[TIFFDirectory.makerNote],
      !MakerNote.isSelfContained(note.bytes)
    {
      place = notePlace(reader, pages[0]) ?? notePlace(reader, pages[page])
      if (place ?? Int.max) > MakerNote.placeLimit {
        described.children[0x8769]?.entries[TIFFDirectory.makerNote] = nil
        result.uncarried.insert("EXIF MakerNote")
      }
    }
    if !described.entries.isEmpty || !described.children.isEmpty {
      result.exif = described.block(noteAt: place)
    }
    result.xmp = directory.entries[xmpTag].map { Array($0.bytes.reversed().drop { $0 == 0 }.reversed()) }
    if result.xmp?.isEmpty == true { result.xmp = nil }
    result.iccProfile = directory.entries[iccTag]?.bytes
    result.iptc = raw(iptcTag, reader, at: pages[page])
    result.take(PhotoshopResource.resources(in: directory.entries[photoshopTag]?.bytes ?? []))
    result.resolution = resolution(directory)
    result.tags = directory.entries.filter { tag, _ in
      !TIFFDirectory.storageTags.contains(tag) && !TIFFDirectory.descriptiveTags.contains(tag)
        && !TIFFDirectory.derivedTags.contains(tag)
    }
    if isSRGB(directory) { for tag in [0x013E, 0x013F] { result.tags[tag] = nil } }
    if directory.entries[0x935C] != nil { result.uncarried.insert("layers of Photoshop") }
    result.encoding.tiffCompression = directory.numbers(0x0103).first
    return result
  }

  /// The offset of a page's maker note.
  private static func notePlace(_ reader: TIFFReader, _ page: Int) -> Int? {
    guard let child = reader.entries(at: page)?.entries.first(where: { $0.tag == 0x8769 })?.target else {
      return nil
    }
    return reader.entries(at: child)?.entries.first { $0.tag == TIFFDirectory.makerNote }?.value
  }

  /// Bytes that some writers store as numbers of 4.
  private static func raw(_ tag: Int, _ reader: TIFFReader, at directory: Int) -> [UInt8]? {
    guard let entry = reader.entries(at: directory)?.entries.first(where: { $0.tag == tag }),
      let size = TIFFDirectory.layout(entry.type)?.size, entry.count <= (8 << 20) / size,
      let bytes = reader.bytes(entry.value, size * entry.count, unit: 1)
    else { return nil }
    let marked = bytes.first == 0x1C ? bytes : swapped(bytes, unit: 4)
    let trimmed = Array(marked.reversed().drop { $0 == 0 }.reversed())
    return trimmed.first == 0x1C ? trimmed : nil
  }

  private static func resolution(_ directory: TIFFDirectory) -> Resolution? {
    guard let x = directory.rationals(resolutionTags.0).first,
      let y = directory.rationals(resolutionTags.1).first
    else { return nil }
    let unit = directory.numbers(resolutionTags.2).first ?? 2
    return Resolution(x, y, Resolution.Unit(rawValue: unit) ?? .inch)
  }

  /// Whether white point and primaries are those of sRGB, which need no statement.
  private static func isSRGB(_ directory: TIFFDirectory) -> Bool {
    let values = [0x013E, 0x013F].flatMap { directory.rationals($0) }
    let expected = ColourStatement.Chromaticities.srgb.values
    return values.count == 8 && zip(values, expected).allSatisfy { abs($0 * 1e5 - Double($1)) < 200 }
  }

  /// The file that libvips wrote, its directory written again behind it with these metadata. A maker note
  /// lies where it lay in the block it came with, before the pixels: it may hold offsets.
  static func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    guard let reader = TIFFReader(file), !reader.isBig, let offset = reader.firstDirectory,
      let rows = reader.entries(at: offset), reader.number(rows.link, 4) == 0
    else { return nil }
    var directory = TIFFDirectory(reader, at: offset)
    guard directory.entries.count == rows.entries.count else { return nil }
    describe(metadata, in: &directory)
    var placed: [Int: Int] = [:]
    var head: [UInt8] = []
    if let exif = metadata.exif, let block = ExifBlock(exif),
      let note = block.entry(TIFFDirectory.makerNote, in: .photograph),
      note.byteCount > 4, note.value >= 8
    {
      head = TIFFDirectory.gap(
        upTo: note.value, holding: block.bytes[note.value..<(note.value + note.byteCount)])
      placed[TIFFDirectory.makerNote] = note.value
    }
    guard file.count + head.count < Int(UInt32.max) - (96 << 20) else { return nil }
    for tag in [0x0111, 0x0144] where directory.entries[tag] != nil {
      let moved = directory.numbers(tag).map { $0 + head.count }
      directory.entries[tag] = TIFFDirectory.Entry(
        type: 4, count: moved.count, bytes: moved.flatMap { littleEndianBytes($0, 4) })
    }
    let end = (file.count + head.count).roundedUp(toMultipleOf: 2)
    func number(_ value: Int) -> [UInt8] {
      reader.isLittleEndian ? littleEndianBytes(value, 4) : bigEndianBytes(value, 4)
    }
    var result = SplicedFile()
    result.keep(0..<4)
    result.add(number(end) + head)
    result.keep(8..<file.count)
    result.add([UInt8](repeating: 0, count: end - file.count - head.count))
    result.add(directory.serialized(at: end, isLittleEndian: reader.isLittleEndian, placed: placed))
    return result
  }

  private static func describe(_ metadata: ImageMetadata, in directory: inout TIFFDirectory) {
    for tag in [resolutionTags.0, resolutionTags.1, resolutionTags.2] { directory.entries[tag] = nil }
    if let resolution = metadata.effectiveResolution {
      directory.set(resolutionTags.0, rational: resolution.horizontal)
      directory.set(resolutionTags.1, rational: resolution.vertical)
      directory.set(resolutionTags.2, shorts: [resolution.unit.rawValue])
    }
    if let exif = metadata.exif {
      let added = TIFFDirectory(exif: exif)
      directory.entries.merge(added.entries.filter { !TIFFDirectory.storageTags.contains($0.key) }) {
        own, _ in own
      }
      directory.children = added.children.filter { !$0.value.entries.isEmpty }
    }
    directory.entries.merge(metadata.tags) { own, _ in own }
    if let xmp = metadata.wholeXMP { directory.set(xmpTag, bytes: xmp) }
    if let profile = metadata.iccProfile { directory.set(iccTag, bytes: profile, type: 7) }
    if let iptc = metadata.iptc {
      // Numbers of 4 bytes by the letter of the standard.
      let padded = iptc + [UInt8](repeating: 0, count: (4 - iptc.count % 4) % 4)
      directory.entries[iptcTag] = TIFFDirectory.Entry(type: 4, count: padded.count / 4, bytes: padded)
    }
    let resources = metadata.photoshop.flatMap(\.serialized)
    if !resources.isEmpty { directory.set(photoshopTag, bytes: resources) }
    let extra = metadata.encoding.extraSamples
    if !extra.isEmpty {
      let alpha = directory.numbers(0x0152).prefix(1).filter { $0 > 0 }
      let samples = directory.numbers(0x0115).first ?? 0
      let colours = directory.numbers(0x0106).first == 2 ? 3 : 1
      let hasAlpha = samples == colours + 1 + extra.count
      directory.set(0x0152, shorts: (hasAlpha ? [alpha.first ?? 2] : []) + extra)
    }
  }
}

/// Data of cameras' makers in forms of their own.
enum MakerNote {
  /// The largest offset of a note that is carried to the same place of another file.
  static let placeLimit = 1 << 20

  /// Whether a note holds its offsets to itself, by its first letters, and may be moved.
  static func isSelfContained(_ bytes: [UInt8]) -> Bool {
    ["Nikon\0\u{2}", "OLYMPUS\0", "OM SYSTEM", "FUJIFILM", "Apple iOS", "PENTAX \0"].contains {
      bytes.starts(with: $0.utf8)
    }
  }
}
