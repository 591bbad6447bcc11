import Foundation
import Synchronization

/// The first bytes of the standard input, by which its kind is told.
package enum StandardInput {
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

  /// The bytes that were looked at, for who reads on by other means.
  package static func takeAhead() -> [UInt8] {
    ahead.withLock { ahead in
      defer { ahead = Data() }
      return [UInt8](ahead)
    }
  }
}
