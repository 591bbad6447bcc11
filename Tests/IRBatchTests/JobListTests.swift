import Foundation
import IRBatch
import IRFiles
import Testing

@Suite struct JobListTests {
  @Test func foldersKeepTheirTreeWithRecursion() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in/deep/out")
      for name in ["b.png", "a.jpg", "deep/c.png", "deep/out/d.png", ".hidden.png", "e.txt", "f.nef"] {
        try write("x", to: "\(folder)/in/\(name)")
      }
      let flat = try jobs(["\(folder)/in"], to: "\(folder)/flat", format: "webp")
      #expect(flat.jobs.map(\.output) == ["\(folder)/flat/a.webp", "\(folder)/flat/b.webp"])
      #expect(flat.leftOutText == "left out: 1 .nef, 1 .txt")
      let tree = try jobs(["\(folder)/in"], to: "\(folder)/in/deep/out", recurses: true)
      #expect(
        tree.jobs.map(\.output) == ["a.jpg", "b.png", "deep/c.png"].map { "\(folder)/in/deep/out/\($0)" })
      #expect(FileManager.default.fileExists(atPath: "\(folder)/in/deep/out/deep"))
    }
  }

  @Test(arguments: [
    (["*.jpg"], ["b.png", "deep/a.png", "deep/c.png"]), (["deep"], ["a.jpg", "b.png"]),
    (["a.*"], ["b.png", "deep/c.png"]), (["deep/a.*"], ["a.jpg", "b.png", "deep/c.png"]),
    (["*/c.png", "b*"], ["a.jpg", "deep/a.png"]), (["[ab].*"], ["deep/c.png"]),
  ]) func excludedNamesAndPathsAreLeftOut(_ patterns: [String], _ left: [String]) throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in/deep")
      for name in ["a.jpg", "b.png", "deep/a.png", "deep/c.png"] {
        try write("x", to: "\(folder)/in/\(name)")
      }
      let found = try jobs(["\(folder)/in"], to: "\(folder)/out", recurses: true, excluded: patterns)
      #expect(found.jobs.map { String($0.output.text.dropFirst(folder.count + 5)) } == left)
      #expect(found.leftOutText?.contains("excluded") == true)
    }
  }

  @Test func anOutputIsAFolderForWhatMayBeSeveral() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in")
      try write("x", to: "\(folder)/in/a.png")
      try write("\(folder)/in/a.png\n", to: "\(folder)/list")
      let (input, out) = ("\(folder)/in/a.png", "\(folder)/out")
      #expect(try jobs([input], to: out).jobs.map(\.output) == [FilePath(out)])
      for several in [
        try jobs([], to: out, list: "\(folder)/list"), try jobs([input], to: out, recurses: true),
        try jobs(["\(folder)/in"], to: out), try jobs(["\(folder)/in/*.png"], to: out),
        try jobs([input], to: out + "/"),
      ] { #expect(several.jobs.map(\.output) == ["\(out)/a.png"]) }
      #expect(throws: BatchError.self) { try jobs(["\(folder)/in"], to: input) }
      #expect(throws: BatchError.self) { try jobs([input, input], to: "-") }
    }
  }

  @Test func partsTogetherAreTheWhole() throws {
    try withFolder { folder in
      for index in 0..<7 { try write("x", to: "\(folder)/\(index).png") }
      let whole = try jobs([folder], to: "\(folder)/out").jobs
      let parts = try (1...3).flatMap {
        try jobs([folder], to: "\(folder)/out", shard: Shard(index: $0, count: 3)).jobs
      }
      #expect(parts.count == 7 && Set(parts) == Set(whole))
    }
  }

  @Test func existingOutputs() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/out")
      for name in ["a.jpg", "a.png", "b.png", "out/a.png", "out/a-1.png"] {
        try write("x", to: "\(folder)/\(name)")
      }
      func outputs(_ choice: ExistingFile, _ names: [String]) throws -> [String] {
        try jobs(names.map { "\(folder)/\($0)" }, to: "\(folder)/out/", format: "png", ifExists: choice)
          .jobs.map { String($0.output.text.dropFirst(folder.count + 5)) }
      }
      #expect(try outputs(.overwrite, ["a.png", "b.png"]) == ["a.png", "b.png"])
      #expect(try outputs(.skip, ["a.png", "b.png"]) == ["b.png"])
      #expect(try outputs(.rename, ["a.png", "a.jpg", "b.png"]) == ["a-2.png", "a-3.png", "b.png"])
      #expect(throws: BatchError.self) { try outputs(.fail, ["a.png"]) }
      // Without numbers both would become one file, whose second writer wins.
      #expect(throws: BatchError.self) { try outputs(.overwrite, ["a.png", "a.jpg"]) }
      #expect(throws: BatchError.self) { try jobs(["\(folder)/b.png"], to: "\(folder)/out/../b.png") }
    }
  }

  @Test(arguments: [
    ("out/{stem}_{model}.{ext}", "deep/a_tiny.png"), ("out/{name}.webp", "deep/a.png.webp"),
    ("out/{model}/{name}", "deep/tiny/a.png"), ("out/{{{stem}}}.png", "deep/{a}.png"),
  ]) func templates(_ text: String, _ path: String) throws {
    let template = try #require(OutputTemplate(text, model: "models/tiny.onnx", format: nil))
    #expect(template.folder == "out")
    #expect(try template.path(for: "deep/a.png") == "out/\(path)")
  }

  @Test(arguments: ["{size}.png", "{stem", "{}", "a}{stem}"]) func wrongTemplates(_ text: String) throws {
    let template = try #require(OutputTemplate(text, model: "m", format: nil))
    #expect(throws: BatchError.self) { try template.path(for: "a.png") }
  }

  @Test func rootIsAFolderOfATemplate() throws {
    let template = try #require(OutputTemplate("/{stem}.png", model: "m", format: nil))
    #expect(try template.path(for: "a.jpg") == "/a.png")
  }
}

@Suite struct ModelFolderTests {
  @Test(
    arguments: [
      ("noise1_scale2", nil, nil, "noise1_scale2.onnx"), (nil, "2", 2, "noise2_scale2.onnx"),
      (nil, "2", 4, "noise2_x4.onnx"), ("PLAIN", nil, nil, "plain.onnx"), (nil, "12", nil, "noise12.onnx"),
    ] as [(String?, String?, Int?, String)])
  func namesLevelsAndScalesChoose(_ name: String?, _ level: String?, _ scale: Int?, _ file: String) throws {
    try withFolder { folder in
      for stem in ["noise1_scale2", "noise2_scale2", "noise2_x4", "plain", "noise12"] {
        try write("x", to: "\(folder)/\(stem).onnx")
      }
      #expect(
        try ModelFolder.model(in: folder, name: name, level: level, scale: scale) == "\(folder)/\(file)")
      #expect(throws: BatchError.self) {
        try ModelFolder.model(in: folder, name: nil, level: "2", scale: nil)
      }
      #expect(throws: BatchError.self) {
        try ModelFolder.model(in: folder, name: "none", level: nil, scale: nil)
      }
    }
  }
}
