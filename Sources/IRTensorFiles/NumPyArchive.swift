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
    var members: [StoredMember] = []
    for named in tensors {
      let header = try NumPyFile.header(named.tensor.type, path: path)
      let tensor = named.tensor
      members.append(
        StoredMember(
          "\(named.name).npy", size: header.count + tensor.byteCount, crc: checksum(header, tensor)
        ) { (file) throws(FileError) in
          try file.write(header)
          try tensor.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
        })
    }
    try ZipArchive.write(members, to: path)
  }

  private static func checksum(_ header: [UInt8], _ tensor: Tensor) -> UInt32 {
    let first = crc32_z(0, header, header.count)
    return UInt32(
      tensor.withUnsafeBytes { bytes in
        crc32_z(first, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count)
      })
  }
}
