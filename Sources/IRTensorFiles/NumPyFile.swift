import Foundation
import IRFiles
import IRTensor

/// NumPy's `.npy` files, versions 1 to 3: little-endian numbers and bools in C order.
package enum NumPyFile {
  /// - Throws: `TensorFileError` naming the file.
  package static func read(_ path: String) throws(TensorFileError) -> Tensor {
    try tensor(try contents(of: path), path: path)
  }

  /// - Throws: `TensorFileError`; bfloat16 has no NumPy type and is refused.
  package static func write(_ tensor: Tensor, to path: String) throws(TensorFileError) {
    let header = try header(tensor.type, path: path)
    try writeFile(path) { (file) throws(FileError) in
      try file.write(header)
      try tensor.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
    }
  }

  private static let descriptors: [(ElementType, String)] = [
    (.float16, "<f2"), (.float32, "<f4"), (.float64, "<f8"), (.int8, "|i1"), (.int16, "<i2"), (.int32, "<i4"),
    (.int64, "<i8"), (.uint8, "|u1"), (.uint16, "<u2"), (.uint32, "<u4"), (.uint64, "<u8"), (.bool, "|b1"),
  ]

  /// The bytes before a tensor's own, padded to a multiple of 64.
  static func header(_ type: TensorType, path: String) throws(TensorFileError) -> [UInt8] {
    guard let descriptor = descriptors.first(where: { $0.0 == type.elementType })?.1 else {
      throw .file(path: path, reason: "NumPy has no \(type.elementType): write .safetensors")
    }
    let extents = type.shape.map { "\($0)" }.joined(separator: ", ") + (type.shape.rank == 1 ? "," : "")
    var text = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(extents)), }"
    text += String(repeating: " ", count: 63 - (text.utf8.count + 10) % 64) + "\n"
    return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0] + littleEndian(UInt16(text.utf8.count))
      + Array(text.utf8)
  }

  /// The tensor of a whole file's bytes.
  static func tensor(_ bytes: Data, path: String) throws(TensorFileError) -> Tensor {
    func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }
    let start = bytes.startIndex
    guard bytes.count >= 12, bytes.prefix(6).elementsEqual([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) else {
      throw malformed("not a NumPy array")
    }
    let version = bytes[start + 6]
    let lengthBytes = version == 1 ? 2 : 4
    let headerStart = 8 + lengthBytes
    let headerLength = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[start + 8 + $1]) << (8 * $1) }
    guard (1...3).contains(version), headerLength <= 1 << 16, headerStart + headerLength <= bytes.count else {
      throw malformed("the header is cut off")
    }
    let body = start + headerStart + headerLength
    let header = String(decoding: bytes[(start + headerStart)..<body], as: UTF8.self)
    let descriptor = quoted(header, after: "'descr':")
    guard let type = descriptors.first(where: { $0.1 == descriptor })?.0 else {
      throw malformed("element type \(descriptor ?? "missing") is not supported")
    }
    guard header.contains("'fortran_order': False") else { throw malformed("Fortran order is not supported") }
    guard let open = header.firstIndex(of: "("), let close = header[open...].firstIndex(of: ")") else {
      throw malformed("the header holds no shape")
    }
    var extents: [Int] = []
    for part in header[header.index(after: open)..<close].split(separator: ",") {
      let text = part.trimmingCharacters(in: .whitespaces)
      if text.isEmpty { continue }
      guard let extent = Int(text), extent >= 0 else { throw malformed("extent \(text)") }
      extents.append(extent)
    }
    let rest = bytes.endIndex - body
    let shape = Shape(extents)
    guard extents.count <= 32, let count = shape.checkedElementCount, count <= rest / type.byteCount,
      count * type.byteCount == rest
    else { throw malformed("shape \(shape) of \(type) does not take the \(rest) bytes there are") }
    return Tensor(TensorType(type, shape)) { target in
      _ = bytes[body...].copyBytes(to: target)
    }
  }

  private static func quoted(_ text: String, after key: String) -> String? {
    guard let range = text.range(of: key) else { return nil }
    let parts = text[range.upperBound...].split(
      separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count > 1 ? String(parts[1]) : nil
  }
}
