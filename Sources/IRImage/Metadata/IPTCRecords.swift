import IRTensor

/// The datasets of IPTC's Information Interchange Model.
enum IPTCRecords {
  /// Sub-location, content location, city, province, country, of the application record.
  private static let places: Set<Int> = [26, 27, 90, 92, 95, 100, 101]

  /// The same datasets without those of places; nil if none is left or they are damaged.
  static func withoutPosition(_ bytes: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var position = 0
    while position + 5 <= bytes.count, bytes[position] == 0x1C {
      let (record, dataset) = (Int(bytes[position + 1]), Int(bytes[position + 2]))
      let count = Int(bytes[position + 3]) << 8 | Int(bytes[position + 4])
      let end = position + 5 + count
      // Datasets of 32 KiB and more state their length in another way.
      guard count < 0x8000, end <= bytes.count else { return nil }
      if record != 2 || !places.contains(dataset) { result += bytes[position..<end] }
      position = end
    }
    return result.isEmpty ? nil : result
  }
}

extension PhotoshopResource {
  static let iptc = 0x0404
  /// Resources that are stated elsewhere, or show the pixels as they were: resolution, thumbnails, EXIF, XMP,
  /// ICC.
  static let derived: Set<Int> = [0x03ED, 0x0409, 0x040C, 0x040F, 0x0422, 0x0423, 0x0424]

  /// The resources of a block; those behind a damaged one are left out.
  static func resources(in block: [UInt8]) -> [PhotoshopResource] {
    var result: [PhotoshopResource] = []
    var position = 0
    func number(_ at: Int, _ count: Int) -> Int { block[at..<(at + count)].reduce(0) { $0 << 8 | Int($1) } }
    while position + 12 <= block.count, block[position..<(position + 4)].elementsEqual("8BIM".utf8) {
      let nameCount = (Int(block[position + 6]) + 2) / 2 * 2
      let size = position + 6 + nameCount
      guard size + 4 <= block.count else { break }
      let (start, count) = (size + 4, number(size, 4))
      guard count <= block.count - start else { break }
      result.append(
        PhotoshopResource(
          number: number(position + 4, 2), name: Array(block[(position + 6)..<size]),
          bytes: Array(block[start..<(start + count)])))
      position = start + count.roundedUp(toMultipleOf: 2)
    }
    return result
  }

  var serialized: [UInt8] {
    Array("8BIM".utf8) + bigEndianBytes(number, 2) + name + bigEndianBytes(bytes.count, 4) + bytes
      + (bytes.count % 2 == 1 ? [0] : [])
  }

  /// The resources with those of IPTC.
  static func block(_ metadata: ImageMetadata) -> [UInt8] {
    var resources = metadata.photoshop
    if let iptc = metadata.iptc {
      resources.append(PhotoshopResource(number: Self.iptc, name: [0, 0], bytes: iptc))
    }
    return resources.flatMap(\.serialized)
  }

}

extension ImageMetadata {
  /// Takes IPTC and what else is carried from Photoshop's resources.
  mutating func take(_ resources: [PhotoshopResource]) {
    for resource in resources {
      if resource.number == PhotoshopResource.iptc {
        if iptc == nil, !resource.bytes.isEmpty { iptc = resource.bytes }
      } else if !PhotoshopResource.derived.contains(resource.number) {
        photoshop.append(resource)
      }
    }
  }
}
