import Foundation
import IRFiles
import Synchronization

/// Data from a pipe, which states no size beforehand and may never end: only so much of it is read.
package enum StandardInput {
  /// Bytes of a picture's file.
  static let pictureLimit = 1 << 30

  private static let ahead = Mutex(Data())

  /// The first bytes, fewer where it ends; they are read again by who reads it from here.
  /// - Throws: with the system's reason.
  package static func lookAhead(_ count: Int) throws -> Data {
    try ahead.withLock { ahead in
      while ahead.count < count,
        let piece = try FileHandle.standardInput.read(upToCount: count - ahead.count),
        !piece.isEmpty
      {
        ahead.append(piece)
      }
      return ahead
    }
  }

  /// What was looked at, for who reads on by other means.
  package static func takeAhead() -> [UInt8] {
    ahead.withLock { ahead in
      defer { ahead = Data() }
      return [UInt8](ahead)
    }
  }

  /// All data, up to `limit` bytes.
  /// - Throws: `FileError` for more, and with the system's reason.
  static func read(atMost limit: Int) throws -> Data {
    var data = Data(takeAhead())
    while let piece = try FileHandle.standardInput.read(upToCount: 1 << 20), !piece.isEmpty {
      guard piece.count <= limit - data.count else {
        throw FileError(
          path: Job.inputStreamName,
          reason: "it holds more than the \(limit >> 20) MiB that are taken from there")
      }
      data.append(piece)
    }
    return data
  }
}
