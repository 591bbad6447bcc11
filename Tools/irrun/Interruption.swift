import Dispatch
import Foundation
import IRFiles

/// Ends the process cleanly when it is interrupted: nothing half written stays, and the exit code says
/// so (130 for an interrupt, 143 for a request to end).
enum Interruption {
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []

  static func install() {
    for (number, name) in [(SIGINT, "interrupted"), (SIGTERM, "asked to end")] {
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
}
