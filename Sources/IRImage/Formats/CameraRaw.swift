/// Raw files of cameras: they are recognised by their tags, and refused by name.
enum CameraRaw {
  /// The kind of raw; nil if the file is not a raw.
  static func name(_ file: PictureBytes) -> String? {
    let marks: [(text: String, offset: Int, name: String)] = [
      ("FUJIFILMCCD-RAW", 0, "RAF of Fujifilm"), ("FOVb", 0, "X3F of Sigma"), ("\0MRM", 0, "MRW of Minolta"),
      ("IIRO", 0, "ORF of Olympus"), ("IIRS", 0, "ORF of Olympus"), ("MMOR", 0, "ORF of Olympus"),
      ("IIU\0", 0, "RW2 of Panasonic"), ("ftypcrx ", 4, "CR3 of Canon"), ("HEAPCCDR", 6, "CRW of Canon"),
    ]
    if let mark = marks.first(where: { file.reads($0.text, at: $0.offset) }) { return mark.name }
    guard let reader = TIFFReader(file), let first = reader.firstDirectory else { return nil }
    if file.reads("CR\u{2}", at: 8) { return "CR2 of Canon" }
    if file.reads("IIII", at: 8) || file.reads("MMMM", at: 8) { return "IIQ of Phase One" }
    if !reader.numbers(0xC612, at: first).isEmpty { return "DNG" }
    var directories = Array(reader.pages.prefix(16))
    let children = directories.flatMap { reader.numbers(0x014A, at: $0) }
    directories += children.prefix(64)
    let isSensor = directories.contains { directory in
      // Colour filter array, linear raw; compressions that only raws have.
      [32_803, 34_892].contains(reader.numbers(0x0106, at: directory).first ?? 0)
        || [34_713, 32_767, 65_535, 32_769, 32_770, 65_000].contains(
          reader.numbers(0x0103, at: directory).first ?? 0)
    }
    let isPreview = (reader.numbers(0x00FE, at: first).first ?? 0) & 1 == 1 && !children.isEmpty
    guard isSensor || isPreview else { return nil }
    let make =
      TIFFDirectory(reader, at: first).entries[0x010F].map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
    let kinds = [
      "NIKON": "NEF of Nikon", "SONY": "ARW of Sony", "PENTAX": "PEF of Pentax", "RICOH": "PEF of Ricoh",
      "SAMSUNG": "SRW of Samsung", "Hasselblad": "3FR of Hasselblad", "EPSON": "ERF of Epson",
      "KODAK": "DCR of Kodak",
      "Mamiya": "MEF of Mamiya", "Leaf": "MOS of Leaf", "Canon": "raw of Canon",
    ]
    return kinds.first { make.lowercased().hasPrefix($0.key.lowercased()) }?.value
      ?? "a sensor's samples in TIFF"
  }

  static func refusal(_ name: String) -> String {
    "it is a camera raw (\(name)), not a picture: develop it first, with darktable, RawTherapee or the camera maker's "
      + "program, and restore the TIFF"
  }
}
