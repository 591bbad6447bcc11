import CZlib
import IRFiles

/// A file of a zip archive that is to be written.
struct StoredMember {
  var name: String
  var size: Int
  var crc: UInt32
  /// Writes its content.
  var write: (AtomicFile) throws(FileError) -> Void

  init(_ name: String, size: Int, crc: UInt32, write: @escaping (AtomicFile) throws(FileError) -> Void) {
    self.name = name
    self.size = size
    self.crc = crc
    self.write = write
  }

  init(_ name: String, _ content: [UInt8]) {
    self.init(name, size: content.count, crc: UInt32(crc32_z(0, content, content.count))) {
      (file) throws(FileError) in try file.write(content)
    }
  }
}

extension ZipArchive {
  /// Writes members as they are, beside the path first, dated 1980: the same members are the same bytes.
  /// Sizes stand in the 64-bit extra field always, as numpy writes them: one form for every size.
  static func write(_ members: [StoredMember], to path: String) throws(TensorFileError) {
    for member in members where member.name.utf8.count > 0xFFFF {
      throw .file(path: path, reason: "a name of \(member.name.utf8.count) bytes")
    }
    try writeFile(path) { (file) throws(FileError) in
      var offset: UInt64 = 0
      var directory: [UInt8] = []
      for member in members {
        let name = Array(member.name.utf8)
        let common =
          littleEndian(UInt16(45)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0))
          + [0, 0, 0x21, 0] + littleEndian(member.crc) + [UInt8](repeating: 0xFF, count: 8)
          + littleEndian(UInt16(name.count))
        let sizes = littleEndian(UInt64(member.size)) + littleEndian(UInt64(member.size))
        let local =
          littleEndian(UInt32(0x0403_4B50)) + common + littleEndian(UInt16(20)) + name
          + littleEndian(UInt16(1)) + littleEndian(UInt16(16)) + sizes
        try file.write(local)
        try member.write(file)
        directory +=
          littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(45)) + common
          + littleEndian(UInt16(28)) + [UInt8](repeating: 0, count: 10) + [UInt8](repeating: 0xFF, count: 4)
          + name + littleEndian(UInt16(1)) + littleEndian(UInt16(24)) + sizes + littleEndian(offset)
        offset += UInt64(local.count + member.size)
      }
      let count = UInt64(members.count)
      let end64 =
        littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44)) + littleEndian(UInt16(45))
        + littleEndian(UInt16(45)) + [UInt8](repeating: 0, count: 8) + littleEndian(count)
        + littleEndian(count) + littleEndian(UInt64(directory.count)) + littleEndian(offset)
      let locator =
        littleEndian(UInt32(0x0706_4B50)) + littleEndian(UInt32(0))
        + littleEndian(offset + UInt64(directory.count)) + littleEndian(UInt32(1))
      let end =
        littleEndian(UInt32(0x0605_4B50)) + [0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12) + [0, 0]
      try file.write(directory + end64 + locator + end)
    }
  }
}
