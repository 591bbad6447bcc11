import Foundation

/// A line on the error stream that says how far a run is and when it will end. It changes in place where the
/// stream is a terminal; elsewhere nothing is written, or a line now and then.
package final class ProgressLine {
  private let plainInterval: Double?
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var lastUpdate = Date.distantPast
  private var isShown = false

  /// - Parameter plainInterval: seconds from one line to the next where the stream is not a terminal; nil
  ///   writes none.
  package init(plainInterval: Double? = nil) { self.plainInterval = plainInterval }

  /// Shows a text, unless the last one is too recent; `isLast` is shown in any case.
  package func show(_ text: @autoclosure () -> String, isLast: Bool = false) {
    guard let interval = isTerminal ? 0.2 : plainInterval,
      isLast || Date().timeIntervalSince(lastUpdate) > interval
    else { return }
    lastUpdate = Date()
    guard isTerminal else { return Terminal.complain(text()) }
    isShown = true
    FileHandle.standardError.write(Data("\u{1B}[2K\r\(Terminal.printable(text()))".utf8))
  }

  /// Shows how many of a count are done, and how long the rest will take at the same pace.
  package func show(_ label: String, done: Int, of count: Int, since begin: Date) {
    guard done > 0 else { return show("\(label) \(done)/\(count)") }
    let pace = Date().timeIntervalSince(begin) / Double(done)
    show("\(label) \(done)/\(count), \(Self.remaining(pace * Double(count - done)))")
  }

  /// Writes lines of their own.
  package func note(_ text: String) {
    clear()
    Terminal.complain(text)
  }

  /// Removes the line, so that other text may follow.
  package func clear() {
    if isShown { FileHandle.standardError.write(Data("\u{1B}[2K\r".utf8)) }
    isShown = false
  }

  package static func remaining(_ seconds: Double) -> String {
    switch seconds {
    case ..<90: String(format: "%.0f s left", seconds)
    case ..<5400: String(format: "%.0f min left", seconds / 60)
    default: String(format: "%.1f h left", seconds / 3600)
    }
  }
}
