import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRTraining

/// Several runs on one page.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Draws the curves of several runs on one page.",
    usage: "irtrain compare LOG ... -o PAGE.html",
    discussion: """
      EXAMPLES
        irtrain compare first.jsonl second.jsonl -o page.html
      """)

  @Argument(help: "Logs of runs (OUT.jsonl).", completion: .file())
  var logs: [String]

  @Option(name: [.customShort("o"), .long], help: "HTML page to write.", completion: .file())
  var output: String

  func run() throws {
    let runs = try logs.map { path in
      guard let bytes = try? FilePath(path).contents() else {
        throw TrainingError.data(detail: "\(path): cannot be read")
      }
      let entries = RunLog.entries(of: String(decoding: bytes, as: UTF8.self))
      guard !entries.isEmpty else { throw TrainingError.data(detail: "\(path): it is not the log of a run") }
      return (name: path, entries: entries)
    }
    let charts = RunChart.charts(of: runs).map(\.svg).joined()
    try writeFile(
      HTMLText.page(title: "Training runs", body: "<h1>Training runs</h1>\n" + charts), to: output)
  }
}
