import Dispatch
import Foundation
import IRFiles
import Synchronization

/// Lets a run end at the next step, with a checkpoint; a second signal ends it at once.
enum Interruption {
  nonisolated(unsafe) private static var sources: [any DispatchSourceSignal] = []
  private static let received = Mutex<Int32?>(nil)

  /// The exit code that was asked for.
  static var requested: Int32? { received.withLock { $0 } }

  static func install() {
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler {
        let isFirst = received.withLock { code in
          let isFirst = code == nil
          code = 128 + number
          return isFirst
        }
        guard isFirst else { AtomicFile.abandonAll { _exit(128 + number) } }
        FileHandle.standardError.write(
          Data("\nirtrain: ends after this step; once more ends it at once\n".utf8))
      }
      source.resume()
      sources.append(source)
    }
  }
}
