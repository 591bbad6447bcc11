import Foundation
import IRFiles

/// Data from a pipe, which states no size beforehand and may never end: only so much of it is read.
enum StandardInput {
  /// Bytes of a picture's file.
  static let pictureLimit = 1 << 30

  /// All data, up to `limit` bytes.
  /// - Throws: `FileError` for more, and with the system's reason.
  static func read(atMost limit: Int) throws -> Data {
    var data = Data()
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
