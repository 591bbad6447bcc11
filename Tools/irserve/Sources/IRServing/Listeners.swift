import Foundation
import Synchronization

/// Pages that listen to the progress of their pictures.
final class Listeners: Sendable {
  /// An event of one picture.
  struct Event: Codable, Sendable {
    enum Kind: String, Codable {
      case waiting, restoring, writing
    }

    var job: String
    var state: Kind
    /// The share that is restored, 0...1.
    var share: Double
  }

  private struct State {
    var pages: [String: AsyncStream<Event>.Continuation] = [:]
    var isOpen = true
  }

  static let countLimit = 256

  private let state = Mutex(State())

  /// The events of a page until it leaves; a page that asks twice is heard by the second alone.
  /// - Throws: `ServingError` where too many pages listen.
  func events(of page: String) throws -> AsyncStream<Event> {
    let (events, continuation) = AsyncStream.makeStream(
      of: Event.self, bufferingPolicy: .bufferingNewest(256))
    let before = try state.withLock { state in
      guard state.isOpen else { throw ServingError.busy("the server is about to end") }
      guard state.pages[page] != nil || state.pages.count < Self.countLimit else {
        throw ServingError.busy("\(Self.countLimit) pages listen already")
      }
      return state.pages.updateValue(continuation, forKey: page)
    }
    before?.finish()
    return events
  }

  func leave(_ page: String) { state.withLock { $0.pages.removeValue(forKey: page) }?.finish() }

  func tell(_ listener: RestoreRequest.Listener?, _ kind: Event.Kind, _ share: Double) {
    guard let listener else { return }
    _ = state.withLock { $0.pages[listener.page] }?.yield(Event(job: listener.job, state: kind, share: share))
  }

  func close() {
    let pages = state.withLock { state in
      state.isOpen = false
      defer { state.pages = [:] }
      return state.pages.values.map { $0 }
    }
    for page in pages { page.finish() }
  }
}
