/// Properties under a prefix of our own, as attributes of a description that holds nothing else.
extension XMPPacket {
  /// The properties whose names begin with `prefix` and a colon, by the rest of their names.
  func properties(prefix: String) -> [String: String] {
    var result: [String: String] = [:]
    for attribute in attributes where attribute.name.hasPrefix("\(prefix):") {
      result[String(attribute.name.dropFirst(prefix.utf8.count + 1))] = Self.unescaped(attribute.value)
    }
    return result
  }

  /// Replaces all properties of the prefix.
  /// - Returns: whether the packet has a place for them; it is unchanged if not.
  mutating func setProperties(
    _ properties: [(name: String, value: String)], prefix: String, namespace: String
  )
    -> Bool
  {
    var other = self
    other.removeDescriptions(declaring: namespace, ofOnly: prefix)
    other.removeProperties { $0.hasPrefix("\(prefix):") || $0 == "xmlns:\(prefix)" }
    let list = properties.map { "\n   \(prefix):\($0.name)=\"\(Self.escaped($0.value))\"" }.joined()
    let description =
      " <rdf:Description rdf:about=\"\" xmlns:\(prefix)=\"\(Self.escaped(namespace))\"\(list)/>\n"
    guard !other.isDamaged, other.insert(description, before: "</rdf:RDF>") else { return false }
    self = other
    return true
  }

  /// A packet that states nothing.
  static let empty = XMPPacket(
    Array(
      """
      <?xpacket begin="\u{FEFF}" id="W5M0MpCehiHzreSzNTczkc9d"?>
      <x:xmpmeta xmlns:x="adobe:ns:meta/">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      </rdf:RDF>
      </x:xmpmeta>
      <?xpacket end="w"?>
      """.utf8))

  private static let escapes = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;")]

  private static func escaped(_ text: String) -> String {
    escapes.reduce(text) { $0.replacing($1.0, with: $1.1) }
  }

  private static func unescaped(_ text: String) -> String {
    escapes.reversed().reduce(text.replacing("&apos;", with: "'")) { $0.replacing($1.1, with: $1.0) }
  }
}

extension ImageMetadata {
  /// The properties of XMP under a prefix, by the rest of their names.
  public func xmpProperties(prefix: String) -> [String: String] {
    wholeXMP.map { XMPPacket($0).properties(prefix: prefix) } ?? [:]
  }

  /// A copy whose XMP states these properties, and no others under the prefix; nil if there is XMP that
  /// has no place for them.
  public func stating(
    _ properties: [(name: String, value: String)], prefix: String, namespace: String
  ) -> ImageMetadata? {
    var packet = xmp.map { XMPPacket($0) } ?? .empty
    guard packet.setProperties(properties, prefix: prefix, namespace: namespace) else { return nil }
    var result = self
    result.xmp = packet.bytes
    return result
  }
}
