import CZlib
import Foundation
import IRFiles
import IRTensor

/// NumPy's `.npz` files: zip archives of `.npy` members, stored (`numpy.savez`) or deflated
/// (`numpy.savez_compressed`), with 64-bit sizes where they are needed.
package enum NumPyArchive {
  /// The tensors by name, in the file's order.
  /// - Throws: `TensorFileError` naming the file and the member.
  package static func read(_ path: String) throws(TensorFileError) -> [NamedTensor] {
    let archive = ZipArchive(bytes: try contents(of: path), path: path)
    var result: [NamedTensor] = []
    for member in try archive.members() {
      let tensor = try NumPyFile.tensor(try archive.contents(of: member), path: "\(path): \(member.name)")
      result.append(
        NamedTensor(member.name.hasSuffix(".npy") ? String(member.name.dropLast(4)) : member.name, tensor))
    }
    return result
  }

  /// Writes a stored archive as `numpy.savez` does, readable by it.
  package static func write(_ tensors: [NamedTensor], to path: String) throws(TensorFileError) {
    var members: [(name: [UInt8], header: [UInt8], tensor: Tensor, crc: UInt32)] = []
    for named in tensors {
      let header = try NumPyFile.header(named.tensor.type, path: path)
      members.append((Array("\(named.name).npy".utf8), header, named.tensor, checksum(header, named.tensor)))
      guard members[members.count - 1].name.count <= 0xFFFF else {
        throw .file(path: path, reason: "a tensor's name of \(named.name.utf8.count) bytes")
      }
    }
    try writeFile(path) { (file) throws(FileError) in
      var offset: UInt64 = 0
      var directory: [UInt8] = []
      for member in members {
        let size = UInt64(member.header.count + member.tensor.byteCount)
        // Sizes stand in the 64-bit extra field always, as numpy writes them: one form for every size.
        let common =
          littleEndian(UInt16(45)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0))
          + [0, 0, 0x21, 0] + littleEndian(member.crc) + [UInt8](repeating: 0xFF, count: 8)
          + littleEndian(UInt16(member.name.count))
        let sizes = littleEndian(size) + littleEndian(size)
        let local =
          littleEndian(UInt32(0x0403_4B50)) + common + littleEndian(UInt16(20)) + member.name
          + littleEndian(UInt16(1)) + littleEndian(UInt16(16)) + sizes
        try file.write(local + member.header)
        try member.tensor.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
        directory +=
          littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(45)) + common
          + littleEndian(UInt16(28)) + [UInt8](repeating: 0, count: 10) + [UInt8](repeating: 0xFF, count: 4)
          + member.name + littleEndian(UInt16(1)) + littleEndian(UInt16(24)) + sizes + littleEndian(offset)
        offset += UInt64(local.count) + size
      }
      let count = UInt64(members.count)
      let end64 =
        littleEndian(UInt32(0x0606_4B50)) + littleEndian(UInt64(44)) + littleEndian(UInt16(45))
        + littleEndian(UInt16(45)) + [UInt8](repeating: 0, count: 8) + littleEndian(count)
        + littleEndian(count)
        + littleEndian(UInt64(directory.count)) + littleEndian(offset)
      let locator =
        littleEndian(UInt32(0x0706_4B50)) + littleEndian(UInt32(0))
        + littleEndian(offset + UInt64(directory.count)) + littleEndian(UInt32(1))
      let end =
        littleEndian(UInt32(0x0605_4B50)) + [0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12) + [0, 0]
      try file.write(directory + end64 + locator + end)
    }
  }

  private static func checksum(_ header: [UInt8], _ tensor: Tensor) -> UInt32 {
    let first = crc32_z(0, header, header.count)
    return UInt32(
      tensor.withUnsafeBytes { bytes in
        crc32_z(first, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
      })
  }
}
