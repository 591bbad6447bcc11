import Foundation

/// A line on the terminal that says how far a run is and when it will end; nothing where the error
/// stream is not a terminal.
final class Progress {
  private let total: Int
  private let isShown: Bool
  private let start = Date()

  init(total: Int) {
    self.total = total
    isShown = total > 1 && isatty(STDERR_FILENO) == 1
  }

  func show(done: Int, current: String) {
    guard isShown else { return }
    var text = "\u{1B}[2K\r\(done)/\(total) \(current)"
    if done > 0 {
      let rest = Date().timeIntervalSince(start) / Double(done) * Double(total - done)
      text += String(format: ", %.0f s left", rest)
    }
    FileHandle.standardError.write(Data(text.utf8))
  }

  func finish() {
    if isShown { FileHandle.standardError.write(Data("\u{1B}[2K\r".utf8)) }
  }
}
