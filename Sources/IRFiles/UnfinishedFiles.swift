import Glibc
import Synchronization

/// The files of this process that are removed when it ends before they are whole.
package enum UnfinishedFiles {
  private static let paths = Mutex<Set<FilePath>>([])

  static func add(_ path: FilePath) { paths.withLock { _ = $0.insert(path) } }
  static func remove(_ path: FilePath) { paths.withLock { _ = $0.remove(path) } }

  /// Removes what is written and not yet in place, and lets no further file begin: for a process that is
  /// about to end.
  /// - Parameter end: ends the process, while no file can begin.
  package static func abandonAll(then end: () -> Never) -> Never {
    paths.withLock { paths in
      for path in paths { unlink(path.cString) }
      end()
    }
  }
}

/// A file's place among the temporary files, which is free when it is made. A file there is removed with this
/// value's last use, and when the process is interrupted.
package final class TemporaryFile: Sendable {
  package let path: FilePath

  /// The name ends in a dot and `suffix`.
  package init(suffix: String) {
    let number =
      String(UInt64.random(in: 0 ... .max), radix: 36) + String(UInt64.random(in: 0 ... .max), radix: 36)
    path = FilePath.temporaryFolder.joined(FilePath("irkit-\(number).\(suffix)"))
    UnfinishedFiles.add(path)
  }

  deinit {
    unlink(path.cString)
    UnfinishedFiles.remove(path)
  }
}
