/// Which statements of one picture another one does not make.
extension ImageMetadata {
  /// The names of what is stated, apart from EXIF's tags.
  private var statements: Set<String> {
    var result = colours.statements
    if iccProfile != nil { result.insert("ICC profile") }
    if xmp != nil { result.insert("XMP") }
    if iptc != nil { result.insert("IPTC") }
    if !photoshop.isEmpty { result.insert("Photoshop resources") }
    if effectiveResolution != nil { result.insert("resolution") }
    for text in texts {
      result.insert(text.keyword == PictureText.comment ? "comment" : "text \(text.keyword)")
    }
    for tag in tags.keys {
      result.insert(
        TIFFDirectory.geographicTags.contains(tag) ? TIFFDirectory.geographicName : "tag \(hexadecimal(tag))")
    }
    if let attachments { result.insert(attachments.name) }
    return result
  }

  /// Names of these statements that the metadata `written` lack, and of those that no writer carries; sorted.
  func lost(in written: ImageMetadata) -> [String] {
    var result = statements.subtracting(written.statements).union(uncarried)
    if let own = effectiveResolution, let other = written.effectiveResolution, !own.agrees(with: other) {
      result.insert("resolution")
    }
    if let whole = wholeXMP, written.xmp != nil, whole.count > (written.wholeXMP?.count ?? 0) + 1024 {
      result.insert("a part of XMP")
    }
    if let iptc, let other = written.iptc, iptc != other { result.insert("IPTC") }
    // A profile made of these stands for them.
    if iccProfile == nil, written.iccProfile != nil { result.subtract(["gamma", "chromaticities"]) }
    guard let exif, let block = ExifBlock(exif) else { return result.sorted() }
    let stated = block.statedTags
    guard !stated.isEmpty else { return result.sorted() }
    guard let other = written.exif.flatMap({ ExifBlock($0) }) else {
      return result.union(["EXIF"]).sorted()
    }
    return result.union(stated.subtracting(other.statedTags)).sorted()
  }
}
