import Testing

@testable import IRImage

private let namespace = "urn:test:1:"

private func stating(_ metadata: ImageMetadata, _ value: String) throws -> ImageMetadata {
  try #require(metadata.stating([("A", value), ("B", "2")], prefix: "own", namespace: namespace))
}

@Test func ownPropertiesAreStatedOnce() throws {
  let first = try stating(ImageMetadata(), "a < b & \"c\"")
  #expect(first.xmpProperties(prefix: "own") == ["A": "a < b & \"c\"", "B": "2"])
  let second = try stating(first, "1")
  #expect(second.xmpProperties(prefix: "own") == ["A": "1", "B": "2"])
  // Stating again gives the same bytes: no white space is left behind.
  #expect(second == (try stating(ImageMetadata(), "1")))
  #expect(try stating(second, "1") == second)
  #expect(second.xmpProperties(prefix: "ow").isEmpty)
}

@Test func strangersPropertiesStay() throws {
  var metadata = ImageMetadata()
  let packet = """
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format='image/jpeg'/>
    </rdf:RDF></x:xmpmeta>
    """
  metadata.xmp = Array(packet.utf8)
  let stated = try stating(metadata, "1")
  let text = String(decoding: try #require(stated.xmp), as: UTF8.self)
  #expect(text.contains("dc:format='image/jpeg'"))
  #expect(stated.xmpProperties(prefix: "dc") == ["format": "image/jpeg"])
  #expect(stated.xmpProperties(prefix: "own") == ["A": "1", "B": "2"])
}

@Test func damagedPacketsTakeNoProperties() {
  for text in ["", "no XMP", "<rdf:RDF", "<rdf:RDF></rdf:RD", "<a b=\"</rdf:RDF>"] {
    var metadata = ImageMetadata()
    metadata.xmp = Array(text.utf8)
    #expect(metadata.stating([("A", "1")], prefix: "own", namespace: namespace) == nil, "\(text)")
    #expect(metadata.xmpProperties(prefix: "own").isEmpty)
  }
}
