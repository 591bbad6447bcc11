/// Statements that follow from a picture's others, and copies of them.
extension ImageMetadata {
  /// XMP whole, in one packet.
  var wholeXMP: [UInt8]? {
    guard let xmp, let extendedXMP else { return xmp }
    return XMPPacket(xmp).joined(with: XMPPacket(extendedXMP.bytes))?.bytes ?? xmp
  }

  /// The container's resolution, else EXIF's.
  var effectiveResolution: Resolution? { resolution ?? exif.flatMap { ExifBlock($0)?.resolution } }

  // MARK: Copies

  /// A copy that says nothing of who, when and where: the colours and the resolution stay, since the picture
  /// would look other without them.
  public func stripped() -> ImageMetadata {
    var result = ImageMetadata()
    result.iccProfile = iccProfile
    result.resolution = effectiveResolution
    result.colours = colours
    if iccProfile == nil, let exif, ExifBlock(exif)?.isAdobeRGB == true {
      result.iccProfile = RGBSpace.adobe.profile
    }
    result.encoding = encoding
    return result
  }

  /// A copy without the place where the picture was taken: no GPS in EXIF and XMP, no names of places in XMP
  /// and IPTC, no geographic tags, and nothing of what lies behind a JPEG's picture. EXIF and XMP that are
  /// damaged go whole.
  public func withoutPosition() -> ImageMetadata {
    var result = self
    if let exif {
      var block = ExifBlock(exif)
      result.exif = block?.removePosition() == true ? block?.bytes : nil
    }
    result.xmp = xmp.flatMap(Self.withoutPosition)
    if let extendedXMP {
      let bytes = Self.withoutPosition(extendedXMP.bytes)
      // Its digest is one of the bytes.
      result.extendedXMP = bytes == extendedXMP.bytes ? extendedXMP : nil
      if bytes != extendedXMP.bytes { result.xmp = wholeXMP.flatMap(Self.withoutPosition) }
    }
    result.iptc = iptc.flatMap(IPTCRecords.withoutPosition)
    // The digest of the records as they were.
    if result.iptc != iptc { result.photoshop.removeAll { $0.number == 0x0425 } }
    result.tags = tags.filter { !TIFFDirectory.geographicTags.contains($0.key) }
    if result.attachments != nil { result.removeAttachments() }
    return result
  }

  private static func withoutPosition(_ xmp: [UInt8]) -> [UInt8]? {
    // Zeros between the letters: UTF-16 or UTF-32, in which no name would be found.
    guard !xmp.reversed().drop(while: { $0 == 0 }).contains(0) else { return nil }
    var packet = XMPPacket(xmp)
    packet.removePosition()
    return packet.isDamaged || packet.contains(":GPS") ? nil : packet.bytes
  }

  /// A copy for pixels that were turned as the orientation said.
  func upright(isTurned: Bool) -> ImageMetadata {
    var result = self
    if let exif, var block = ExifBlock(exif) {
      block.setUpright()
      result.exif = block.bytes
    }
    if let xmp {
      var packet = XMPPacket(xmp)
      packet.setUpright()
      result.xmp = packet.bytes
    }
    guard isTurned else { return result }
    if let attachments {
      result.uncarried.insert(attachments.name)
      result.removeAttachments()
    }
    let geographic = tags.keys.filter { TIFFDirectory.geographicTags.contains($0) }
    if !geographic.isEmpty { result.uncarried.insert(TIFFDirectory.geographicName) }
    for tag in geographic { result.tags[tag] = nil }
    if result.resolution?.unit != Resolution.Unit.none, let resolution,
      resolution.horizontal != resolution.vertical
    {
      result.resolution = Resolution(resolution.vertical, resolution.horizontal, resolution.unit)
    }
    return result
  }

  /// Takes out what lies behind a JPEG's picture, with what XMP claims of it.
  mutating func removeAttachments() {
    attachments = nil
    guard let xmp else { return }
    var packet = XMPPacket(xmp)
    guard packet.claimsAttachments else { return }
    packet.removeAttachmentClaims()
    self.xmp = packet.bytes
  }

  /// A copy for pixels in sRGB.
  func inSRGB() -> ImageMetadata {
    var result = self
    result.iccProfile = nil
    result.colours = ColourStatement()
    if let exif, var block = ExifBlock(exif) {
      block.setSRGB()
      result.exif = block.bytes
    }
    return result
  }

  /// A copy for a file of this size: EXIF says it where it says one, and what holds for one size only goes.
  func fitted(width: Int, height: Int) -> ImageMetadata {
    var result = self
    if let exif, var block = ExifBlock(exif) {
      block.setSize(width: width, height: height)
      result.exif = block.bytes
    }
    guard let source = encoding.size, source != .init(width: width, height: height) else { return result }
    if result.attachments != nil { result.removeAttachments() }
    result.tags = result.tags.filter { !TIFFDirectory.geographicTags.contains($0.key) }
    return result
  }
}
