/// XMP as text, edited by its usual prefixes: properties are attributes or elements of these names. No XML
/// parser sees what strangers wrote.
struct XMPPacket {
  private(set) var text: String
  /// Whether `removeProperties` met a tag without an end.
  private(set) var isDamaged = false

  init(_ bytes: [UInt8]) { text = String(decoding: bytes, as: UTF8.self) }

  var bytes: [UInt8] { Array(text.utf8) }

  func contains(_ name: String) -> Bool { text.contains(name) }

  /// Takes out the properties whose names, prefix included, satisfy the condition: attributes, and elements
  /// with all that they hold.
  mutating func removeProperties(where isUnwanted: (Substring) -> Bool) {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(source.count)
    var position = 0
    while position < source.count {
      guard source[position] == UInt8(ascii: "<") else {
        result.append(source[position])
        position += 1
        continue
      }
      guard let tag = Tag(source, at: position) else {
        result += source[position...]
        isDamaged = true
        break
      }
      if tag.isStart, isUnwanted(tag.name(source)) {
        position = tag.isEmpty ? tag.end : Self.end(ofElement: tag, source)
        continue
      }
      var kept = position
      for attribute in tag.attributes
      where isUnwanted(Substring(decoding: source[attribute.name], as: UTF8.self)) {
        result += source[kept..<attribute.whole.lowerBound]
        kept = attribute.whole.upperBound
      }
      result += source[kept..<tag.end]
      position = tag.end
    }
    text = String(decoding: result, as: UTF8.self)
  }

  /// The attributes of all tags, in their order.
  var attributes: [(name: String, value: String)] {
    let source = Array(text.utf8)
    var result: [(name: String, value: String)] = []
    var position = 0
    while let open = source[position...].firstIndex(of: UInt8(ascii: "<")) {
      guard let tag = Tag(source, at: open) else { break }
      for attribute in tag.attributes {
        result.append(
          (
            String(decoding: source[attribute.name], as: UTF8.self),
            String(decoding: source[attribute.value], as: UTF8.self)
          ))
      }
      position = tag.end
    }
    return result
  }

  /// Takes out the empty descriptions that declare a namespace and state properties of its prefix alone.
  mutating func removeDescriptions(declaring namespace: String, ofOnly prefix: String) {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    var (kept, position) = (0, 0)
    while let open = source[position...].firstIndex(of: UInt8(ascii: "<")), let tag = Tag(source, at: open) {
      position = tag.end
      guard tag.isEmpty, tag.name(source) == "rdf:Description",
        tag.attributes.contains(where: { String(decoding: source[$0.value], as: UTF8.self) == namespace }),
        tag.attributes.allSatisfy({ attribute in
          let name = String(decoding: source[attribute.name], as: UTF8.self)
          return name == "rdf:about" || name == "xmlns:\(prefix)" || name.hasPrefix("\(prefix):")
        })
      else { continue }
      // With the white space around it, as it was put in.
      let start = open > kept && source[open - 1] == UInt8(ascii: " ") ? open - 1 : open
      result += source[kept..<start]
      if position < source.count, source[position] == UInt8(ascii: "\n") { position += 1 }
      kept = position
    }
    text = String(decoding: result + source[kept...], as: UTF8.self)
  }

  /// - Returns: whether the text is there.
  mutating func insert(_ addition: String, before end: String) -> Bool {
    guard let place = text.range(of: end) else { return false }
    text.insert(contentsOf: addition, at: place.lowerBound)
    return true
  }

  /// Behind the end of an element; the end of the text where it has none.
  private static func end(ofElement first: Tag, _ source: [UInt8]) -> Int {
    var depth = 1
    var position = first.end
    while position < source.count {
      guard source[position] == UInt8(ascii: "<") else {
        position += 1
        continue
      }
      guard let tag = Tag(source, at: position) else { return source.count }
      position = tag.end
      if tag.isEmpty || !(tag.isStart || tag.isEnd) { continue }
      depth += tag.isStart ? 1 : -1
      if depth == 0 { return position }
    }
    return source.count
  }

  /// A tag, comment or instruction of a text.
  private struct Tag {
    var end: Int
    var isStart = false
    var isEnd = false
    var isEmpty = false
    var nameRange = 0..<0
    /// With the white space before it.
    /// The value without its quotes.
    var attributes: [(whole: Range<Int>, name: Range<Int>, value: Range<Int>)] = []

    func name(_ source: [UInt8]) -> Substring { Substring(decoding: source[nameRange], as: UTF8.self) }

    /// Nil where no tag ends.
    init?(_ source: [UInt8], at start: Int) {
      func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
      var position = start + 1
      guard position < source.count else { return nil }
      if source[position] == UInt8(ascii: "?") || source[position] == UInt8(ascii: "!") {
        guard let close = source[position...].firstIndex(of: UInt8(ascii: ">")) else { return nil }
        end = close + 1
        return
      }
      if source[position] == UInt8(ascii: "/") {
        isEnd = true
        position += 1
      } else {
        isStart = true
      }
      func skipName() -> Range<Int> {
        let begin = position
        while position < source.count, !isSpace(source[position]), !"/>=".utf8.contains(source[position]) {
          position += 1
        }
        return begin..<position
      }
      end = position
      nameRange = skipName()
      while position < source.count {
        let begin = position
        while position < source.count, isSpace(source[position]) { position += 1 }
        guard position < source.count else { return nil }
        if source[position] == UInt8(ascii: ">") {
          end = position + 1
          return
        }
        if source[position] == UInt8(ascii: "/") {
          isEmpty = true
          position += 1
          continue
        }
        let name = skipName()
        while position < source.count, isSpace(source[position]) { position += 1 }
        guard position < source.count, source[position] == UInt8(ascii: "=") else {
          if position == begin { position += 1 }
          continue
        }
        position += 1
        while position < source.count, isSpace(source[position]) { position += 1 }
        guard position < source.count, source[position] == 34 || source[position] == 39 else { continue }
        guard let close = source[(position + 1)...].firstIndex(of: source[position]) else { return nil }
        let value = (position + 1)..<close
        position = close + 1
        attributes.append((begin..<position, name, value))
      }
      return nil
    }
  }

  // MARK: Uses

  /// Says that the picture stands upright, where the packet says otherwise.
  mutating func setUpright() {
    guard contains("tiff:Orientation") else { return }
    for value in 2...8 {
      text = text.replacing("tiff:Orientation=\"\(value)\"", with: "tiff:Orientation=\"1\"")
      text = text.replacing("tiff:Orientation='\(value)'", with: "tiff:Orientation='1'")
      text = text.replacing("<tiff:Orientation>\(value)<", with: "<tiff:Orientation>1<")
    }
  }

  /// Whether it says that the file holds a gain map, a video or other pictures beside its own.
  var claimsAttachments: Bool {
    contains("hdrgm:") || contains("GCamera:M") || contains("Container:Directory")
  }

  /// Takes such claims out.
  mutating func removeAttachmentClaims() {
    removeProperties { name in
      name.hasPrefix("hdrgm:") || name.hasPrefix("GCamera:MotionPhoto")
        || name.hasPrefix("GCamera:MicroVideo")
        || name.hasPrefix("HDRGainMap:") || name == "Container:Directory" || name == "GContainer:Directory"
    }
  }

  /// Takes the place out: GPS, and the names of where the picture was taken or shows.
  mutating func removePosition() {
    let places: Set<Substring> = [
      "photoshop:City", "photoshop:State", "photoshop:Country", "Iptc4xmpCore:Location",
      "Iptc4xmpCore:CountryCode", "Iptc4xmpExt:LocationCreated", "Iptc4xmpExt:LocationShown",
    ]
    removeProperties { name in
      name.split(separator: ":").last?.hasPrefix("GPS") ?? false || places.contains(name)
    }
  }

  /// One packet of the first one and the extended one of a JPEG file; nil if they cannot be joined as
  /// text.
  func joined(with extended: XMPPacket) -> XMPPacket? {
    guard let open = extended.text.range(of: "<rdf:RDF"), let close = extended.text.range(of: "</rdf:RDF>"),
      let bodyStart = extended.text[open.upperBound...].firstIndex(of: ">"), bodyStart < close.lowerBound,
      let end = text.range(of: "</rdf:RDF>")
    else { return nil }
    // Names that the extended packet declares outside its descriptions would be unknown in the other.
    let declared = extended.text[open.upperBound..<bodyStart].split(separator: "xmlns:").dropFirst()
    guard declared.allSatisfy({ $0.hasPrefix("rdf=") }) else { return nil }
    var result = self
    let body = extended.text[extended.text.index(after: bodyStart)..<close.lowerBound]
    result.text.insert(contentsOf: body, at: end.lowerBound)
    result.removeProperties { $0 == "xmpNote:HasExtendedXMP" }
    return result
  }
}

extension Substring {
  fileprivate func range(of text: String) -> Range<Index>? { self.firstRange(of: text) }
}

extension String {
  fileprivate func range(of text: String) -> Range<Index>? { self.firstRange(of: text) }
}
