import Foundation
import ImageRestoration
import Testing

/// The network that takes a level, with the weights of one that takes none.
private func writeStart(_ folder: String) throws -> String {
  let (fresh, start) = ("\(folder)/fresh.onnx", "\(folder)/start.onnx")
  let made = try run("irexport", "symunet", "--config", "symunet-s-level", "-o", fresh, "--seed", "3")
  #expect(made.code == 0, "\(made.errors)")
  let moved = try run("irtrain", "transfer", "symunet-denoise", fresh, "-o", start)
  #expect(moved.code == 0, "\(moved.errors)")
  #expect(moved.errors.contains("intro.weight [16, 3, 3, 3] to [16, 4, 3, 3]"), "\(moved.errors)")
  return start
}

private func report(_ outcome: Outcome) throws -> [String: Any] {
  try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
}

@Test func transferredWeightsRestoreAlikeAndSayTheLevel() throws {
  try withFolder { folder in
    let start = try writeStart(folder)
    let picture = "\(folder)/a.png"
    try writePicture(picture, width: 96, height: 64)
    func restored(_ model: String, _ extra: String...) throws -> (Image, [String: Any]) {
      let output = "\(folder)/out.tif"
      let outcome = try run(
        "irrun",
        ["-m", model, picture, output, "--depth", "32f", "--json", "--if-exists", "overwrite"] + extra)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return (try ImageFile.read(output), try report(outcome))
    }
    let (plain, silent) = try restored("symunet-denoise")
    #expect(silent["noise"] == nil)
    let (blind, told) = try restored(start)
    #expect(zip(plain.pixels, blind.pixels).allSatisfy { abs($0 - $1) < 1e-4 })
    let noise = try #require(told["noise"] as? [String: Any])
    let level = try #require(noise["level"] as? Double)
    #expect(noise["estimated"] as? Bool == true)
    #expect(abs(level - (try ImageFile.read(picture)).estimatedNoiseLevel) < 1e-6)
    let stated = try #require(try restored(start, "-n", "15").1["noise"] as? [String: Any])
    #expect(stated["level"] as? Double == 15 && stated["estimated"] as? Bool == false)
    let half = try #require(try restored(start, "-n", "0.5x").1["noise"] as? [String: Any])
    #expect(abs((half["level"] as? Double ?? -1) - level / 2) < 1e-6)
    let text = try run("irrun", "-m", start, picture, "\(folder)/b.png")
    #expect(text.output.contains("noise level \(String(format: "%.1f", level)), estimated"), "\(text.output)")
    let none = try run("irrun", "-m", "symunet-denoise", "-n", "2x", picture, "\(folder)/c.png")
    #expect(none.code == 3 && none.errors.contains("takes no noise level"), "\(none.errors)")
    let odd = try run("irrun", "-m", start, "-n", "strong", picture, "\(folder)/c.png")
    #expect(
      odd.code == 2 && odd.errors.contains("a multiple of the estimate (1.5x) or auto"), "\(odd.errors)")
    // Weights go to their own network alone.
    let wrong = try run("irtrain", "transfer", "daair-s5", "\(folder)/fresh.onnx", "-o", "\(folder)/w.onnx")
    #expect(wrong.code == 3 && wrong.errors.contains("weight"), "\(wrong.errors)")
    let back = try run("irtrain", "transfer", start, "symunet-denoise", "-o", "\(folder)/w.onnx")
    #expect(back.code == 3 && back.errors.contains("intro.weight has the shape"), "\(back.errors)")
  }
}

@Test func levelsAreTrainedMeasuredAndStreamed() throws {
  try withFolder { folder in
    let start = try writeStart(folder)
    try FileManager.default.createDirectory(atPath: "\(folder)/clean", withIntermediateDirectories: true)
    for index in 0..<2 { try writePicture("\(folder)/clean/\(index).png", width: 40 + index, height: 36) }
    let data = ["--clean", "\(folder)/clean", "--batch", "2", "--crop", "32", "--seed", "4"]
    func train(_ model: String, _ output: String, _ extra: String...) throws -> Outcome {
      try run(
        "irtrain",
        [model, "--tasks", "noise25,camera,clean", "--rate", "1e-3", "-o", "\(folder)/\(output).onnx"] + data
          + extra)
    }
    let trained = try train(
      start, "trained", "--steps", "3", "--other-levels", "0.5", "--validate-every", "0")
    #expect(trained.code == 0, "\(trained.errors)")
    let resumed = try train(start, "trained", "--steps", "3", "--resume")
    #expect(resumed.code == 3 && resumed.errors.contains("otherLevels was 0.5"), "\(resumed.errors)")
    let refused = try train("symunet-denoise", "none", "--steps", "1", "--other-levels", "0.5")
    #expect(
      refused.code == 2 && refused.errors.contains("for models that take a noise level"), "\(refused.errors)")
    // The level has begun to count.
    func table(_ level: String, _ model: String? = nil) throws -> Outcome {
      try run(
        "irtrain", "eval", model ?? "\(folder)/trained.onnx", "--sets", "\(folder)/clean", "--tasks",
        "noise25",
        "--noise-level", level, "--json")
    }
    func quality(_ level: String) throws -> Double {
      let outcome = try table(level)
      #expect(outcome.code == 0, "\(outcome.errors)")
      let rows = try #require(try report(outcome)["rows"] as? [[String: Any]])
      return try #require(rows[0]["psnr"] as? Double)
    }
    #expect(try quality("true") == quality("25"))
    #expect(try quality("25") != quality("80"))
    #expect(try quality("auto").isFinite)
    #expect(try table("300").code == 2)
    #expect(try table("true", "symunet-denoise").code == 2)
    let harm = try run(
      "irtrain", "eval", start, "--sets", "\(folder)/clean", "--harm", "--noise-level", "auto", "--limit", "1"
    )
    #expect(harm.code == 0, "\(harm.errors)")
    // A stream for other trainers: a line, and for each step images, targets, tasks and levels.
    let path = "\(folder)/batches"
    try system(
      [
        "bash", "-c", "\"$0\" batches \"$@\" > \(path)", try toolPath("irtrain"), start, "--steps", "2",
        "--tasks",
        "noise25", "--all",
      ] + data)
    let bytes = try #require(FileManager.default.contents(atPath: path))
    let line = try #require(bytes.firstIndex(of: 10))
    let header = try #require(
      try JSONSerialization.jsonObject(with: bytes[..<line]) as? [String: Any])
    #expect(header["noise"] as? Bool == true)
    let step = 2 * 4 * (2 * 3 * 32 * 32) + 2 * 4 + 2 * 4
    #expect(bytes.count == line + 1 + 2 * step)
    let levels = bytes[(line + 1 + step - 8)..<(line + 1 + step)].withUnsafeBytes {
      [$0.loadUnaligned(as: Float.self), $0.loadUnaligned(fromByteOffset: 4, as: Float.self)]
    }
    #expect(levels == [Float(25.0 / 255), Float(25.0 / 255)])
  }
}
