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
  /// One restoration at a time uses the processors.
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
    let need = try entry.turn.take(control) {
      // The samples as they are read, as colours, and padded.
      try header.byteCount + 3 * 12 * header.width * header.height
        + entry.model.opinionByteCount(width: header.width, height: header.height)
    }
    let promise = try ledger.promise(need, control)
    defer { store.settle(promise, entry) }
    let image = try ImageFile.read(bytes: picture, name: Restoration.name, limits: limits)
    let (opinions, routerCount) = try entry.turn.take(control) {
      try computing.take(control) {
        do { return try entry.model.opinions(of: image) { control.advance($0) } } catch RuntimeError
          .cancelled
        { throw control.end ?? .stopped }
      }
    }
    return Result(model: entry.name, routers: routerCount, findings: opinions)
  }
}
