import Foundation

/// EXIF in TIFF files, which libvips neither reads nor writes.
enum TIFFMetadata {
  private static let exifHeader: [UInt8] = [0x45, 0x78, 0x69, 0x66, 0, 0]

  /// What a TIFF says in EXIF's terms, as a block for other formats; nil where it says nothing.
  static func exif(in file: PictureBytes) -> [UInt8]? {
    guard let reader = TIFFReader(file), let offset = reader.number(4, 4) else { return nil }
    let directory = described(TIFFDirectory(reader, at: offset))
    guard !directory.children.isEmpty || !directory.entries.isEmpty else { return nil }
    return exifHeader + [0x49, 0x49, 0x2A, 0, 8, 0, 0, 0] + directory.serialized(at: 8, isLittleEndian: true)
  }

  /// Adds an EXIF block to a TIFF file: its first directory is written again at the end, with the block's.
  /// A file that is no classic TIFF stays as it is.
  static func add(_ exif: [UInt8], to path: String) throws {
    let block = exif.starts(with: exifHeader) ? Array(exif.dropFirst(exifHeader.count)) : exif
    guard let source = TIFFReader(PictureBytes(Data(block))), let start = source.number(4, 4) else { return }
    let added = described(TIFFDirectory(source, at: start))
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    let written = try PictureBytes(contentsOf: path)
    guard let target = TIFFReader(written), let offset = target.number(4, 4),
      written.count < Int(UInt32.max) - (64 << 20)
    else { return }
    var directory = TIFFDirectory(target, at: offset)
    guard target.number(offset, 2) == directory.entries.count + directory.children.count,
      target.number(offset + 2 + 12 * directory.entries.count, 4) == 0
    else { return }
    directory.entries.merge(added.entries) { own, _ in own }
    directory.children.merge(added.children) { _, new in new }
    let end = (written.count + 1) / 2 * 2
    let bytes = directory.serialized(at: end, isLittleEndian: target.isLittleEndian)
    try file.seekToEnd()
    try file.write(contentsOf: Data([UInt8](repeating: 0, count: end - written.count) + bytes))
    let pointer = (0..<4).map { UInt8(truncatingIfNeeded: end >> (8 * $0)) }
    try file.seek(toOffset: 4)
    try file.write(contentsOf: Data(target.isLittleEndian ? pointer : pointer.reversed()))
  }

  /// The part that describes the photograph.
  private static func described(_ directory: TIFFDirectory) -> TIFFDirectory {
    var result = TIFFDirectory()
    result.entries = directory.entries.filter { TIFFDirectory.descriptiveTags.contains($0.key) }
    result.children = directory.children.filter { !$0.value.entries.isEmpty }
    return result
  }
}
