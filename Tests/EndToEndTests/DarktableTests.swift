import Foundation
import IRImage
import Testing

private let settings = #"{"width": 8, "enc_blk_nums": [1], "middle_blk_num": 1, "dec_blk_nums": [1]}"#

/// Runs a script of Python with a folder as its argument: its zip and JSON are not ours.
private func python(_ script: String, _ folder: String) throws -> Outcome {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["python3", "-c", script, folder]
  let errors = Pipe()
  process.standardError = errors
  try process.run()
  let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return Outcome(code: process.terminationStatus, output: "", errors: text, peakByteCount: 0)
}

@Test func packagesForDarktableAreWhatItReads() throws {
  try withFolder { folder in
    try Data(settings.utf8).write(to: URL(fileURLWithPath: "\(folder)/c.json"))
    let model = "\(folder)/small.onnx"
    #expect(
      try run("irexport", "nafnet", "--config", "\(folder)/c.json", "-o", model, "--seed", "3").code == 0)
    for place in ["a", "b"] {
      let outcome = try run(
        "irexport", model, "--dtmodel", "--tile", "64", "-o", "\(folder)/\(place)/", "--meta", "version=1.2")
      #expect(outcome.code == 0, "\(outcome.errors)")
    }
    let other = try run(
      "irexport", model, "--dtmodel", "-o", "\(folder)/a/denoise-other.dtmodel", "--tile", "96")
    #expect(other.code == 0, "\(other.errors)")
    let checked = try python(
      """
      import hashlib, json, sys, zipfile
      f = sys.argv[1]
      name = "/denoise-small.dtmodel"
      a, b = (open(f + p + name, "rb").read() for p in ("/a", "/b"))
      assert a == b, "not the same bytes"
      z = zipfile.ZipFile(f + "/a" + name)
      assert z.testzip() is None
      assert sorted(z.namelist()) == ["denoise-small/config.json", "denoise-small/model.onnx"], z.namelist()
      c = json.loads(z.read("denoise-small/config.json"))
      assert (c["id"], c["task"], c["backend"], c["num_inputs"], c["version"]) == ("denoise-small", "denoise", "onnx", 1, "1.2"), c
      assert c["attributes"] == {"input_sizes": [64]} and c["tiling"] is True and c["name"] and c["model_card"]["license"], c
      v = json.load(open(f + "/a/versions.json"))
      assert v["schema"] == 1 and sorted(v["models"]) == ["denoise-other", "denoise-small"], v
      e = v["models"]["denoise-small"]
      assert e["sha256"] == hashlib.sha256(a).hexdigest() and e["size"] == len(a) and e["version"] == "1.2", e
      """, folder)
    #expect(checked.code == 0, "\(checked.errors)")

    // Headless, from the package: what the network makes of a picture of one tile.
    try writePicture("\(folder)/p.png", width: 64, height: 64)
    let cache = ["XDG_CACHE_HOME": "\(folder)/cache"]
    let package = "\(folder)/a/denoise-small.dtmodel"
    for (source, target) in [(model, "own"), (package, "package"), (package, "again")] {
      let outcome = try run(
        "irrun", ["-m", source, "\(folder)/p.png", "\(folder)/\(target).png"], environment: cache)
      #expect(outcome.code == 0, "\(outcome.errors)")
    }
    let results = try ["own", "package", "again"].map { try ImageFile.read("\(folder)/\($0).png").pixels }
    let distance = zip(results[0], results[1]).map { abs($0 - $1) }.max()
    #expect(try #require(distance) <= 1.001 / 255)
    #expect(results[1] == results[2])
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/cache/irkit/dtmodel").count == 1)
    // Larger pictures go through in tiles of the size that it takes.
    try writePicture("\(folder)/q.png", width: 150, height: 90)
    let tiles = try run(
      "irrun", ["-m", package, "\(folder)/q.png", "\(folder)/r.png"], environment: cache)
    #expect(tiles.code == 0, "\(tiles.errors)")
  }
}

@Test func whatIsNoPackageForDarktableIsSaid() throws {
  try withFolder { folder in
    try writePicture("\(folder)/p.png")
    let made = try python(
      """
      import json, sys, zipfile
      f = sys.argv[1]
      def write(name, config, *members):
        with zipfile.ZipFile(f + "/" + name + ".dtmodel", "w", zipfile.ZIP_DEFLATED) as z:
          if config is not None: z.writestr("x/config.json", config)
          for m in members: z.writestr("x/" + m, b"no network")
      write("mask", json.dumps({"id": "x", "task": "mask"}), "encoder.onnx")
      write("none", None, "model.onnx")
      write("broken", "{", "model.onnx")
      write("several", json.dumps({"id": "x", "task": "upscale"}), "model_x2.onnx", "model_x4.onnx")
      write("empty", json.dumps({"id": "x", "task": "denoise"}))
      write("damaged", json.dumps({"id": "../../x", "task": "denoise"}), "model.onnx")
      open(f + "/text.dtmodel", "w").write("text")
      """, folder)
    #expect(made.code == 0, "\(made.errors)")
    for (name, words) in [
      ("mask", "a model for mask"), ("none", "one ID/config.json"), ("broken", "states no id"),
      ("several", "it holds model_x2.onnx, model_x4.onnx"), ("empty", "it holds none"),
      ("text", "zip archive"),
      ("missing", "no such file"), ("damaged", "cache/irkit/dtmodel/"),
    ] {
      let outcome = try run(
        "irrun", ["-m", "\(folder)/\(name).dtmodel", "\(folder)/p.png", "\(folder)/o.png"],
        environment: ["XDG_CACHE_HOME": "\(folder)/cache"])
      #expect(
        outcome.code == 3 && outcome.errors.contains(words), "\(name): \(outcome.code) \(outcome.errors)")
    }
    // The name of a stranger's model leads nowhere.
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/cache/irkit/x.onnx"))
    #expect(try run("irexport", "dncnn", "-o", "\(folder)/grey.onnx").code == 0)
    let refused = try run("irexport", "\(folder)/grey.onnx", "--dtmodel", "-o", "\(folder)/")
    #expect(refused.code == 3 && refused.errors.contains("three channels"), "\(refused.errors)")
    #expect(try run("irexport", "nafnet", "--dtmodel", "-o", "\(folder)/").code == 2)
    #expect(try run("irexport", "nafnet", "--tile", "64", "-o", "\(folder)/a.onnx").code == 2)
  }
}
