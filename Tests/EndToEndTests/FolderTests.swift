import Foundation
import ImageRestoration
import Testing

/// Folders as people have them: with foreign files, odd names, locked and mixed content.
@Suite struct FolderTests {
  private func make(_ folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }
  private func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  /// A resumed run removes what irkit left behind, and no file that only looks a little like it.
  @Test func resumingLeavesForeignFilesAlone() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/out")
      try writePicture("\(folder)/a.png")
      let foreign = [
        ".notes.partial.txt", ".IMG_1.jpg.partial", ".thesis.partially-done.doc", ".a.png.short.partial.png",
        ".a.png.0123456789ABC.partial.png", "a.0123456789abc.partial.png", ".a.0123456789abc.partial.png.bak",
      ]
      let abandoned = [".a.png.0123456789abc.partial.png", ".b.npz.zzzzzzzzzzzzz.partial"]
      for name in foreign + abandoned {
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/out/\(name)"))
      }
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/out/", "--if-exists",
        "resume")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try names("\(folder)/out") == (foreign + ["a.png", ".irrun.jsonl"]).sorted())
    }
  }

  @Test(arguments: [
    String(repeating: "漢", count: 80), String(repeating: "あ", count: 83), String(repeating: "👨‍👩‍👧", count: 13),
    String(repeating: "x", count: 250), "\u{301}accent", "e\u{301}",
  ]) func longAndOddNamesAreWritten(_ stem: String) throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in")
      try writePicture("\(folder)/a.png")
      try FileManager.default.moveItem(atPath: "\(folder)/a.png", toPath: "\(folder)/in/\(stem).png")
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/in/\(stem).png", "-o", "\(folder)/\(stem).png")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(FileManager.default.fileExists(atPath: "\(folder)/\(stem).png"))
    }
  }

  /// The tool runs as a user whom permissions hold.
  @Test func unreadableFoldersAreSaidAndSkipped() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in/lost+found")
      try make("\(folder)/out")
      try writePicture("\(folder)/in/a.png")
      try system("chmod", "-R", "a+rwX", folder)
      try system("chmod", "000", "\(folder)/in/lost+found")
      defer { _ = try? system("chmod", "755", "\(folder)/in/lost+found") }
      let user = geteuid() == 0 ? "setpriv --reuid=65534 --regid=65534 --clear-groups " : ""
      // Another user may not enter the folder of this checkout.
      let mayRun = try system(
        "bash", "-c", "\(user)test -x \"$0\" && echo yes || echo no", try toolPath("irrun"))
      guard mayRun == "yes" else { return }
      let said = try system(
        "bash", "-c",
        "\(user)\"$0\" -m m.onnx -i in -o out --recurse 2>&1; echo \"code $?\"", try toolPath("irrun"),
        at: folder)
      #expect(said.contains("in/lost+found: Permission denied") && said.hasSuffix("code 4"), "\(said)")
      #expect(!said.contains("Domain"))
      #expect(try names("\(folder)/out") == ["a.png"])
    }
  }

  @Test func impossibleOutputsAreFour() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in")
      try writePicture("\(folder)/in/a.png")
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/in", "-o", "\(folder)/in/a.png/deep/")
      #expect(outcome.code == 4 && outcome.errors.contains("Not a directory"), "\(outcome.errors)")
      #expect(!outcome.errors.contains("Domain"))
      let closed = try system(
        "bash", "-c", "set -o pipefail; \"$0\" -m m.onnx -i in/a.png -o /dev/full/x/ 2>&1; echo \"code $?\"",
        try toolPath("irrun"), at: folder)
      #expect(closed.hasSuffix("code 4") && !closed.contains("Domain"), "\(closed)")
      let full = try system(
        "bash", "-c", "\"$0\" -m m.onnx -i in/a.png -o - 2>&1 >/dev/full; echo \"code $?\"",
        try toolPath("irrun"), at: folder)
      #expect(full.contains("the standard output: No space left on device"), "\(full)")
      #expect(full.hasSuffix("code 4"), "\(full)")
    }
  }

  /// Files of one stem that become one name are numbered where that was asked for.
  @Test func renamingNumbersWhatWouldMeet() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in")
      try writePicture("\(folder)/in/a.png")
      try writePicture("\(folder)/in/a.jpg")
      let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/in", "-o", "\(folder)/out", "-f", "png"]
      let refused = try run("irrun", arguments)
      #expect(refused.code == 2 && refused.errors.contains("{name}"), "\(refused.errors)")
      let renamed = try run("irrun", arguments + ["--if-exists", "rename"])
      #expect(renamed.code == 0, "\(renamed.errors)")
      #expect(try names("\(folder)/out") == ["a-1.png", "a.png"])
    }
  }

  /// An output folder below its input is no input; what a folder holds beside pictures is counted.
  @Test func ownOutputsAndOtherFilesAreLeftOut() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in/out")
      try writePicture("\(folder)/in/a.png")
      for name in ["b.bmp", "c.bmp", "d.nef", "e"] {
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/in/\(name)"))
      }
      for _ in 0..<2 {
        let outcome = try run(
          "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/in", "-o", "\(folder)/in/out", "--recurse")
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
          outcome.errors.contains("left out: 2 .bmp, 1 without an extension, 1 .nef"), "\(outcome.errors)")
      }
      #expect(try names("\(folder)/in/out") == ["a.png"])
    }
  }

  @Test func aClosedTerminalLeavesNothingHalfWritten() throws {
    try withFolder { folder in
      try make("\(folder)/in")
      for name in ["a", "b", "c"] { try writePicture("\(folder)/in/\(name).png", width: 512, height: 512) }
      let said = try system(
        "bash", "-c",
        "env --default-signal=HUP \"$0\" -i in -o out --verify 2>/dev/null & sleep 1; kill -HUP $!; wait $!; echo \"code $?\"",
        try toolPath("irrun"), at: folder)
      #expect(said.hasSuffix("code 129"), "\(said)")
      let left = (try? names("\(folder)/out")) ?? []
      #expect(left.allSatisfy { ["a.png", "b.png", "c.png"].contains($0) }, "\(left)")
    }
  }

  /// Results of earlier runs beside their inputs are no inputs again: a run that resumes knows them, another
  /// says so.
  @Test func earlierOutputsAreNotRestoredAgain() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try make("\(folder)/in")
      for name in ["a.png", "b.png"] { try writePicture("\(folder)/in/\(name)") }
      let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/in", "-o", "\(folder)/in/{stem}_r.{ext}"]
      for turn in 0..<3 {
        let outcome = try run("irrun", arguments + ["--if-exists", "resume"])
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(
          outcome.errors.contains("left out: 2 that earlier runs have made") == (turn > 0),
          "\(outcome.errors)")
        #expect(
          try names("\(folder)/in").filter { !$0.hasPrefix(".") } == ["a.png", "a_r.png", "b.png", "b_r.png"])
      }
      let refused = try run("irrun", arguments)
      #expect(refused.code == 2 && refused.errors.contains("--exclude"), "\(refused.errors)")
      let excluded = try run("irrun", arguments + ["--exclude", "*_r.*"])
      #expect(excluded.code == 0 && excluded.errors.contains("left out: 2 excluded"), "\(excluded.errors)")
      // Another picture of such a name is an input.
      try writePicture("\(folder)/in/a_r.png", width: 20)
      #expect(try run("irrun", arguments + ["--if-exists", "resume"]).code == 2)
    }
  }

  /// A name without an extension is a file's; the message says what makes it a folder's.
  @Test func namesWithoutExtensionAreFiles() throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try writePicture("\(folder)/a.png")
      let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o"]
      let outcome = try run("irrun", arguments + ["\(folder)/new"])
      #expect(
        outcome.code == 4 && outcome.errors.contains("a folder's name ends in a slash"), "\(outcome.errors)")
      #expect(try run("irrun", arguments + ["\(folder)/new/"]).code == 0)
      #expect(try names("\(folder)/new") == ["a.png"])
      // Extensions that some programs write JPEG under.
      for suffix in ["jfif", "jpe", "JPG"] {
        try FileManager.default.createDirectory(
          atPath: "\(folder)/\(suffix)", withIntermediateDirectories: true)
        #expect(try run("irrun", arguments + ["\(folder)/\(suffix)/a.\(suffix)"]).code == 0)
        let again = try run("irrun", "-m", "\(folder)/m.onnx", "\(folder)/\(suffix)", "\(folder)/\(suffix)2")
        #expect(again.code == 0, "\(again.errors)")
        #expect(try names("\(folder)/\(suffix)2") == ["a.\(suffix)"])
      }
    }
  }

  /// A tool that was copied with its models finds them; one that was copied alone says where it looked for
  /// none.
  @Test func aCopiedToolHasTheModelsBesideIt() throws {
    try withFolder { folder in
      try make("\(folder)/bin")
      try make("\(folder)/share/irkit")
      try writePicture("\(folder)/a.png", width: 64, height: 48)
      let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Models").standardizedFileURL.path
      let said = try system(
        "bash", "-c",
        "cp \"$0\" bin/; env -u IRKIT_MODELS HOME=$PWD bin/irrun a.png b.png 2>&1; echo \"code $?\"; "
          + "mkdir share/irkit/models; cp '\(models)/SymUNet/symunet-s.onnx' share/irkit/models/; "
          + "env -u IRKIT_MODELS HOME=$PWD bin/irrun a.png b.png > /dev/null && ls b.png",
        try toolPath("irrun"), at: folder)
      #expect(said.contains("no models were found") && said.contains("code 3"), "\(said)")
      #expect(said.hasSuffix("b.png"), "\(said)")
    }
  }
}
