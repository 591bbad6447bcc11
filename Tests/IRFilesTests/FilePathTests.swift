import Foundation
import IRFiles
import Testing

/// Paths are bytes, and strings spell them.
@Suite struct FilePathTests {
  private static let names: [[UInt8]] = [
    Array("plain.png".utf8), Array("cafe\u{301}.png".utf8), Array("caf\u{E9}.png".utf8), [0x63, 0xE9, 0x2E],
    [0xFF, 0xFE, 0x61], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF4, 0x8F, 0x9F, 0xA9],
    [0xF4, 0x90, 0x80, 0x80],
    Array("\u{10F7E9}".utf8) + [0xE9], [],
  ]

  @Test(arguments: names) func textsSpellEveryName(_ bytes: [UInt8]) {
    let path = FilePath(bytes: bytes)
    #expect(FilePath(path.text).bytes == bytes)
    #expect(
      path.text.utf8.elementsEqual(bytes)
        == (String(validating: bytes, as: UTF8.self) != nil && !bytes.starts(with: [0xF4, 0x8F, 0x9F])))
  }

  @Test func randomBytesSurvive() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let count = Int.random(in: 0...12, using: &generator)
      // Bytes that begin, continue and break sequences come often.
      let bytes = (0..<count).map { _ -> UInt8 in
        let kinds: [ClosedRange<UInt8>] = [
          0x20...0x7E, 0x80...0xBF, 0xC0...0xF7, 0xF4...0xF4, 0x8F...0x8F, 0x9E...0x9F,
        ]
        return UInt8.random(in: kinds[Int.random(in: 0..<kinds.count, using: &generator)], using: &generator)
      }
      let path = FilePath(bytes: bytes)
      #expect(FilePath(path.text).bytes == bytes)
      let json = try JSONEncoder().encode([path])
      #expect(try JSONDecoder().decode([FilePath].self, from: json) == [path])
    }
  }

  /// Two files of one name for people are two files.
  @Test func namesOfOtherBytesAreOthers() {
    let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
    #expect(composed == decomposed && FilePath(composed) != FilePath(decomposed))
    #expect(Set([FilePath(composed), FilePath(decomposed)]).count == 2)
  }

  @Test(arguments: [
    ("a/b.c.png", "a", "b.c.png", "a/b.c", "png"), ("b.png", "", "b.png", "b", "png"),
    ("/b", "/", "b", "/b", ""), ("a/.hidden", "a", ".hidden", "a/.hidden", ""),
    ("a.b/c", "a.b", "c", "a.b/c", ""),
    ("a/\u{301}x.png", "a", "\u{301}x.png", "a/\u{301}x", "png"),
    ("a.\u{200D}", "", "a.\u{200D}", "a", "\u{200D}"),
    ("a/", "a", "", "a/", ""), ("", "", "", "", ""), ("a.", "", "a.", "a", ""),
  ]) func parts(_ text: String, _ folder: String, _ name: String, _ stem: String, _ suffix: String) {
    let path = FilePath(text)
    #expect(path.folder == FilePath(folder) && path.name == FilePath(name) && path.stem == FilePath(stem))
    #expect(path.suffix == suffix)
    #expect(FilePath("a").joined("\u{301}b") == "a/\u{301}b" && FilePath("").joined("b") == "b")
    #expect(FilePath("a/b.png").numbered(2) == "a/b-2.png" && FilePath("b").numbered(1) == "b-1")
  }

  @Test func startsEndBetweenCharacters() {
    let path = FilePath("漢字")
    #expect(
      path.start(byteCount: 2) == "" && path.start(byteCount: 5) == "漢" && path.start(byteCount: 9) == path)
    #expect(FilePath(bytes: [0xE9, 0xE9]).start(byteCount: 1) == FilePath(bytes: [0xE9]))
  }

  /// As `realpath` of the system has it, also of what is not there yet.
  @Test func placesAreWithoutLinksAndDots() throws {
    try withFolder { folder in
      let real = FilePath(folder).place
      try FileManager.default.createDirectory(atPath: "\(folder)/deep", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: "deep")
      #expect(FilePath("\(folder)/link/../deep/./x.png").place == real.joined("deep/x.png"))
      #expect(FilePath("\(folder)/link/none/../x.png").place == real.joined("deep/x.png"))
      #expect(FilePath("\(folder)/link").isLink && FilePath("\(folder)/link").isFolder == true)
      #expect(FilePath("\(folder)/none").kind == nil && FilePath("/dev/null").kind == .other)
    }
  }

  @Test func aPlaceThatIsTakenIsLeftAlone() throws {
    try withFolder { folder in
      try Data("theirs".utf8).write(to: URL(fileURLWithPath: "\(folder)/a"))
      let file = try AtomicFile(replacing: FilePath("\(folder)/a"))
      try file.write(Array("ours".utf8))
      #expect(try !file.place(at: FilePath("\(folder)/a")))
      #expect(try file.place(at: FilePath("\(folder)/b")))
      #expect(try FilePath("\(folder)/a").contents() == Array("theirs".utf8))
      #expect(try FilePath("\(folder)/b").contents() == Array("ours".utf8))
      #expect(try Folder.names(in: FilePath(folder)) == ["a", "b"])
      #expect(throws: FileError.self) { try FilePath("\(folder)/a").contents(atMost: 5) }
    }
  }
}

/// Runs a test in a folder of its own.
private func withFolder(_ body: (String) throws -> Void) throws {
  let folder = NSTemporaryDirectory() + "irfiles-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}
