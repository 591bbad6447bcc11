import Dispatch
import Foundation
import IRFiles
import Synchronization

/// Ends the process cleanly when it is interrupted: nothing half written stays, and the exit code says so
/// (129 for a closed terminal, 130 for an interrupt, 143 for a request to end).
package enum Interruption {
  private struct State {
    var requested: Int32?
    /// The sentence that is said when the end is put off.
    var delay: String?
  }

  private static let state = Mutex(State())
  // Written by `install` alone, which runs once and before any signal is handled.
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  /// The exit code that a signal has asked for since `delay` was called.
  package static var requested: Int32? { state.withLock { $0.requested } }

  /// From now on the first signal says `notice` and leaves the end to the command, which looks at
  /// `requested`; the second ends the process at once.
  package static func delay(_ notice: String) { state.withLock { $0.delay = notice } }

  static func install() {
    for (number, name) in [(SIGHUP, "hung up"), (SIGINT, "interrupted"), (SIGTERM, "asked to end")] {
      // nohup asks that a closed terminal does not end the process.
      if number == SIGHUP, isIgnored(number) { continue }
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler { handle(number, name) }
      source.resume()
      sources.append(source)
    }
  }

  private static func handle(_ number: Int32, _ name: String) {
    let notice = state.withLock { state in
      defer { state.requested = 128 + number }
      return state.requested == nil ? state.delay : nil
    }
    if let notice { return write("\(name): \(notice)") }
    UnfinishedFiles.abandonAll {
      write(name)
      _exit(128 + number)
    }
  }

  private static func write(_ text: String) {
    FileHandle.standardError.write(Data("\n\(Terminal.tool): \(text)\n".utf8))
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
