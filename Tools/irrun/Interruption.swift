import Dispatch
import Foundation
import IRFiles

/// Ends the process cleanly when it is interrupted: nothing half written stays, and the exit code says
/// so (129 for a closed terminal, 130 for an interrupt, 143 for a request to end).
enum Interruption {
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  static func install() {
    for (number, name) in [(SIGHUP, "hung up"), (SIGINT, "interrupted"), (SIGTERM, "asked to end")] {
      // nohup asks that a closed terminal does not end the process.
      if number == SIGHUP, isIgnored(number) { continue }
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler {
        AtomicFile.abandonAll {
          FileHandle.standardError.write(Data("\nirrun: \(name)\n".utf8))
          _exit(128 + number)
        }
      }
      source.resume()
      sources.append(source)
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return false }
    return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
      == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
