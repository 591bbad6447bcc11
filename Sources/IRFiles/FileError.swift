/// Why the system does not let a file be read or written.
package struct FileError: Error, Sendable, CustomStringConvertible {
  package var path: String
  /// The system's own words.
  package var reason: String

  package init(path: String, reason: String) {
    self.path = path
    self.reason = reason
  }

  package var description: String { "\(path): \(reason)" }
}
