/// The items of a HEIF file's meta box (ISO/IEC 23008-12): pictures, EXIF, XMP, their places and properties.
struct HEIFItems {
  struct Extent: Hashable {
    var offset: Int
    var count: Int
  }

  struct Location: Hashable {
    var item: Int
    /// 0 counts from the file's begin, 1 from that of the box `idat`.
    var method: Int
    var extents: [Extent]
  }

  struct Reference: Hashable {
    var type: String
    var from: Int
    var to: [Int]
  }

  let meta: ISOBox
  let boxes: [ISOBox]
  private(set) var primary = 0
  /// Types by item; `mime` items have their content's type behind a colon.
  private(set) var types: [Int: String] = [:]
  private(set) var locations: [Location] = []
  private(set) var references: [Reference] = []
  private(set) var properties: [ISOBox] = []
  /// Numbers of properties by item, the first is 1; `essential` stays with each.
  private(set) var associations: [Int: [(isEssential: Bool, property: Int)]] = [:]

  private static let countLimit = 1 << 14

  /// Nil where the file has no meta box of items.
  init?(_ file: PictureBytes) {
    guard let meta = ISOBox.boxes(of: file).first(where: { $0.type == "meta" }) else { return nil }
    self.meta = meta
    boxes = meta.children(of: file, skipping: 4)
    func box(_ type: String) -> ISOBox? { boxes.first { $0.type == type } }
    func version(_ box: ISOBox) -> Int { file.bigEndian(box.range.lowerBound, 1) ?? 0 }
    guard let pitm = box("pitm"),
      let number = file.bigEndian(pitm.range.lowerBound + 4, version(pitm) == 0 ? 2 : 4)
    else { return nil }
    primary = number
    if let iinf = box("iinf") {
      for entry in iinf.children(of: file, skipping: version(iinf) == 0 ? 6 : 8) where entry.type == "infe" {
        let wide = version(entry) == 3
        let start = entry.range.lowerBound + 4
        guard version(entry) >= 2, let item = file.bigEndian(start, wide ? 4 : 2),
          let type = file.bytes(start + (wide ? 6 : 4), 4)
        else { continue }
        types[item] = String(decoding: type, as: UTF8.self)
        if types[item] == "mime",
          let rest = file.bytes(start + (wide ? 10 : 8), entry.range.upperBound - start - (wide ? 10 : 8))
        {
          let texts = rest.split(separator: 0, omittingEmptySubsequences: false)
          if texts.count > 1 { types[item] = "mime:" + String(decoding: texts[1], as: UTF8.self) }
        }
      }
    }
    if let iloc = box("iloc") { readLocations(iloc, file) }
    if let iref = box("iref") { readReferences(iref, file, wide: version(iref) != 0) }
    if let iprp = box("iprp") { readProperties(iprp, file) }
  }

  private mutating func readLocations(_ box: ISOBox, _ file: PictureBytes) {
    var offset = box.range.lowerBound
    func take(_ count: Int) -> Int? {
      guard count > 0 else { return 0 }
      guard offset + count <= box.range.upperBound else { return nil }
      defer { offset += count }
      if count == 8 { return file.bytes(offset, 1) == [0] ? file.bigEndian(offset + 1, 7) : nil }
      return file.bigEndian(offset, count)
    }
    guard let version = take(1), take(3) != nil, let sizes = take(2) else { return }
    let (offsetSize, lengthSize, baseSize) = (sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15)
    let indexSize = version == 0 ? 0 : sizes & 15
    guard [offsetSize, lengthSize, baseSize, indexSize].allSatisfy({ [0, 4, 8].contains($0) }),
      let count = take(version == 2 ? 4 : 2), count <= Self.countLimit
    else { return }
    // Extents of sizes 0 take no bytes of the box.
    var left = Self.countLimit
    for _ in 0..<count {
      guard let item = take(version == 2 ? 4 : 2), let method = version == 0 ? 0 : take(2), take(2) != nil,
        let base = take(baseSize), let extentCount = take(2), extentCount <= left
      else { return }
      left -= extentCount
      var extents: [Extent] = []
      for _ in 0..<extentCount {
        guard take(indexSize) != nil, let place = take(offsetSize), let length = take(lengthSize) else {
          return
        }
        extents.append(Extent(offset: base + place, count: length))
      }
      locations.append(Location(item: item, method: method & 15, extents: extents))
    }
  }

  private mutating func readReferences(_ box: ISOBox, _ file: PictureBytes, wide: Bool) {
    let size = wide ? 4 : 2
    for child in box.children(of: file, skipping: 4) {
      let start = child.range.lowerBound
      guard let from = file.bigEndian(start, size), let count = file.bigEndian(start + size, 2) else {
        continue
      }
      let to = (0..<count).prefix { start + 2 + size * ($0 + 2) <= child.range.upperBound }
        .compactMap { file.bigEndian(start + size + 2 + size * $0, size) }
      references.append(Reference(type: child.type, from: from, to: to))
    }
  }

  private mutating func readProperties(_ box: ISOBox, _ file: PictureBytes) {
    let children = box.children(of: file)
    properties = children.first { $0.type == "ipco" }?.children(of: file) ?? []
    for ipma in children where ipma.type == "ipma" {
      var offset = ipma.range.lowerBound
      func take(_ count: Int) -> Int? {
        defer { offset += count }
        return offset + count <= ipma.range.upperBound ? file.bigEndian(offset, count) : nil
      }
      guard let version = take(1), let flags = take(3), let count = take(4), count <= Self.countLimit else {
        return
      }
      for _ in 0..<count {
        guard let item = take(version == 0 ? 2 : 4), let own = take(1) else { return }
        for _ in 0..<own {
          guard let field = take(flags & 1 == 1 ? 2 : 1) else { return }
          let top = flags & 1 == 1 ? 0x8000 : 0x80
          associations[item, default: []].append((field & top != 0, field & (top - 1)))
        }
      }
    }
  }

  /// The properties of an item, by type.
  func properties(_ type: String, of item: Int) -> [ISOBox] {
    associations[item, default: []].compactMap {
      properties.indices.contains($0.property - 1) ? properties[$0.property - 1] : nil
    }
    .filter { $0.type == type }
  }

  /// An item's bytes; nil if they do not lie in the file.
  func bytes(of item: Int, in file: PictureBytes) -> [UInt8]? {
    guard let location = locations.first(where: { $0.item == item }), location.method < 2 else { return nil }
    let data = boxes.first { $0.type == "idat" }
    var result: [UInt8] = []
    for extent in location.extents {
      let start = location.method == 0 ? 0 : data?.range.lowerBound ?? file.count
      guard result.count + extent.count <= file.count,
        let part = file.bytes(start + extent.offset, extent.count)
      else {
        return nil
      }
      result += part
    }
    return result
  }
}
