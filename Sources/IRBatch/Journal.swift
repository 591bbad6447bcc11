import Foundation
import IRFiles
import IRONNX
import IRTensor
import ImageRestoration

/// The outputs of runs that resume, a line of JSON each, in a file beside the outputs; for several threads. A
/// line is brought to the disk when its output is whole and not yet in place: if both are there, it is done;
/// if the process ended between the two, the output is not there, or is another.
///
/// Unchecked: what changes is used under its lock.
package final class Journal: @unchecked Sendable {
  private struct Record: Codable {
    /// Below the journal's folder.
    var output: FilePath
    /// The digest of what the output depends on: input, model, options.
    var key: String
    /// The digest of the output's content.
    var content: String
  }

  package static let name: FilePath = ".irrun.jsonl"
  private let folder: FilePath
  private let path: FilePath
  /// The digest of everything that all outputs depend on beside their inputs.
  private let common: String
  // Used with the lock held.
  private var records: [FilePath: Record] = [:]
  private let lock = NSLock()

  /// Reads what was noted in a folder; lines that a killed process left unfinished count for nothing.
  package init(folder: FilePath, common: String) {
    self.folder = folder.place
    self.common = common
    path = folder.joined(Self.name)
    for line in ((try? path.contents()) ?? []).split(separator: UInt8(ascii: "\n")) {
      guard let record = try? JSONDecoder().decode(Record.self, from: Data(line)) else { continue }
      records[record.output] = record
    }
  }

  /// Whether a file is an output that was noted, as it was written.
  package func isOutput(_ path: FilePath) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    guard let record = records[relative(path)] else { return false }
    return (try? SHA256.hexadecimal(contentsOf: path.text)) == record.content
  }

  /// The digest of what a job's output depends on.
  package func key(of job: Job) throws -> String {
    var digest = SHA256()
    digest.update(common.utf8)
    try digest.update(contentsOf: job.input.text)
    return digest.finished()
  }

  /// Whether the job's output is there as it was written, and was made of what `key` stands for.
  package func isDone(_ job: Job, key: String) -> Bool {
    lock.lock()
    defer { lock.unlock() }
    guard let record = records[relative(job.output)], record.key == key,
      let content = try? SHA256.hexadecimal(contentsOf: job.output.text)
    else { return false }
    return content == record.content
  }

  /// Notes an output whose whole content lies in `temporary`.
  package func note(_ job: Job, key: String, temporary: String) throws {
    lock.lock()
    defer { lock.unlock() }
    let record = Record(
      output: relative(job.output), key: key, content: try SHA256.hexadecimal(contentsOf: temporary))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A line of its own even behind one that was cut off; one call, so that jobs side by side may write too.
    let line = Data("\n".utf8) + (try encoder.encode(record)) + Data("\n".utf8)
    let descriptor = open(path.cString, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError(path: path.text, reason: systemError()) }
    defer { close(descriptor) }
    let count = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard count == line.count, fsync(descriptor) == 0 else {
      throw FileError(path: path.text, reason: systemError())
    }
    records[record.output] = record
  }

  /// The output's path below the journal's folder; the whole one where it lies elsewhere.
  private func relative(_ output: FilePath) -> FilePath {
    let (base, full) = (
      (folder.endsInSlash ? folder : folder.adding("/")).bytes, output.folder.place.joined(output.name).bytes
    )
    return FilePath(bytes: full.starts(with: base) ? full.dropFirst(base.count) : full[...])
  }

  /// The digest of what all outputs of a restorer depend on beside their inputs.
  package static func key(of restorer: Restorer, options: OutputOptions, isStrict: Bool) throws -> String {
    var digest = SHA256()
    try digest.update(contentsOf: restorer.path)
    for tensor in restorer.model.file.graph.initializers {
      (try? tensor.tensor())?.withUnsafeBytes { digest.update($0) }
    }
    let (settings, writing) = (restorer.settings, options.writing)
    let lines: [String] = [
      "multiple \(restorer.multiple)", "tile \(settings.tileSize ?? 0)", "overlap \(settings.overlap)",
      "augmented \(settings.isAugmented)", "noise \(settings.noiseLevel ?? -1) \(settings.noiseFactor ?? 1)",
      "quality \(writing.quality)",
      "lossless \(writing.isLossless ?? false)", "compression \(writing.compression?.rawValue ?? "")",
      "salvage \(options.salvages)", "depth \(writing.sampleFormat.map { "\($0)" } ?? "auto")",
      "metadata \(options.metadata)", "icc \(options.colours)",
      "storage \(settings.allowsFloat16Storage ? "float16" : "float32")", "strength \(settings.strength)",
      "detail \(settings.detail)", "strict \(isStrict)", "output \(restorer.outputName)",
      "precision \(restorer.options.precision.rawValue)",
      "range \(restorer.model.inputRange) \(restorer.model.outputRange)", "grey \(settings.greyHandling)",
    ]
    digest.update(lines.joined(separator: "\n").utf8)
    for (name, picture) in settings.pictures.sorted(by: { $0.key < $1.key }) {
      digest.update(name.utf8)
      picture.pixels.withUnsafeBytes { digest.update($0) }
    }
    return digest.finished()
  }
}
