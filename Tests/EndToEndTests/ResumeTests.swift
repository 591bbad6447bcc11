import Foundation
import ImageRestoration
import Testing

private func inode(_ path: String) -> UInt64? {
  (try? FileManager.default.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64
}

/// A hundred pictures, killed five times at seeded moments: all come out right, none is written twice once it
/// is there, and none is ever half.
@Test func killedRunsResume() throws {
  try withFolder { folder in
    let (input, output) = ("\(folder)/in", "\(folder)/out")
    try FileManager.default.createDirectory(atPath: input, withIntermediateDirectories: true)
    try writeNetwork("\(folder)/m.onnx")
    for index in 0..<100 {
      try writePicture("\(input)/\(index).png", width: 100 + index % 7, height: 90 + index % 5)
    }
    let arguments = ["-m", "\(folder)/m.onnx", "-i", input, "-j", "1"]
    #expect(try run("irrun", arguments + ["-o", "\(folder)/expected"]).code == 0)
    func outputs() -> [String: UInt64] {
      let names = ((try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []).filter {
        !$0.hasPrefix(".")
      }
      return Dictionary(
        uniqueKeysWithValues: names.compactMap { name in inode("\(output)/\(name)").map { (name, $0) } })
    }
    var seen: [String: UInt64] = [:]
    var state: UInt64 = 3
    var kills = 0
    for _ in 0..<40 where kills < 5 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: try toolPath("irrun"))
      process.arguments = arguments + ["-o", output, "--if-exists", "resume"]
      (process.standardOutput, process.standardError) = (Pipe(), Pipe())
      try process.run()
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      // Killed once it has written some more, so that a slow machine is no other test.
      let wanted = min(95, seen.count + 1 + Int(state >> 60))
      while process.isRunning, outputs().count < wanted { usleep(useconds_t(500 + state % 3000)) }
      if process.isRunning {
        kill(process.processIdentifier, SIGKILL)
        kills += 1
      }
      process.waitUntilExit()
      let now = outputs()
      for (name, number) in seen { #expect(now[name] == number, "\(name) was written again") }
      seen = now
      for name in now.keys {
        #expect(
          try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(name)"))
            == Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected/\(name)")), "\(name) is another")
      }
    }
    #expect(kills == 5)
    let last = try run("irrun", arguments + ["-o", output, "--if-exists", "resume"])
    #expect(last.code == 0, "\(last.errors)")
    let end = outputs()
    #expect(end.count == 100)
    for (name, number) in seen { #expect(end[name] == number, "\(name) was written again") }
    for name in end.keys {
      #expect(
        try Data(contentsOf: URL(fileURLWithPath: "\(output)/\(name)"))
          == Data(contentsOf: URL(fileURLWithPath: "\(folder)/expected/\(name)")))
    }
    // The files that the killed runs left are gone; only the journal stays.
    let hidden = try FileManager.default.contentsOfDirectory(atPath: output).filter { $0.hasPrefix(".") }
    #expect(hidden == [".irrun.jsonl"])
    let nothing = try run("irrun", arguments + ["-o", output, "--if-exists", "resume"])
    #expect(nothing.output.isEmpty && nothing.errors.contains("100 outputs were made of the same"))
  }
}

/// Resuming keeps what was made of the same input, model and options, and nothing else.
@Test func whatChangedIsMadeAgain() throws {
  try withFolder { folder in
    let (input, output) = ("\(folder)/in", "\(folder)/out")
    try FileManager.default.createDirectory(atPath: input, withIntermediateDirectories: true)
    try writeNetwork("\(folder)/m.onnx")
    for name in ["a", "b", "c", "d"] { try writePicture("\(input)/\(name).png") }
    func resume(_ more: String...) throws -> Int {
      let outcome = try run(
        "irrun", ["-m", "\(folder)/m.onnx", "-i", input, "-o", output, "--if-exists", "resume"] + more)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.output.split(separator: "\n").count
    }
    #expect(try resume() == 4)
    #expect(try resume() == 0)
    try writePicture("\(input)/a.png", width: 30)
    #expect(try resume() == 1)
    try Data("half".utf8).write(to: URL(fileURLWithPath: "\(output)/b.png"))
    try FileManager.default.removeItem(atPath: "\(output)/c.png")
    #expect(try resume() == 2)
    #expect(try resume("--depth", "16") == 4)
    try writeNetwork("\(folder)/m.onnx", isGlobal: true)
    #expect(try resume("--depth", "16") == 4)
    // A journal that ends in the middle of a line.
    let journal = "\(output)/.irrun.jsonl"
    let text = try String(contentsOfFile: journal, encoding: .utf8)
    try Data(text.utf8.dropLast(20)).write(to: URL(fileURLWithPath: journal))
    #expect(try resume("--depth", "16") == 1)
    #expect(try resume("--depth", "16") == 0)
  }
}

@Test func aFullDiskLeavesNothingHalf() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    try writePicture("\(folder)/a.png", width: 300, height: 200)
    try FileManager.default.createDirectory(atPath: "\(folder)/out", withIntermediateDirectories: true)
    // Files may not grow beyond 20 KiB: what a full disk says, without one.
    let command = "ulimit -f 20; exec \"$0\" -m \(folder)/m.onnx -i \(folder)/a.png -o \(folder)/out/b.png"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", command, try toolPath("irrun")]
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 4 && text.contains("b.png: cannot be written"), "\(text)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out").isEmpty)
  }
}

@Test func templatesPatternsAndStreams() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/small.onnx")
    try FileManager.default.createDirectory(atPath: "\(folder)/in/deep", withIntermediateDirectories: true)
    for name in ["a.png", "b.png", "deep/c.png"] { try writePicture("\(folder)/in/\(name)") }
    let model = ["-m", "\(folder)/small.onnx"]
    let tree = try run(
      "irrun",
      model + ["-i", "\(folder)/in", "-o", "\(folder)/out/{stem}_{model}.{ext}", "-f", "webp", "--recurse"])
    #expect(tree.code == 0, "\(tree.errors)")
    for name in ["a_small.webp", "b_small.webp", "deep/c_small.webp"] {
      #expect(FileManager.default.fileExists(atPath: "\(folder)/out/\(name)"), "\(name)")
    }
    let some = try run("irrun", model + ["-i", "\(folder)/in/[ab].p*g", "-o", "\(folder)/some"])
    #expect(some.code == 0, "\(some.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/some").sorted() == ["a.png", "b.png"])
    #expect(try run("irrun", model + ["-i", "\(folder)/in/z*.png", "-o", "\(folder)/none"]).code == 2)
    #expect(try run("irrun", model + ["-i", "\(folder)/in", "-o", "\(folder)/{size}.png"]).code == 2)
    #expect(
      try run("irrun", model + ["-i", "\(folder)/in", "-o", "\(folder)/one.png/{model}.png"]).code == 2)

    let tool = try toolPath("irrun")
    try system(
      "bash", "-c", "\(tool) -m \(folder)/small.onnx -i - -o - < \(folder)/in/a.png > \(folder)/stream.png")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: "\(folder)/stream.png"))
        == Data(contentsOf: URL(fileURLWithPath: "\(folder)/some/a.png")))
    // A stream that never ends is no picture, and an error names it once.
    for (source, limit, reason) in [
      ("/dev/zero", "100M", "it holds more than the 100 MiB that are taken from there"),
      ("/dev/null", "1G", "cannot be read as an image: it is empty"),
    ] {
      let line =
        "\(tool) -m \(folder)/small.onnx -i - -o \(folder)/none.png --memory \(limit) < \(source) 2>&1; echo $?"
      let text = try system("bash", "-c", line)
      #expect(
        text == "irrun: the standard input: \(reason)\nirrun: 1 of 1 files failed\n4", "\(text)")
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/none.png"))
    // A folder of models, as the ncnn tools have them.
    for name in ["noise1_scale2", "noise2_scale2"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/models", withIntermediateDirectories: true)
      try writeNetwork("\(folder)/models/\(name).onnx", enlarges: true)
    }
    let chosen = ["-m", "\(folder)/models", "-i", "\(folder)/in/a.png", "-o", "\(folder)/{stem}-{model}.png"]
    #expect(try run("irrun", chosen + ["-n", "2", "-s", "2"]).code == 0)
    #expect(FileManager.default.fileExists(atPath: "\(folder)/a-noise2_scale2.png"))
    #expect(try run("irrun", chosen + ["-s", "2"]).code == 2)
    #expect(try run("irrun", chosen + ["-n", "noise1_scale2", "-j", "1:2:1"]).code == 0)
  }
}

@Test func theFirstFailureMayEndTheRun() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/a.png"))
    for name in ["b", "c"] { try writePicture("\(folder)/\(name).png") }
    let arguments = [
      "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "\(folder)/b.png", "\(folder)/c.png", "-o",
      "\(folder)/out",
    ]
    #expect(try run("irrun", arguments + ["--no-keep-going"]).code == 4)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out").isEmpty)
    #expect(try run("irrun", arguments + ["--keep-going"]).code == 4)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out").sorted() == ["b.png", "c.png"])
  }
}

@Test func tracesOpenInViewers() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    for name in ["a", "b"] { try writePicture("\(folder)/\(name).png", width: 100, height: 80) }
    let outcome = try run(
      "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "\(folder)/b.png", "-o", "\(folder)/out",
      "-t", "48",
      "--trace", "\(folder)/t.json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let document = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: "\(folder)/t.json")))
        as? [String: Any])
    let events = try #require(document["traceEvents"] as? [[String: Any]])
    let names = Set(events.compactMap { $0["name"] as? String })
    #expect(names.contains("read \(folder)/a.png") && names.contains("write \(folder)/out/b.png"))
    for event in events where event["ph"] as? String == "X" {
      #expect((event["dur"] as? Double ?? -1) >= 0 && (event["ts"] as? Double ?? -1) >= 0)
    }
    let steps = events.filter { ($0["args"] as? [String: String])?["node"] != nil }
    #expect(steps.count > 20)
  }
}
