import Foundation
import IRCommandLine
import Testing

@Suite struct OldSpellingTests {
  private let spellings: [OldSpelling] = [
    .option("--dim", now: "--size"),
    .flag("--memory", now: "--arena", unlessBefore: { MemorySize(argument: $0) != nil }),
    .option("--memory-limit", now: "--memory"),
    .value(of: ["--depth"], now: { ["uint8": "8"][$0] }),
  ]

  @Test(arguments: [
    (["m.onnx", "--dim", "8x8"], ["m.onnx", "--size", "8x8"]),
    (["--dim=8x8"], ["--size=8x8"]),
    (["m.onnx", "--memory"], ["m.onnx", "--arena"]),
    (["--memory", "--json"], ["--arena", "--json"]),
    (["--memory", "4G"], ["--memory", "4G"]),
    (["--memory-limit", "4G", "--memory"], ["--memory", "4G", "--arena"]),
    (["--depth", "uint8"], ["--depth", "8"]),
    (["--depth=uint8", "uint8"], ["--depth=8", "uint8"]),
    (["--depth", "16", "--", "--dim"], ["--depth", "16", "--", "--dim"]),
  ]) func oldSpellingsAreAccepted(_ old: [String], _ new: [String]) {
    let found = spellings.rewrite(old)
    #expect(found.arguments == new)
    #expect(found.notes.count == zip(old, new).count { $0 != $1 })
  }
}

@Suite struct ValueTests {
  @Test(
    arguments: [
      ("90s", 90), ("45m", 2700), ("2h", 7200), ("1h30m", 5400), ("0.5h", 1800), ("1h0m5s", 3605),
      ("2H", 7200),
      ("30m1h", nil), ("2", nil), ("h", nil), ("-1h", nil), ("0s", nil), ("1h1h", nil), ("", nil),
      ("nanh", nil),
    ] as [(String, Double?)]) func lengthsOfTimeAreRead(_ text: String, _ seconds: Double?)
  {
    #expect(TimeSpan(argument: text)?.seconds == seconds)
  }

  @Test(arguments: [
    ("500M", 500 << 20), ("4G", 4 << 30), ("1.5k", 1536), ("4GB", 4 << 30), ("4GiB", 4 << 30), ("64", 64),
  ]) func sizesOfMemory(_ text: String, _ byteCount: Int) throws {
    #expect(MemorySize(argument: text)?.byteCount == byteCount)
  }

  @Test(arguments: ["", "G", "-1G", "0", "nan", "lots", "4Q", "1e99"]) func noSizesOfMemory(_ text: String) {
    #expect(MemorySize(argument: text) == nil)
  }

  @Test(arguments: ["12", "8x", "x8", "0x8", "8x70000", "8x8x8", "axb"]) func noSides(_ text: String) {
    #expect(Sides(argument: text) == nil)
  }

  @Test func sides() { #expect(Sides(argument: "12X34") == Sides(height: 12, width: 34)) }
}

@Suite struct OutputTests {
  private struct Line: Codable, Equatable {
    var text: String
    var number: Double
  }

  /// JSON of any length and with any text is read by other readers as what was written.
  @Test func jsonKeepsItsText() throws {
    let line = Line(
      text: String(repeating: "x", count: 10_000) + "\u{202E}\u{1B}[2J\u{7F}/\n\u{85}", number: 1.5)
    let text = try JSONText.text(line)
    #expect(!text.contains("\n") && !text.contains("\u{1B}") && !text.contains("\u{202E}"))
    let read = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(read?["text"] as? String == line.text && read?["number"] as? Double == 1.5)
    #expect(try JSONText.text(Line(text: "", number: .infinity)) == #"{"number":"inf","text":""}"#)
  }

  @Test func textDoesNotSteerATerminal() {
    #expect(Terminal.printable("a\u{1B}[31m\tb\nc\u{202E}") == "a\\u{1B}[31m\tb\nc\\u{202E}")
    #expect(Terminal.printable(String(repeating: "x", count: 5000)).count == 4001)
  }

  @Test func tables() {
    let table = TextTable(["ms", "kernel"], [["1.0", "a"], ["12.5", "bc"]])
    #expect(table.columns == ["  ms  kernel", " 1.0  a", "12.5  bc"])
    #expect(table.markdown == ["| ms | kernel |", "|---|---|", "| 1.0 | a |", "| 12.5 | bc |"])
  }

  @Test(arguments: [(5.0, "5 s left"), (120, "2 min left"), (9000, "2.5 h left")])
  func remainingTime(_ seconds: Double, _ text: String) {
    #expect(ProgressLine.remaining(seconds) == text)
  }
}
