import Foundation
import IRRequests
import ImageRestoration

/// The wish of a request to know what is wrong with a picture.
package struct ExplainRequest: Sendable {
  /// A model with routers.
  package var model = "daair-s5"

  /// - Throws: `ServingError` for a parameter that is unknown or twice there.
  package init(_ parameters: [(name: String, value: String)]) throws {
    try RestoreRequest.check(parameters, ["model"])
    if let stated = parameters.first { model = stated.value }
  }
}

/// One picture's way to the opinions of a model's routers on it.
struct Examination: Sendable {
  struct Result: Encodable {
    var model: String
    var routers: Int
    /// The likeliest first.
    var findings: [RouterOpinion]
  }

  let settings: ServerSettings
  let store: ModelStore
  let ledger: MemoryLedger
  /// Restorations that use the processors.
  let computing: Turns

  /// - Throws: as `Restoration.run`.
  func run(_ picture: Data, _ request: ExplainRequest, _ control: Control) throws -> Result {
    var limits = ImageFile.Limits(byteCount: settings.workingByteCount)
    limits.pixelCount = settings.pixelCount
    guard ImageFile.suffix(firstBytes: picture.prefix(16)) != nil else {
      throw Restoration.noPicture(picture)
    }
    let header = try ImageFile.header(bytes: picture, name: Restoration.name, limits: limits)
    let entry = try store.restorer(request.model, control)
    let kind = ModelStore.Need(width: header.width, height: header.height, channelCount: 3, limit: nil)
    // The samples as they are read, as colours, and padded.
    let beside = header.byteCount + 3 * 12 * header.width * header.height
    let need =
      try beside
      + entry.need(kind, control) { try $0.opinionByteCount(width: header.width, height: header.height) }
    let promise = try ledger.promise(need, control)
    defer { store.settle(promise, entry) }
    let image = try ImageFile.read(bytes: picture, name: Restoration.name, limits: limits)
    let (opinions, routerCount) = try entry.work(control) { model in
      try computing.take(control) {
        do { return try model.opinions(of: image) { control.advance($0) } } catch RuntimeError
          .cancelled
        { throw control.end ?? .stopped }
      }
    }
    return Result(model: entry.name, routers: routerCount, findings: opinions)
  }
}
