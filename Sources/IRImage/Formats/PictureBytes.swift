import Foundation
import IRFiles

/// The bytes of a picture's file at any place, whether they are held in memory or not. Files are read and not
/// mapped: one that gets shorter meanwhile ends early instead of ending the process.
struct PictureBytes {
  let count: Int
  private let read: (_ offset: Int, _ count: Int) -> Data

  init(_ bytes: [UInt8]) {
    self.init(Data(bytes))
  }

  init(_ data: Data) {
    count = data.count
    read = { data.dropFirst($0).prefix($1) }
  }

  /// - Throws: `FileError`, also if the file is not a regular one: a pipe or a device could keep its reader
  ///   waiting for ever.
  init(contentsOf path: FilePath) throws(FileError) {
    guard let status = path.status else { throw FileError(path: path.text, reason: systemError()) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path: path.text, reason: "not a regular file")
    }
    let file = FileHandle(fileDescriptor: try path.opened(), closeOnDealloc: true)
    count = Int(status.st_size)
    read = { offset, count in
      (try? file.seek(toOffset: UInt64(offset))).flatMap { try? file.read(upToCount: count) } ?? Data()
    }
  }

  /// The bytes from an offset on, fewer where the file ends.
  func prefix(_ count: Int, at offset: Int = 0) -> Data {
    guard offset >= 0, count > 0, offset < self.count else { return Data() }
    return Data(read(offset, min(count, self.count - offset)))
  }

  /// Exactly these bytes, or nil if they are not all there.
  func bytes(_ offset: Int, _ count: Int) -> [UInt8]? {
    guard offset >= 0, count >= 0, offset <= self.count - count else { return nil }
    let bytes = [UInt8](prefix(count, at: offset))
    return bytes.count == count ? bytes : nil
  }
}

extension PictureBytes {
  /// An unsigned number of up to 7 bytes, most significant first; nil if it does not lie in the file.
  func bigEndian(_ offset: Int, _ count: Int) -> Int? {
    bytes(offset, count).map { $0.reduce(0) { $0 << 8 | Int($1) } }
  }

  /// An unsigned number of up to 7 bytes, least significant first; nil if it does not lie in the file.
  func littleEndian(_ offset: Int, _ count: Int) -> Int? {
    bytes(offset, count).map { $0.reversed().reduce(0) { $0 << 8 | Int($1) } }
  }

  /// Whether these characters stand at an offset.
  func reads(_ text: String, at offset: Int) -> Bool {
    bytes(offset, text.utf8.count).map { $0.elementsEqual(text.utf8) } ?? false
  }
}

/// The bytes of a number, most significant first.
func bigEndianBytes(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}

/// The bytes of a number, least significant first.
func littleEndianBytes(_ value: Int, _ count: Int) -> [UInt8] {
  (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
