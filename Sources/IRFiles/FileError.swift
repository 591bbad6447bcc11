/// Why the system does not let a file be read or written.
public struct FileError: Error, Sendable, CustomStringConvertible {
  public var path: String
  /// The system's own words.
  public var reason: String

  public init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  public var description: String { "\(path): \(reason)" }
}
