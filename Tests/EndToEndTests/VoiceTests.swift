import Foundation
import ImageRestoration
import Testing

private let tools = ["irrun", "irdump", "irexport", "irtrain", "irdegrade", "irbench", "irquality"]

/// All tools answer alike.
@Suite struct VoiceTests {
  @Test(arguments: tools) func theVersionIsThePackages(_ tool: String) throws {
    let outcome = try run(tool, "--version")
    #expect(outcome.code == 0 && outcome.output.wholeMatch(of: /irkit \d+\.\d+\.\d+( \(\w+\))?\n/) != nil)
  }

  @Test(arguments: tools) func helpIsWithoutDebugText(_ tool: String) throws {
    let outcome = try run(tool, "--help")
    #expect(outcome.code == 0 && outcome.output.contains("--version"), "\(outcome.errors)")
    for word in ["Optional", "nil", "(default: )", "Options(", "IRCommandLine", "--dim", "uint8"] {
      #expect(!outcome.output.contains(word), "\(word)")
    }
  }

  /// Tools that need other arguments too, which are missing here.
  @Test(arguments: tools) func aWrongOptionIsNamedFirst(_ tool: String) throws {
    let outcome = try run(tool, "--no-such-option")
    #expect(outcome.code == 2, "\(outcome.errors)")
    #expect(outcome.errors.hasPrefix("Error: Unknown option '--no-such-option'"), "\(outcome.errors)")
  }

  @Test func oldSpellingsAreAccepted() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try writePicture("\(folder)/a.png")
      let old = try run("irdump", "\(folder)/m.onnx", "--dim", "32x48", "--memory")
      let new = try run("irdump", "\(folder)/m.onnx", "--size", "32x48", "--arena")
      #expect(old.code == 0 && old.output == new.output && new.errors.isEmpty)
      #expect(old.output.contains("arena of"))
      #expect(old.errors == "irdump: --dim is now written --size\nirdump: --memory is now written --arena\n")
      let degraded = ["-i", "\(folder)/a.png", "-o", folder, "--tasks", "noise25", "--format", "tif"]
      #expect(try run("irdegrade", degraded + ["--depth", "float32"]).code == 0)
      #expect(try ImageFile.read("\(folder)/noise25/a.tif").sampleFormat == .float32)
      #expect(try run("irdegrade", degraded + ["--depth=16"]).code == 0)
      #expect(try ImageFile.read("\(folder)/noise25/a.tif").sampleFormat == .uint16)
    }
  }

  @Test func theOutputMayBeTheLastOfThePaths() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      for name in ["a", "b"] { try writePicture("\(folder)/\(name).png") }
      let model = ["-m", "\(folder)/m.onnx"]
      let (a, b) = ("\(folder)/a.png", "\(folder)/b.png")
      let one = try run("irrun", model + [a, "\(folder)/c.png", "-g", "-1"])
      #expect(one.code == 0 && one.errors.contains("-g -1 is ignored"), "\(one.errors)")
      #expect(try run("irrun", model + [a, b, "\(folder)/both"]).code == 0)
      #expect(try run("irrun", model + ["-o", "\(folder)/d.png", a]).code == 0)
      #expect(try run("irrun", model + ["-i", a, "-f", "png", "\(folder)/e.png"]).code == 0)
      for name in ["c.png", "both/a.png", "both/b.png", "d.png", "e.png"] {
        #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"), "\(name)")
      }
      let missing = try run("irrun", model + [a])
      #expect(missing.code == 2 && missing.errors.contains("no output"), "\(missing.errors)")
    }
  }

  /// A script writes a line, and has its answer before it writes the next.
  @Test func aListOnTheStandardInputIsAnsweredLineByLine() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      for name in ["a", "b"] { try writePicture("\(folder)/\(name).png") }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: try toolPath("irrun"))
      process.arguments = ["-m", "\(folder)/m.onnx", "--list", "-", "-o", "\(folder)/out", "--json"]
      let (input, output) = (Pipe(), Pipe())
      (process.standardInput, process.standardOutput, process.standardError) = (input, output, Pipe())
      try process.run()
      var answers: [[String: Any]] = []
      for name in ["a.png", "none.png", "b.png"] {
        input.fileHandleForWriting.write(Data("\(folder)/\(name)\n".utf8))
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data("\n".utf8),
          !byte.isEmpty
        { line += byte }
        answers.append(try #require(try JSONSerialization.jsonObject(with: line) as? [String: Any]))
      }
      try input.fileHandleForWriting.close()
      process.waitUntilExit()
      #expect(process.terminationStatus == 4)
      #expect(answers[0]["output"] as? String == "\(folder)/out/a.png")
      #expect((answers[1]["error"] as? String)?.contains("no such file") == true)
      #expect(answers[2]["seconds"] is Double)
    }
  }

  @Test func modelsAreListedAsJSON() throws {
    let outcome = try run("irrun", "--models", "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let models = try outcome.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    let names = models.compactMap { $0["name"] as? String }
    #expect(names.contains("symunet-s") && names == names.sorted())
    #expect(models.contains { $0["name"] as? String == "unires-s" && $0["problem"] == nil })
    for model in models where model["components"] == nil {
      #expect(
        model["state"] as? String == "published" && (model["sha256"] as? String)?.count == 64, "\(model)")
    }
  }
}
