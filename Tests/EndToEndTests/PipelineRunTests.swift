import Foundation
import ImageRestoration
import Testing

/// A folder with a small pipeline, `p`, whose networks have fresh weights, and a picture, `in.png`.
private func withPipeline(_ body: (String) throws -> Void) throws {
  try withFolder { folder in
    try SmallModel().write(to: "\(folder)/model")
    let outcome = try run("irexport", "unires", "--weights", "\(folder)/model", "-o", "\(folder)/p")
    #expect(outcome.code == 0, "\(outcome.errors)")
    try writePicture("\(folder)/in.png", width: 70, height: 50)
    try body(folder)
  }
}

private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

private func object(_ text: String) throws -> [String: Any] {
  try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
}

/// The same bytes for any number of threads, and again from what the picture itself says, which exiftool
/// reads.
@Test func pipelinesMakeTheSameAgain() throws {
  try withPipeline { folder in
    func restore(_ output: String, _ options: String...) throws -> Outcome {
      let files = ["-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/\(output)"]
      return try run("irrun", files + options)
    }
    let options = ["--weights", "md=.8,d2=.4,notext=-.2", "--steps", "3", "--seed", "7", "--by", "piqe"]
    for threads in 1...3 {
      let outcome = try run(
        "irrun",
        ["-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/\(threads).png", "-j", "\(threads)"]
          + options)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("md=0.8,d2=0.4,notext=-0.2, 3 steps of ddim, seed 7"))
    }
    let first = try bytes("\(folder)/1.png")
    for name in ["2.png", "3.png"] { #expect(try bytes("\(folder)/\(name)") == first) }
    let tags = try system("exiftool", "-s3", "-XMP-irkit:all", "-XMP:all", "\(folder)/1.png")
    for value in ["md=0.8,d2=0.4,notext=-0.2", "ddim", "piqe"] { #expect(tags.contains(value), "\(tags)") }

    let again = try restore("again.png", "--again", "\(folder)/2.png", "--json")
    #expect(again.code == 0, "\(again.errors)")
    #expect(try bytes("\(folder)/again.png") == first)
    let line = try object(again.output)
    let pipeline = try #require(line["pipeline"] as? [String: Any])
    #expect(pipeline["seed"] as? Int == 7 && pipeline["steps"] as? Int == 3)
    // Another input is restored alike, and that is said.
    try writePicture("\(folder)/other.png", width: 64, height: 64)
    let other = try run(
      "irrun", "-m", "\(folder)/p", "-i", "\(folder)/other.png", "-o", "\(folder)/o.png", "--again",
      "\(folder)/1.png")
    #expect(other.code == 0 && other.output.contains("another input"), "\(other.errors)")
    #expect(try restore("x.png", "--again", "\(folder)/in.png").code == 2)
    // Nothing is stated where nothing is to be.
    #expect(try restore("bare.png", "--again", "\(folder)/1.png", "--metadata", "strip").code == 0)
    #expect(try ImageFile.read("\(folder)/bare.png").metadata.xmpProperties(prefix: "irkit").isEmpty)
  }
}

@Test func pipelinesSearch() throws {
  try withPipeline { folder in
    try Data("sr=1\nmd=.8,d2=.4,dn=-.2\n# one\ndn=1\n".utf8).write(
      to: URL(fileURLWithPath: "\(folder)/c.txt"))
    let common = [
      "-m", "\(folder)/p", "-i", "\(folder)/in.png", "--steps", "2", "--by", "piqe", "--candidates",
      "\(folder)/c.txt",
    ]
    let found = try run(
      "irrun",
      common + ["-o", "\(folder)/out.png", "--search", "grid", "--scores", "\(folder)/s.jsonl", "--json"])
    #expect(found.code == 0, "\(found.errors)")
    let line = try object(found.output)
    let pipeline = try #require(line["pipeline"] as? [String: Any])
    let search = try #require(pipeline["search"] as? [String: Any])
    let scores = try object(String(contentsOfFile: "\(folder)/s.jsonl", encoding: .utf8))
    let numbers = try #require(scores["scores"] as? [Double])
    #expect(numbers.count == 3 && search["score"] as? Double == numbers.min())
    #expect(scores["best"] as? String == pipeline["weights"] as? String)
    #expect((scores["features"] as? [Double])?.count == 39)
    // The composition that was found gives the picture that the search gave.
    let given = try run(
      "irrun", "-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/given.png", "--steps", "2",
      "--weights", try #require(pipeline["weights"] as? String), "--metadata", "strip")
    #expect(given.code == 0, "\(given.errors)")
    let pictures = try ["out.png", "given.png"].map { try ImageFile.read("\(folder)/\($0)").pixels }
    #expect(pictures[0] == pictures[1])

    let calibrated = try run("irrun", common + ["--search", "screen", "--calibrate"])
    #expect(calibrated.code == 0, "\(calibrated.errors)")
    let calibration = try object(String(contentsOfFile: "\(folder)/p/calibration.json", encoding: .utf8))
    #expect((calibration["candidates"] as? [Any])?.count == 3 && calibration["pictures"] as? Int == 1)
    let frequent = try run(
      "irrun", "-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/f.png", "--steps", "1",
      "--search", "frequent", "--by", "piqe")
    #expect(frequent.code == 0 && frequent.output.contains("of 3 candidates"), "\(frequent.errors)")
  }
}

/// Folders, resuming and strict runs are as with other models.
@Test func pipelinesRestoreFolders() throws {
  try withPipeline { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/in", withIntermediateDirectories: false)
    for name in ["a", "b"] { try writePicture("\(folder)/in/\(name).png", width: 40, height: 30) }
    let all = [
      "-m", "\(folder)/p", "-i", "\(folder)/in", "-o", "\(folder)/out", "--steps", "1", "--if-exists",
      "resume",
    ]
    let first = try run("irrun", all)
    #expect(first.code == 0 && first.output.split(separator: "\n").count == 2, "\(first.errors)")
    let kept = try bytes("\(folder)/out/a.png")
    let second = try run("irrun", all)
    #expect(second.code == 0 && second.errors.contains("2 outputs were made of the same"), "\(second.errors)")
    #expect(try bytes("\(folder)/out/a.png") == kept)
    // Another seed is another result.
    let other = try run("irrun", all + ["--seed", "2"])
    #expect(other.code == 0 && other.output.split(separator: "\n").count == 2, "\(other.errors)")
    #expect(try bytes("\(folder)/out/a.png") != kept)
    let plans = try run("irrun", all + ["--dry-run"])
    #expect(plans.code == 0 && plans.output.contains("40×30, whole"), "\(plans.errors)")
  }
}

/// A score's model of photographs is part of what an output depends on, as MUSIQ's weights are.
@Test func scoresByAnotherFileAreOtherResults() throws {
  try withPipeline { folder in
    let published = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Models/NIQE/niqe-bsd400.safetensors").standardizedFileURL.path
    // The same numbers behind a longer header.
    try FileManager.default.createDirectory(
      atPath: "\(folder)/models/NIQE", withIntermediateDirectories: true)
    try system(
      "python3", "-c",
      "import struct,sys;b=open(sys.argv[1],'rb').read();n=struct.unpack('<Q',b[:8])[0];"
        + "open(sys.argv[2],'wb').write(struct.pack('<Q',n+8)+b[8:8+n]+b' '*8+b[8+n:])",
      published, "\(folder)/models/NIQE/niqe-bsd400.safetensors")
    func resumed(models: String) throws -> Int {
      let said = try system([
        "env", "IRKIT_MODELS=\(models)", try toolPath("irrun"), "-m", "\(folder)/p", "-i", "\(folder)/in.png",
        "-o",
        "\(folder)/out/", "--steps", "1", "--if-exists", "resume", "--by", "niqe",
      ])
      return said.split(separator: "\n").count
    }
    #expect(try resumed(models: "") == 1)
    #expect(try resumed(models: "") == 0)
    #expect(try resumed(models: "\(folder)/models") == 1)
    #expect(try resumed(models: "\(folder)/models") == 0)
  }
}

@Test func pipelinesEnlargeAndCutIntoTiles() throws {
  try withPipeline { folder in
    let outcome = try run(
      "irrun", "-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/out.png", "--steps", "1", "-s",
      "2", "-t", "64")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let picture = try ImageFile.read("\(folder)/out.png")
    #expect(picture.width == 140 && picture.height == 100)
    #expect(picture.metadata.xmpProperties(prefix: "irkit")["Tile"] == "64")
    let refused = try run(
      "irrun", "-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/no.png", "--memory", "1M")
    #expect(refused.code == 5 && !FileManager.default.fileExists(atPath: "\(folder)/no.png"))
    // An interrupt leaves nothing half.
    let stopped = try run(
      "irrun",
      [
        "-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/half.png", "--steps", "1000", "-s",
        "8",
      ],
      interruptAfter: 1.5)
    #expect(stopped.code == 130, "\(stopped.errors)")
    let left = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    #expect(left == ["in.png", "model", "out.png", "p"])
  }
}

/// A pipeline that is none, or a damaged one, ends in a sentence and 3; usage in 2.
@Test func pipelinesAreRefusedByTheTool() throws {
  try withPipeline { folder in
    func restore(_ options: String...) throws -> Outcome {
      try run(
        "irrun",
        ["-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/out.png", "--steps", "1"] + options)
    }
    for options in [
      ["--weights", "sr=.5"], ["--weights", "xx=1"], ["--search", "grid"], ["--color-fix", "blue"],
      ["--sampler", "magic"], ["--by", "taste"], ["--steps", "0"],
      ["--weights", "sr=1", "--search", "forest"],
      ["-t", "100"], ["--detail", "2"], ["--calibrate"],
    ] {
      let outcome = try run(
        "irrun",
        ["-m", "\(folder)/p", "-i", "\(folder)/in.png", "-o", "\(folder)/out.png", "--steps", "1"] + options)
      #expect(outcome.code == 2, "\(options): \(outcome.code) \(outcome.errors)")
    }
    try Data([0]).write(to: URL(fileURLWithPath: "\(folder)/t.npz"))
    let tensors = try run("irrun", "-m", "\(folder)/p", "\(folder)/t.npz", "\(folder)/o.npz")
    #expect(tensors.code == 2 && tensors.errors.contains("not tensors"), "\(tensors.errors)")
    let forest = try restore("--search", "forest")
    #expect(forest.code == 3 && forest.errors.contains("forest/model.onnx"), "\(forest.errors)")
    let scheduler = "\(folder)/p/scheduler/scheduler_config.json"
    let kept = try String(contentsOfFile: scheduler, encoding: .utf8)
    let deep = String(repeating: "[", count: 200_000)
    for text in [#"{"beta_start": NaN}"#, #"{"beta_end": 1e400}"#, #"{"beta_start": -1}"#, deep, ""] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: scheduler))
      let outcome = try restore()
      #expect(outcome.code == 3 && outcome.errors.contains("scheduler"), "\(outcome.errors.prefix(200))")
    }
    try Data(kept.utf8).write(to: URL(fileURLWithPath: scheduler))
    // The decoder in the encoder's place, and a part that is missing.
    let encoder = "\(folder)/p/vae_encoder/model.onnx"
    try FileManager.default.removeItem(atPath: encoder)
    #expect(try restore().code == 3)
    try FileManager.default.copyItem(atPath: "\(folder)/p/vae_decoder/model.onnx", toPath: encoder)
    let swapped = try restore()
    #expect(swapped.code == 3 && swapped.errors.contains("vae_encoder"), "\(swapped.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/out.png"))
  }
}

@Test func pipelinesAreDescribed() throws {
  try withPipeline { folder in
    let outcome = try run("irdump", "\(folder)/p", "--json", "--size", "64x128")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let description = try object(outcome.output)
    let parts = try #require(description["parts"] as? [[String: Any]])
    #expect(parts.map { $0["name"] as? String } == ["vae_encoder", "unet", "vae_decoder"])
    #expect(parts.allSatisfy { ($0["parameters"] as? Int ?? 0) > 0 && ($0["multiplyAdds"] as? Int ?? 0) > 0 })
    #expect(description["width"] as? Int == 128 && description["tiles"] as? Int == 1)
    #expect(try run("irdump", "\(folder)/p").output.contains("unet"))
    #expect(try run("irdump", "\(folder)/model").code == 3)
  }
}
