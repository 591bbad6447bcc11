import Foundation
import IRRequests
import ImageRestoration
import Metrics

/// One picture's way through the server: its header, its plan, its memory, its restoration, its file.
struct Restoration: Sendable {
  /// A restored picture's file.
  struct Result: Sendable {
    var bytes: Data
    var suffix: String
    var model: String
    var plan: String
    var warnings: [RestorationWarning]
    /// Sentences that the reader and the writer say of the picture.
    var notes: [String]
    /// Seconds of its reading, its restoration and its writing.
    var seconds: (reading: Double, restoring: Double, writing: Double)
    var width: Int
    var height: Int
  }

  let settings: ServerSettings
  let store: ModelStore
  let ledger: MemoryLedger
  /// Restorations that use the processors.
  let computing: Turns
  /// Hears what is done with the picture.
  var tells: @Sendable (Listeners.Event.Kind) -> Void = { _ in }

  /// Copies of a picture's float samples that restoring holds at a time beside the result: prepared for the
  /// model, and blended.
  private static let copyCount = 2

  /// - Throws: `ServingError`, the errors of pictures and models, `Control.End`.
  func run(_ picture: Data, _ request: RestoreRequest, _ control: Control) throws -> Result {
    let clock = ContinuousClock()
    var limits = ImageFile.Limits(byteCount: settings.workingByteCount)
    limits.pixelCount = settings.pixelCount
    guard let given = ImageFile.suffix(firstBytes: picture.prefix(16)) else {
      throw Self.noPicture(picture)
    }
    let suffix = request.format ?? (given == "bmp" ? "png" : given)
    if let refusal = ImageFile.refusal(writingTo: "picture.\(suffix)", options: request.writing) {
      throw ServingError.badRequest("the result cannot be written: \(refusal)")
    }
    let header = try ImageFile.header(bytes: picture, name: Self.name, limits: limits)
    let entry = try store.restorer(request.model, control)
    let (limit, need) = try memory(header, entry, control)
    let promise = try ledger.promise(need, control)
    var isRestored = false
    defer { if isRestored { promise.shrink(to: 0) } else { store.settle(promise, entry) } }
    let start = clock.now
    let image = try ImageFile.read(
      bytes: picture, name: Self.name, limits: limits, colours: request.colours)
    if let refusal = ImageFile.refusal(
      writingTo: "picture.\(suffix)", width: image.width * entry.model.scale,
      height: image.height * entry.model.scale)
    {
      throw ServingError.badRequest("the result cannot be written: \(refusal)")
    }
    let reading = clock.now
    var begin = reading
    var result = try entry.work(control) { model in
      try computing.take(control) {
        begin = clock.now
        tells(.restoring)
        do {
          return try model.restoration(of: image, strength: request.strength, within: limit) {
            control.advance($0)
          }
        } catch RuntimeError.cancelled { throw control.end ?? .stopped }
      }
    }
    let restored = clock.now
    result.image.metadata = request.metadata.apply(to: result.image.metadata)
    isRestored = true
    store.settle(promise, entry, rest: encodingByteCount(result.image))
    try control.check()
    tells(.writing)
    let (bytes, report) = try encoded(result.image, suffix, request.writing)
    var notes = image.notes
    if !report.lost.isEmpty { notes.append("not carried over: \(report.lost.joined(separator: ", "))") }
    if report.dropsAlpha { notes.append("the format has no alpha") }
    return Result(
      bytes: bytes, suffix: suffix, model: entry.name, plan: "\(result.plan)", warnings: result.warnings,
      notes: notes,
      seconds: (
        start.duration(to: reading).seconds, begin.duration(to: restored).seconds,
        restored.duration(to: clock.now).seconds
      ), width: result.image.width, height: result.image.height)
  }

  static let name = "the picture"
  private static let resultName = "the result"

  /// The refusal of a body that no reader of pictures takes.
  static func noPicture(_ bytes: Data) -> ServingError {
    ServingError(
      .unsupportedMediaType,
      bytes.isEmpty
        ? "the body is empty: a picture is expected"
        : "the body's first bytes are those of no picture that this server reads")
  }

  /// The bytes that a plan may take, and those that the picture takes from its reading to its file.
  private func memory(
    _ header: ImageFile.Header, _ entry: ModelStore.Entry<SharedRestorer>, _ control: Control
  ) throws -> (limit: Int, need: Int) {
    let channels = header.bandCount >= 3 ? 3 : 1
    let samples = header.width * header.height * (header.bandCount + (channels == 1 ? 2 : 0))
    let scale = entry.model.scale
    let copies = Self.copyCount * 4 * samples * scale * scale
    let beside = header.byteCount + copies
    let limit = ledger.limit - beside
    guard limit > 0 else {
      throw ServingError(
        .contentTooLarge,
        "\(header.width)×\(header.height) pixels alone take \(beside) bytes, of \(ledger.limit) that this server "
          + "may use (--memory)")
    }
    let held = entry.model.resultByteCount(
      width: header.width, height: header.height, channelCount: channels)
    let kind = ModelStore.Need(
      width: header.width, height: header.height, channelCount: channels, limit: limit)
    let planned = try entry.need(kind, control) { model in
      try model.plan(width: header.width, height: header.height, channelCount: channels, within: limit)
        .byteCount
    }
    return (limit, beside + held + planned)
  }

  /// Bytes of a picture while its file is made.
  private func encodingByteCount(_ image: Image) -> Int {
    let samples = image.width * image.height * (image.channelCount + (image.alpha == nil ? 0 : 1))
    return samples * (4 + 8)
  }

  private func encoded(
    _ image: Image, _ suffix: String, _ options: ImageFile.WritingOptions
  ) throws -> (Data, ImageFile.WritingReport) {
    var options = options
    (options.permissions, options.reachesDisk) = (0o600, false)
    let path = try TemporaryFolder.path(suffix: suffix)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let report: ImageFile.WritingReport
    do { report = try ImageFile.write(image, to: path, options: options) } catch ImageError.unwritable(
      _, let reason)
    {
      // The server's files have no names for clients.
      throw ImageError.unwritable(
        path: Self.resultName, reason: reason.replacing(path, with: Self.resultName))
    } catch ImageError.losesStatements(_, let lost) {
      throw ImageError.losesStatements(path: Self.resultName, lost: lost)
    }
    return (try Data(contentsOf: URL(fileURLWithPath: path)), report)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
