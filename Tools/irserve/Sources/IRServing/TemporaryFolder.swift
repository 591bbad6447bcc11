import Foundation
import IRRequests

/// A folder of this process for files that live as long as a request.
enum TemporaryFolder {
  private static let prefix = "irserve-"

  private static let folder: String? = {
    let place = URL(fileURLWithPath: NSTemporaryDirectory())
    removeLeftovers(in: place)
    let path = place.appending(path: "\(prefix)\(getpid())-\(UUID().uuidString)").path
    return mkdir(path, 0o700) == 0 ? path : nil
  }()

  /// - Throws: `ServingError` where there is no folder.
  static func path(suffix: String) throws -> String {
    guard let folder else {
      throw ServingError(.serviceUnavailable, "no folder for temporary files can be made")
    }
    return "\(folder)/\(UUID().uuidString).\(suffix)"
  }

  static func remove() {
    if let folder { try? FileManager.default.removeItem(atPath: folder) }
  }

  /// Folders of servers that were killed: the process of their name runs no more.
  private static func removeLeftovers(in place: URL) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: place.path)) ?? [] {
      guard name.hasPrefix(prefix), let process = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }),
        // The first process of a container has the number of the one before it; this one has no folder yet.
        process == getpid() || (kill(process, 0) != 0 && errno == ESRCH)
      else { continue }
      try? FileManager.default.removeItem(at: place.appending(path: name))
    }
  }
}
