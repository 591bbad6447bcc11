import Foundation
import IRTensor

/// NumPy's `.npy` files, versions 1 to 3: little-endian numbers and bools in C order.
public enum NumPyFile {
  /// - Throws: `TensorFileError` naming the file.
  public static func read(_ path: String) throws(TensorFileError) -> Tensor {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .file(path: path, reason: "no such file, or it cannot be read")
    }
    return try tensor([UInt8](data)[...], path: path)
  }

  /// The tensor of a whole file's bytes.
  static func tensor(_ bytes: ArraySlice<UInt8>, path: String) throws(TensorFileError) -> Tensor {
    func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }
    let bytes = Array(bytes)
    guard bytes.count >= 12, bytes.prefix(6).elementsEqual([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) else {
      throw malformed("not a NumPy array")
    }
    let lengthBytes = bytes[6] == 1 ? 2 : 4
    let headerStart = 8 + lengthBytes
    let headerLength = (0..<lengthBytes).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
    guard (1...3).contains(bytes[6]), headerLength <= 1 << 16, headerStart + headerLength <= bytes.count else {
      throw malformed("the header is cut off")
    }
    let header = String(decoding: bytes[headerStart..<(headerStart + headerLength)], as: UTF8.self)
    guard let descriptor = quoted(header, after: "'descr':"), let type = elementType(descriptor) else {
      throw malformed("element type \(quoted(header, after: "'descr':") ?? "missing") is not supported")
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
    let rest = bytes.count - headerStart - headerLength
    let shape = Shape(extents)
    guard extents.count <= 32, let count = shape.checkedElementCount, count <= rest / type.byteCount,
      count * type.byteCount == rest
    else { throw malformed("shape \(shape) of \(type) does not take the \(rest) bytes there are") }
    return Tensor(TensorType(type, shape)) { target in
      bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[(headerStart + headerLength)...])) }
    }
  }

  private static func quoted(_ text: String, after key: String) -> String? {
    guard let range = text.range(of: key) else { return nil }
    let parts = text[range.upperBound...].split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
    return parts.count > 1 ? String(parts[1]) : nil
  }

  private static func elementType(_ descriptor: String) -> ElementType? {
    let known: [String: ElementType] = [
      "<f2": .float16, "<f4": .float32, "<f8": .float64, "|i1": .int8, "<i2": .int16, "<i4": .int32, "<i8": .int64,
      "|u1": .uint8, "<u2": .uint16, "<u4": .uint32, "<u8": .uint64, "|b1": .bool,
    ]
    return known[descriptor]
  }
}

/// NumPy's `.npz` files, not compressed, as `numpy.savez` writes them.
public enum NumPyArchive {
  /// The tensors by name, in the file's order.
  /// - Throws: `TensorFileError` naming the file and the member.
  public static func read(_ path: String) throws(TensorFileError) -> [(name: String, tensor: Tensor)] {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .file(path: path, reason: "no such file, or it cannot be read")
    }
    let bytes = [UInt8](data)
    func number(_ position: Int, _ count: Int) -> Int {
      guard position >= 0, position + count <= bytes.count else { return -1 }
      return (0..<count).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
    }
    // The directory's end lies in the last 64 KiB, behind at most a comment.
    let first = max(0, bytes.count - 65_557)
    guard bytes.count >= 22,
      let end = stride(from: bytes.count - 22, through: first, by: -1).first(where: { number($0, 4) == 0x0605_4B50 })
    else { throw .malformed(path: path, detail: "not a zip archive") }
    var position = number(end + 16, 4)
    var result: [(name: String, tensor: Tensor)] = []
    for _ in 0..<number(end + 10, 2) {
      guard number(position, 4) == 0x0201_4B50 else { throw .malformed(path: path, detail: "the directory is damaged") }
      let (method, size) = (number(position + 10, 2), number(position + 24, 4))
      let (nameLength, extra, comment) = (number(position + 28, 2), number(position + 30, 2), number(position + 32, 2))
      let header = number(position + 42, 4)
      guard nameLength >= 0, position + 46 + nameLength <= bytes.count else {
        throw .malformed(path: path, detail: "the directory is cut off")
      }
      let name = String(decoding: bytes[(position + 46)..<(position + 46 + nameLength)], as: UTF8.self)
      guard method == 0 else { throw .malformed(path: path, detail: "\(name) is compressed: use numpy.savez") }
      let start = header + 30 + number(header + 26, 2) + number(header + 28, 2)
      guard number(header, 4) == 0x0403_4B50, size >= 0, start <= bytes.count, size <= bytes.count - start else {
        throw .malformed(path: path, detail: "\(name) lies outside the file")
      }
      let tensor = try NumPyFile.tensor(bytes[start..<(start + size)], path: "\(path): \(name)")
      result.append((name.hasSuffix(".npy") ? String(name.dropLast(4)) : name, tensor))
      position += 46 + nameLength + extra + comment
    }
    return result
  }
}
