import Foundation
import IRFiles
import IRTraining

/// The run's log: a line of JSON for each entry, kept in memory for the report as well.
final class RunLog {
  struct Entry: Codable {
    var step: Int
    var loss: Double?
    var gradientNorm: Double?
    var rate: Double?
    var routerAccuracy: Double?
    var seconds: Double?
    /// The share of the time since the last line that steps waited for batches.
    var waitingShare: Double?
    /// PSNR in dB by task.
    var validation: [String: Double]?

    static func step(
      step: Int, loss: Double, gradientNorm: Double, rate: Double, routerAccuracy: Double?, seconds: Double,
      waitingShare: Double
    ) -> Entry {
      Entry(
        step: step, loss: loss, gradientNorm: gradientNorm, rate: rate, routerAccuracy: routerAccuracy,
        seconds: seconds, waitingShare: waitingShare)
    }
    static func validation(step: Int, _ values: [String: Double]) -> Entry {
      Entry(step: step, validation: values)
    }
  }

  private let path: String
  private(set) var entries: [Entry] = []
  private var handle: FileHandle?

  /// - Throws: `TrainingError.data` if the file cannot be written.
  init(path: String, isResumed: Bool) throws {
    self.path = path
    if isResumed, let bytes = try? FilePath(path).contents(),
      let text = String(validating: bytes, as: UTF8.self)
    {
      entries = Self.entries(of: text)
    }
    try begin()
  }

  /// The entries of a log's text; lines of another form are left out.
  static func entries(of text: String) -> [Entry] {
    let decoder = JSONDecoder()
    return text.split(separator: "\n").compactMap { try? decoder.decode(Entry.self, from: Data($0.utf8)) }
  }

  private func begin() throws {
    let descriptor = open(FilePath(path).cString, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw TrainingError.data(detail: "\(path): \(systemError())") }
    handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    for entry in entries { write(entry) }
  }

  /// Forgets what came after a step, which will be done again.
  func keep(upTo step: Int) {
    entries.removeAll { $0.step > step }
    try? handle?.truncate(atOffset: 0)
    for entry in entries { write(entry) }
  }

  func add(_ entry: Entry) {
    entries.append(entry)
    write(entry)
  }

  func synchronize() { try? handle?.synchronize() }

  private func write(_ entry: Entry) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    guard var line = try? encoder.encode(entry) else { return }
    line.append(10)
    try? handle?.write(contentsOf: line)
  }
}
