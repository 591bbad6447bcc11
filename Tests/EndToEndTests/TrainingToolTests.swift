import Foundation
import IRONNX
import IRTensor
import ImageRestoration
import Testing

private func bytes(_ path: String) throws -> Data { try #require(FileManager.default.contents(atPath: path)) }

private func writePictures(_ folder: String) throws {
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  for index in 0..<3 { try writePicture("\(folder)/\(index).png", width: 24 + index, height: 20) }
}

@Test func interruptedRunsEndTheSame() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    func train(_ output: String, _ extra: String..., interruptAfter: Double? = nil) throws -> Outcome {
      try run(
        "irtrain",
        [
          "symunet-s", "--clean", "\(folder)/clean", "--tasks", "noise25,rain", "--steps", "30", "--batch",
          "2",
          "--crop", "16", "--rate", "1e-4", "--seed", "3", "-j", "2", "--validate-every", "0", "-o",
          "\(folder)/\(output)",
        ] + extra, interruptAfter: interruptAfter)
    }
    let whole = try train("whole.onnx")
    #expect(whole.code == 0, "\(whole.errors)")
    let parted = try train("parted.onnx", interruptAfter: 1)
    #expect([0, 130].contains(parted.code), "\(parted.errors)")
    if parted.code == 130 { #expect(parted.errors.contains("interrupted")) }
    let resumed = try train("parted.onnx", "--resume")
    #expect(resumed.code == 0, "\(resumed.errors)")
    #expect(try bytes("\(folder)/whole.onnx") == bytes("\(folder)/parted.onnx"))
    #expect(try bytes("\(folder)/whole.checkpoint") == bytes("\(folder)/parted.checkpoint"))
    let page = String(decoding: try bytes("\(folder)/parted.html"), as: UTF8.self)
    #expect(page.contains("<svg") && page.contains("data:image/png;base64,"))
    let lines = String(decoding: try bytes("\(folder)/parted.jsonl"), as: UTF8.self).split(separator: "\n")
    #expect(lines.contains { $0.contains("\"loss\"") } && lines.contains { $0.contains("\"validation\"") })
    // Another run may not take its place, or go on from it with other settings.
    #expect(try train("parted.onnx").code == 2)
    let other = try train("parted.onnx", "--resume", "--fourier-weight", "0.5")
    #expect(
      other.code == 3 && other.errors.contains("other settings: loss.fourierWeight was 0.1, is 0.5"),
      "\(other.errors)")
  }
}

@Test func runsCanBeMadeLongerAndExported() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    func train(_ output: String, steps: Int, decay: Int, resume: Bool = false) throws -> Outcome {
      try run(
        "irtrain",
        [
          "symunet-s", "--clean", "\(folder)/clean", "--tasks", "haze", "--steps", "\(steps)",
          "--decay-steps",
          "\(decay)", "--batch", "1", "--crop", "16", "--rate", "1e-4", "--validate-every", "0", "-o",
          "\(folder)/\(output).onnx",
        ] + (resume ? ["--resume"] : []))
    }
    #expect(try train("whole", steps: 8, decay: 3).code == 0)
    #expect(try train("parted", steps: 5, decay: 0).code == 0)
    let longer = try train("parted", steps: 8, decay: 3, resume: true)
    #expect(longer.code == 0, "\(longer.errors)")
    #expect(try bytes("\(folder)/whole.onnx") == bytes("\(folder)/parted.onnx"))
    let late = try train("parted", steps: 20, decay: 3, resume: true)
    #expect(late.code == 3 && late.errors.contains("the length can change only before"), "\(late.errors)")
    let exported = try run(
      "irtrain", "export", "\(folder)/parted.checkpoint", "symunet-s", "-o", "\(folder)/so-far.onnx")
    #expect(exported.code == 0, "\(exported.errors)")
    #expect(try bytes("\(folder)/so-far.onnx") == bytes("\(folder)/parted.onnx"))
    let last = try run(
      "irtrain", "export", "\(folder)/parted.checkpoint", "symunet-s", "--last", "-o", "\(folder)/last.onnx")
    #expect(try last.code == 0 && bytes("\(folder)/last.onnx") != bytes("\(folder)/parted.onnx"))
    let wrong = try run(
      "irtrain", "export", "\(folder)/parted.onnx", "symunet-s", "-o", "\(folder)/none.onnx")
    #expect(wrong.code == 3 && wrong.errors.contains("parted.onnx"), "\(wrong.errors)")
  }
}

@Test func runsEndByTheClockAndAreCompared() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    func train(_ output: String, _ extra: String...) throws -> Outcome {
      try run(
        "irtrain",
        [
          "symunet-s", "--clean", "\(folder)/clean", "--tasks", "noise25", "--batch", "1", "--crop", "16",
          "--rate",
          "1e-4", "--log-every", "1", "--validate-every", "0", "-o", "\(folder)/\(output).onnx",
        ] + extra)
    }
    let timed = try train("timed", "--time", "2s", "--decay-time", "1s")
    #expect(timed.code == 0, "\(timed.errors)")
    let log = String(decoding: try bytes("\(folder)/timed.jsonl"), as: UTF8.self).split(separator: "\n")
    let steps = try log.map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }.filter { $0["loss"] != nil }
    #expect(!steps.isEmpty)
    for step in steps {
      let share = try #require(step["waitingShare"] as? Double)
      #expect((0...1).contains(share))
    }
    // The last step begins when the rate has nearly fallen, or is the only one.
    let rates = steps.compactMap { $0["rate"] as? Double }
    #expect(rates.count == 1 || (rates.last ?? 1) < 1e-4)
    // A finished run has no time left.
    #expect(try train("timed", "--time", "2s", "--decay-time", "1s", "--resume").code == 0)
    let other = try train("timed", "--steps", "100000", "--resume")
    #expect(other.code == 3 && other.errors.contains("ends by --time"), "\(other.errors)")
    #expect(try train("stepped", "--steps", "2").code == 0)
    let late = try train("stepped", "--time", "1h", "--resume")
    #expect(late.code == 3 && late.errors.contains("ends after --steps"), "\(late.errors)")
    for wrong in [
      [], ["--steps", "2", "--time", "1h"], ["--steps", "2", "--decay-time", "1s"], ["--time", "soon"],
    ] {
      let usage = try run("irtrain", ["symunet-s", "--clean", folder, "-o", "\(folder)/a.onnx"] + wrong)
      #expect(usage.code == 2, "\(usage.errors)")
    }
    // An interrupted run may have a checkpoint and no model yet: it is not lost unasked.
    try FileManager.default.removeItem(atPath: "\(folder)/stepped.onnx")
    let again = try train("stepped", "--steps", "2")
    #expect(again.code == 2 && again.errors.contains("stepped.checkpoint exists"), "\(again.errors)")
    let page = "\(folder)/both.html"
    let compared = try run(
      "irtrain", "compare", "\(folder)/timed.jsonl", "\(folder)/stepped.jsonl", "-o", page)
    #expect(compared.code == 0, "\(compared.errors)")
    let text = String(decoding: try bytes(page), as: UTF8.self)
    #expect(text.contains("timed.jsonl") && text.contains("stepped.jsonl") && text.contains("<polyline"))
    let none = try run("irtrain", "compare", "\(folder)/both.html", "-o", page)
    #expect(none.code == 3 && none.errors.contains("not the log of a run"), "\(none.errors)")
  }
}

@Test func weightsOfTwoModelsAreAveraged() throws {
  try withFolder { folder in
    func average(_ first: String, _ second: String, _ share: Double, _ name: String) throws -> Outcome {
      try run("irtrain", "average", first, second, "--share", "\(share)", "-o", "\(folder)/\(name).onnx")
    }
    func weights(_ path: String) throws -> [String: Tensor] {
      let model = try ONNXModel(contentsOf: path)
      return try model.initializers(named: model.parameterCandidates)
    }
    let between = try average("symunet-s", "symunet-s5", 0.25, "between")
    #expect(between.code == 0 && between.errors.contains("0.25 of symunet-s5"), "\(between.errors)")
    let (a, b) = (
      try weights(ModelCatalogue.path(of: "symunet-s")), try weights(ModelCatalogue.path(of: "symunet-s5"))
    )
    for (name, found) in try weights("\(folder)/between.onnx") {
      let (x, y) = (try #require(a[name]).doubles, try #require(b[name]).doubles)
      let expected = Tensor(found.type, doubles: x.indices.map { 0.75 * x[$0] + 0.25 * y[$0] })
      #expect(found == expected, "\(name)")
    }
    let foreign = try average("symunet-s", "daair-s5", 0.5, "none")
    #expect(foreign.code == 3 && foreign.errors.contains("has no weight"), "\(foreign.errors)")
    #expect(try average("symunet-s", "symunet-s5", 1.5, "none").code == 2)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/none.onnx"))
  }
}

/// A network with routers, exported for one image, trained on several, and its routers' table.
@Test func routersAreTaughtAndMeasured() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    let settings =
      #"{"dim": 8, "num_blocks": [1, 0, 0, 1], "num_dec_blocks": [1, 0, 0], "num_refinement_blocks": 0, "#
      + #""kernel_size": 3, "tasks": ["a", "b"]}"#
    try Data(settings.utf8).write(to: URL(fileURLWithPath: "\(folder)/c.json"))
    let model = "\(folder)/d.onnx"
    #expect(try run("irexport", "daair", "--config", "\(folder)/c.json", "-o", model).code == 0)
    let trained = try run(
      "irtrain", model, "--clean", "\(folder)/clean", "--tasks", "noise50,haze", "--steps", "3", "--batch",
      "4",
      "--crop", "16", "--router-weight", "0.01", "--log-every", "1", "--validate-every", "0", "-o",
      "\(folder)/t.onnx")
    #expect(trained.code == 0, "\(trained.errors)")
    let log = String(decoding: try bytes("\(folder)/t.jsonl"), as: UTF8.self)
    #expect(log.contains("\"routerAccuracy\""))
    let table = try run(
      "irtrain", "eval", "\(folder)/t.onnx", "--sets", "\(folder)/clean", "--tasks", "noise50,haze,rain")
    #expect(table.code == 0, "\(table.errors)")
    #expect(table.output.contains("| set | task | noise | haze | right | right, all routers together |"))
    let json = try run(
      "irtrain", "eval", "\(folder)/t.onnx", "--sets", "\(folder)/clean", "--tasks", "haze,rain", "--json")
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
    let rows = try #require((parsed["routers"] as? [String: Any])?["rows"] as? [[String: Any]])
    #expect(rows.map { $0["expert"] as? Int } == [1, nil])
    // Three routers' decisions for three pictures.
    #expect(rows.allSatisfy { ($0["decisions"] as? [Int])?.reduce(0, +) == 9 })
    #expect(rows.allSatisfy { ($0["pictures"] as? [Int])?.reduce(0, +) == 3 })
  }
}

@Test func whatCannotBeTrainedEndsInASentence() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    let neither = try run("irtrain", "symunet-s", "--steps", "1", "-o", "\(folder)/a.onnx")
    #expect(neither.code == 2 && neither.errors.contains("--clean, --pairs or both"))
    let unknown = try run(
      "irtrain", "symunet-s", "--clean", "\(folder)/clean", "--tasks", "snow", "--steps", "1", "-o",
      "\(folder)/a.onnx")
    #expect(unknown.code == 2 && unknown.errors.contains("no degradation is called snow"))
    let large = try run(
      "irtrain", "symunet-s", "--clean", "\(folder)/clean", "--crop", "64", "--steps", "1", "-o",
      "\(folder)/a.onnx")
    #expect(large.code == 3 && large.errors.contains("smaller than a crop of 64×64"), "\(large.errors)")
    let odd = try run(
      "irtrain", "symunet-s", "--clean", "\(folder)/clean", "--crop", "20", "--steps", "1", "-o",
      "\(folder)/a.onnx")
    #expect(odd.code == 3 && odd.errors.contains("it does not take crops of 20×20 pixels"), "\(odd.errors)")
    try Data("no model".utf8).write(to: URL(fileURLWithPath: "\(folder)/bad.onnx"))
    let bad = try run(
      "irtrain", "\(folder)/bad.onnx", "--clean", "\(folder)/clean", "--steps", "1", "-o", "\(folder)/a.onnx")
    #expect(bad.code == 3 && bad.errors.contains("bad.onnx"))
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.onnx"))
  }
}

@Test func testSetsAndTablesRepeat() throws {
  try withFolder { folder in
    try writePictures("\(folder)/clean")
    for place in ["a", "b"] {
      let made = try run(
        "irdegrade", "-i", "\(folder)/clean", "-o", "\(folder)/\(place)", "--tasks",
        "noise25,motion,jpeg10+rain",
        "--seed", "5")
      #expect(made.code == 0, "\(made.errors)")
    }
    for task in ["noise25", "motion", "jpeg10+rain"] {
      for index in 0..<3 {
        #expect(try bytes("\(folder)/a/\(task)/\(index).png") == bytes("\(folder)/b/\(task)/\(index).png"))
      }
    }
    // A degraded picture does not depend on the others.
    let alone = try run(
      "irdegrade", "-i", "\(folder)/clean/1.png", "-o", "\(folder)/c", "--tasks", "motion", "--seed", "5")
    #expect(alone.code == 0)
    #expect(try bytes("\(folder)/c/motion/1.png") == bytes("\(folder)/a/motion/1.png"))
    #expect(try run("irdegrade", "-i", "\(folder)/none", "-o", folder, "--tasks", "rain").code == 2)
    let table = try run(
      "irtrain", "eval", "symunet-s", "--sets", "\(folder)/clean", "--tasks", "noise25,rain", "--json")
    #expect(table.code == 0, "\(table.errors)")
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: Data(table.output.utf8)) as? [String: Any])
    let rows = try #require(parsed["rows"] as? [[String: Any]])
    #expect(rows.map { $0["task"] as? String } == ["noise25", "rain"])
    #expect(rows.allSatisfy { $0["images"] as? Int == 3 })
    let text = try run(
      "irtrain", "eval", "symunet-s", "--pairs", "\(folder)/a/noise25", "\(folder)/clean", "--protocol",
      "8bit")
    #expect(text.code == 0 && text.output.contains("RGB, 8 bit, SSIM uniform 7×7"), "\(text.errors)")
  }
}
