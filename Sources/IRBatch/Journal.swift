import Foundation
import IRFiles
import IRTensor
import ImageRestoration

/// What runs with `--if-exists resume` have written, a line of JSON each, in a file beside the outputs. A line
/// is brought to the disk when its output is whole and not yet in place: if both are there, it is done; if the
/// process ended between the two, the output is not there, or is another.
final class Journal {
  struct Record: Codable {
    /// Below the journal's folder.
    var output: String
    /// The digest of what the output depends on: input, model, options.
    var key: String
    /// The digest of the output's content.
    var content: String
  }

  static let name = ".irrun.jsonl"
  private let folder: String
  private let path: String
  private var records: [String: Record] = [:]

  /// Reads what was noted in a folder; lines that a killed process left unfinished count for nothing.
  init(folder: String) {
    self.folder = folder.isEmpty ? "." : folder
    path = "\(self.folder)/\(Self.name)"
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") {
      guard let record = try? JSONDecoder().decode(Record.self, from: Data(line.utf8)) else { continue }
      records[record.output] = record
    }
  }

  private func relative(_ output: String) -> String {
    let base = URL(fileURLWithPath: folder).standardizedFileURL.path
    let full = URL(fileURLWithPath: output).standardizedFileURL.path
    return full.hasPrefix(base + "/") ? String(full.dropFirst(base.count + 1)) : full
  }

  /// Whether the output is there as it was written, and was made of what `key` stands for.
  func isDone(_ output: String, key: String) -> Bool {
    guard let record = records[relative(output)], record.key == key,
      let content = try? SHA256.hexadecimal(contentsOf: output)
    else { return false }
    return content == record.content
  }

  /// Notes an output whose whole content lies in `temporary`.
  func note(_ output: String, key: String, temporary: String) throws {
    let record = Record(
      output: relative(output), key: key, content: try SHA256.hexadecimal(contentsOf: temporary))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A line of its own even behind one that was cut off; one call, so that jobs side by side may write too.
    let line = Data("\n".utf8) + (try encoder.encode(record)) + Data("\n".utf8)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError(path: path, reason: systemError()) }
    defer { close(descriptor) }
    let count = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard count == line.count, fsync(descriptor) == 0 else {
      throw FileError(path: path, reason: systemError())
    }
    records[record.output] = record
  }
}
