import CZlib
import Foundation

/// A zip archive in memory, read by its directory. Every size is checked before it is used.
struct ZipArchive {
  struct Member {
    var name: String
    var isDeflated: Bool
    var compressedSize: Int
    var size: Int
    var crc: UInt32
    var headerOffset: Int
  }

  let bytes: Data
  let path: String

  private func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }

  /// A little-endian number of at most 8 bytes, or -1 where it lies outside the file or exceeds an `Int`.
  private func number(_ position: Int, _ count: Int) -> Int {
    guard position >= 0, position <= bytes.count - count else { return -1 }
    let value = (0..<count).reduce(UInt64(0)) {
      $0 | UInt64(bytes[bytes.startIndex + position + $1]) << UInt64(8 * $1)
    }
    return Int(exactly: value) ?? -1
  }

  /// The files in the directory.
  func members() throws(TensorFileError) -> [Member] {
    // The directory's end lies in the last 64 KiB, behind at most a comment.
    let first = max(0, bytes.count - 65_557)
    guard bytes.count >= 22,
      let end = stride(from: bytes.count - 22, through: first, by: -1).first(where: {
        number($0, 4) == 0x0605_4B50
      })
    else { throw malformed("not a zip archive") }
    var (count, position) = (number(end + 10, 2), number(end + 16, 4))
    if number(end - 20, 4) == 0x0706_4B50 {
      let wide = number(end - 12, 8)
      guard number(wide, 4) == 0x0606_4B50 else { throw malformed("the directory is damaged") }
      (count, position) = (number(wide + 32, 8), number(wide + 48, 8))
    }
    guard count >= 0, count <= bytes.count / 46 else { throw malformed("the directory is damaged") }
    var result: [Member] = []
    var compressedTotal = 0
    for _ in 0..<count {
      guard number(position, 4) == 0x0201_4B50 else { throw malformed("the directory is damaged") }
      let (flags, method) = (number(position + 8, 2), number(position + 10, 2))
      let lengths = (
        name: number(position + 28, 2), extra: number(position + 30, 2), comment: number(position + 32, 2)
      )
      let nameStart = position + 46
      guard lengths.comment >= 0, nameStart <= bytes.count - lengths.name - lengths.extra - lengths.comment
      else {
        throw malformed("the directory is cut off")
      }
      let start = bytes.startIndex + nameStart
      let name = String(decoding: bytes[start..<(start + lengths.name)], as: UTF8.self)
      guard flags & 1 == 0, method == 0 || method == 8 else {
        throw malformed("\(name) is encrypted or compressed other than by deflate")
      }
      var fields = [number(position + 24, 4), number(position + 20, 4), number(position + 42, 4)]
      try widen(&fields, extra: nameStart + lengths.name, count: lengths.extra, name)
      result.append(
        Member(
          name: name, isDeflated: method == 8, compressedSize: fields[1], size: fields[0],
          crc: UInt32(truncatingIfNeeded: number(position + 16, 4)), headerOffset: fields[2]))
      // Members that share their bytes would unpack to any size at all.
      compressedTotal += max(0, min(fields[1], bytes.count + 1))
      guard compressedTotal <= bytes.count else {
        throw malformed("its members are more than the file holds")
      }
      position = nameStart + lengths.name + lengths.extra + lengths.comment
    }
    return result
  }

  /// Takes the fields that are all ones from the 64-bit extra field, in order.
  private func widen(_ fields: inout [Int], extra: Int, count: Int, _ name: String) throws(TensorFileError) {
    guard fields.contains(0xFFFF_FFFF) else { return }
    var position = extra
    while position + 4 <= extra + count {
      let (tag, length) = (number(position, 2), number(position + 2, 2))
      guard tag == 1 else { position += 4 + max(length, 0); continue }
      var source = position + 4
      for index in fields.indices where fields[index] == 0xFFFF_FFFF {
        guard source + 8 <= position + 4 + length else { break }
        fields[index] = number(source, 8)
        source += 8
      }
      break
    }
    guard !fields.contains(-1) else { throw malformed("\(name) lies outside the file") }
  }

  /// A member's bytes, checked against its checksum.
  func contents(of member: Member) throws(TensorFileError) -> Data {
    let header = member.headerOffset
    let lengths = (number(header + 26, 2), number(header + 28, 2))
    guard number(header, 4) == 0x0403_4B50, lengths.0 >= 0, lengths.1 >= 0 else {
      throw malformed("\(member.name) lies outside the file")
    }
    let start = header + 30 + lengths.0 + lengths.1
    guard member.compressedSize >= 0, start <= bytes.count, member.compressedSize <= bytes.count - start
    else {
      throw malformed("\(member.name) lies outside the file")
    }
    let raw = bytes[(bytes.startIndex + start)..<(bytes.startIndex + start + member.compressedSize)]
    let result = member.isDeflated ? try inflated(raw, member) : raw
    guard result.count == member.size else { throw malformed("\(member.name) has not the size it states") }
    let crc = result.withUnsafeBytes { crc32_z(0, $0.bindMemory(to: UInt8.self).baseAddress, $0.count) }
    guard UInt32(crc) == member.crc else {
      throw malformed("\(member.name) is damaged: its checksum differs")
    }
    return result
  }

  private func inflated(_ raw: Data, _ member: Member) throws(TensorFileError) -> Data {
    // Deflate cannot do better than 1032 to 1, so a larger size is a lie and nothing is allocated for it.
    guard member.size >= 0, member.size / 1032 <= raw.count else {
      throw malformed("\(member.name) states \(member.size) bytes in \(raw.count) compressed ones")
    }
    var result = Data(count: member.size)
    let isWhole = result.withUnsafeMutableBytes { target in
      raw.withUnsafeBytes { source in inflate(source, into: target) }
    }
    guard isWhole else { throw malformed("\(member.name) is damaged: it does not decompress") }
    return result
  }

  private func inflate(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Bool {
    var stream = z_stream()
    guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      return false
    }
    defer { inflateEnd(&stream) }
    var (read, written) = (0, 0)
    while true {
      // zlib counts in 32 bits.
      let (input, output) = (min(source.count - read, 1 << 30), min(target.count - written, 1 << 30))
      stream.next_in = UnsafeMutablePointer(
        mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self).advanced(by: read))
      stream.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self).advanced(by: written)
      (stream.avail_in, stream.avail_out) = (UInt32(input), UInt32(output))
      let status = CZlib.inflate(&stream, Z_NO_FLUSH)
      let (taken, made) = (input - Int(stream.avail_in), output - Int(stream.avail_out))
      (read, written) = (read + taken, written + made)
      if status == Z_STREAM_END { return written == target.count }
      guard status == Z_OK, taken + made > 0 else { return false }
    }
  }
}
