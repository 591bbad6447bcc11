import Foundation
import IRRequests
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

  /// One page's hold on its events.
  struct Ticket: Hashable, Sendable {
    fileprivate var page: String
    fileprivate var number: Int
  }

  private struct Page {
    var ticket: Ticket
    var events: AsyncStream<Event?>.Continuation
  }

  private struct State {
    var pages: [String: Page] = [:]
    var count = 0
    var isOpen = true
  }

  static let countLimit = 256

  private let state = Mutex(State())

  /// The events of a page until it leaves, nil for each beat; of a page that asks twice the second has them
  /// alone.
  /// - Throws: `ServingError` where too many pages listen.
  func events(of page: String) throws -> (AsyncStream<Event?>, Ticket) {
    let (events, continuation) = AsyncStream.makeStream(
      of: Event?.self, bufferingPolicy: .bufferingNewest(256))
    let (before, ticket) = try state.withLock { state in
      guard state.isOpen else { throw ServingError.busy("the server is about to end") }
      guard state.pages[page] != nil || state.pages.count < Self.countLimit else {
        throw ServingError.busy("\(Self.countLimit) pages listen already")
      }
      state.count += 1
      let ticket = Ticket(page: page, number: state.count)
      return (state.pages.updateValue(Page(ticket: ticket, events: continuation), forKey: page), ticket)
    }
    before?.events.finish()
    return (events, ticket)
  }

  func leave(_ ticket: Ticket) {
    state.withLock { state in
      state.pages[ticket.page]?.ticket == ticket ? state.pages.removeValue(forKey: ticket.page) : nil
    }?.events.finish()
  }

  /// Has a page write something, which finds out whether somebody reads it.
  func beat(_ ticket: Ticket) {
    let page = state.withLock { $0.pages[ticket.page] }
    if page?.ticket == ticket { page?.events.yield(nil) }
  }

  func tell(_ listener: RestoreRequest.Listener?, _ kind: Event.Kind, _ share: Double) {
    guard let listener else { return }
    state.withLock { $0.pages[listener.page] }?.events.yield(
      Event(job: listener.job, state: kind, share: share))
  }

  func close() {
    let pages = state.withLock { state in
      state.isOpen = false
      defer { state.pages = [:] }
      return state.pages.values.map { $0 }
    }
    for page in pages { page.events.finish() }
  }
}
