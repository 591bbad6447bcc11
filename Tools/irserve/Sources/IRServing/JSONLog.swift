import Foundation
import Logging

/// A line of JSON an event on the error stream.
package struct JSONLog: LogHandler {
  package var metadata: Logger.Metadata = [:]
  package var logLevel = Logger.Level.info

  package init() {}

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var fields: [String: String] = [:]
    for (key, value) in metadata { fields[key] = "\(value)" }
    for (key, value) in event.metadata ?? [:] { fields[key] = "\(value)" }
    fields["request"] = fields.removeValue(forKey: "hb.request.id")
    fields["time"] = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    fields["level"] = "\(event.level)"
    fields["event"] = "\(event.message)"
    guard let text = try? Answers.text(fields) else { return }
    // One write a line: lines of several threads do not mix.
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}
