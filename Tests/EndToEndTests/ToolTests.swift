import Foundation
import IRGraph
import IRONNX
import IROperators
import IRTensor
import IRTensorFiles
import ImageRestoration
import Testing

/// A model whose output is its input's double, of any size.
private func writeDoubler(_ path: String) throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2, 3]))
  builder.output(try builder.value(Binary(.add), [x, x]), name: "y")
  try ONNXModel(try builder.finished()).write(to: path)
}

@Test func aFolderIsRestoredAndCounted() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/in", withIntermediateDirectories: true)
    try writePicture("\(folder)/in/a.png")
    try writePicture("\(folder)/in/b.png", width: 40, height: 33)
    let good = try run("irrun", "-i", "\(folder)/in", "-o", "\(folder)/out", "--json")
    #expect(good.code == 0, "\(good.errors)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out").sorted() == ["a.png", "b.png"])
    let lines = good.output.split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines {
      #expect((try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["seconds"] != nil)
    }
    let restored = try Restorer(model: "symunet-s").restore(try ImageFile.read("\(folder)/in/b.png"))
    let written = try ImageFile.read("\(folder)/out/b.png")
    #expect(written.width == 40 && written.height == 33)
    // Rounded to 8 bits.
    let distances = zip(restored.pixels, written.pixels).map { abs(min(max($0, 0), 1) - $1) }
    #expect(distances.max() ?? 1 <= 0.5 / 255 + 1e-6 && written.pixels.count == restored.pixels.count)
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: "\(folder)/in/c.png"))
    let partial = try run("irrun", "-i", "\(folder)/in", "-o", "\(folder)/out2")
    #expect(partial.code == 4)
    #expect(partial.errors.contains("c.png") && partial.errors.contains("1 of 3 files failed"))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(folder)/out2").sorted() == ["a.png", "b.png"])
  }
}

@Test func foldersKeepTheirTreeAndExistingFiles() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/in/deep", withIntermediateDirectories: true)
    try writePicture("\(folder)/in/a.png")
    try writePicture("\(folder)/in/deep/b.png")
    let (input, output) = ("\(folder)/in", "\(folder)/out")
    let plan = try run("irrun", "-i", input, "-o", output, "--recurse", "-f", "jpg", "--dry-run")
    #expect(
      plan.code == 0 && plan.output.contains("deep/b.png -> \(output)/deep/b.jpg: 37×21, whole (40×24)"))
    #expect(!FileManager.default.fileExists(atPath: output))

    let half = try run("irrun", "-i", input, "-o", output, "--recurse", "-f", "jpg", "--shard", "2/2")
    #expect(half.code == 0, "\(half.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(output)/a.jpg"))
    let first = try Data(contentsOf: URL(fileURLWithPath: "\(output)/deep/b.jpg"))
    let rest = try run(
      "irrun", "-i", input, "-o", output, "--recurse", "-f", "jpg", "--if-exists", "skip", "-q", "20")
    #expect(rest.code == 0 && rest.errors.contains("1 outputs exist"))
    #expect(FileManager.default.fileExists(atPath: "\(output)/a.jpg"))
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(output)/deep/b.jpg")) == first)

    #expect(
      try run("irrun", "-i", "\(input)/a.png", "-o", "\(output)/a.jpg", "--if-exists", "fail").code == 2)
    let renamed = try run("irrun", "-i", "\(input)/a.png", "-o", "\(output)/a.jpg", "--if-exists", "rename")
    #expect(renamed.code == 0 && FileManager.default.fileExists(atPath: "\(output)/a-1.jpg"))

    try Data("\(input)/a.png\n\(input)/deep/b.png\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/list"))
    let listed = try run("irrun", "--list", "\(folder)/list", "-o", "\(folder)/flat", "--depth", "16")
    #expect(listed.code == 0, "\(listed.errors)")
    #expect(try ImageFile.read("\(folder)/flat/b.png").sampleFormat == .uint16)
  }
}

@Test func theReferenceAgreesAndMetricsNameTheirProtocol() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png")
    let outcome = try run(
      "irrun", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--verify", "--metrics", "psnr,ssim",
      "--reference",
      "\(folder)/a.png", "--compare", "side", "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let verification = try #require((report["verification"] as? [[String: Any]])?.first)
    #expect(
      try #require(verification["largest"] as? Double) < 2e-5
        * (try #require(verification["range"] as? Double)))
    #expect((report["metricProtocol"] as? String)?.contains("uniform 7×7") == true)
    #expect(try ImageFile.read("\(folder)/b-side.png").width == 3 * 37 + 16)
  }
}

@Test func wrongUsageIsTwo() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png")
    for arguments in [
      ["-i", "\(folder)/none.png", "-o", "\(folder)/b.png"],
      ["-i", "\(folder)/a.png", "-o", "\(folder)/a.png"],
      ["-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--threads", "0"],
      ["-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--metrics", "psnr"],
      ["-i", folder, "-o", "\(folder)/a.png", "--compare", "up"],
    ] {
      let outcome = try run(
        "irrun", arguments[0], arguments[1], arguments[2], arguments[3],
        arguments.dropFirst(4).joined(separator: "="))
      #expect(outcome.code == 2, "\(arguments): \(outcome.errors)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.png"])
  }
}

@Test func whatDoesNotFitIsFive() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png", width: 256, height: 256)
    let outcome = try run("irrun", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--memory", "4M")
    #expect(outcome.code == 5 && outcome.errors.contains("the limit is"), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/b.png"))
    #expect(try run("irrun", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--memory", "2G").code == 0)
    #expect(try run("irrun", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--memory", "lots").code == 2)
  }
}

@Test func rejectedModelsAreThree() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png")
    try Data("no model".utf8).write(to: URL(fileURLWithPath: "\(folder)/m.onnx"))
    try writeDoubler("\(folder)/tensors.onnx")
    for model in ["\(folder)/m.onnx", "no-such-model", "\(folder)/tensors.onnx"] {
      let outcome = try run("irrun", "-m", model, "-i", "\(folder)/a.png", "-o", "\(folder)/b.png")
      #expect(outcome.code == 3 && outcome.errors.contains(model), "\(outcome.errors)")
    }
    #expect(try run("irdump", "\(folder)/m.onnx").code == 3)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/b.png"))
  }
}

@Test(arguments: TensorFile.extensions)
func tensorsRunRaw(_ suffix: String) throws {
  try withFolder { folder in
    try writeDoubler("\(folder)/m.onnx")
    let x = Tensor([Float(1), 2, 3, 4, 5, 6], shape: [2, 3])
    try TensorFile.write([NamedTensor("x", x)], to: "\(folder)/x.\(suffix)")
    let outcome = try run(
      "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/x.\(suffix)", "-o", "\(folder)/y.npz", "--verify")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let result = try #require(try TensorFile.read("\(folder)/y.npz").first)
    #expect(result.name == "y" && result.tensor.floats == [2, 4, 6, 8, 10, 12])
    try TensorFile.write([NamedTensor("x", Tensor([Float(1)], shape: [1, 1]))], to: "\(folder)/x.\(suffix)")
    let refused = try run(
      "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/x.\(suffix)", "-o", "\(folder)/z.npz")
    #expect(
      refused.code == 4 && refused.errors.contains("axis 0 is 1, the model takes 2"), "\(refused.errors)")
  }
}

@Test func anInterruptLeavesNothingHalfWritten() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/in", withIntermediateDirectories: true)
    for name in ["a", "b", "c"] { try writePicture("\(folder)/in/\(name).png", width: 256, height: 256) }
    let outcome = try run("irrun", "-i", "\(folder)/in", "-o", "\(folder)/out", "--verify", interruptAfter: 1)
    #expect(outcome.code == 130)
    #expect(outcome.errors.contains("interrupted"))
    let left = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/out")) ?? []
    #expect(left.allSatisfy { ["a.png", "b.png", "c.png"].contains($0) })
  }
}

@Test func dumpSaysWhatTheModelIs() throws {
  let outcome = try run(
    "irdump", "symunet-s", "--size", "8*h=64,8*w=96", "--json", "--nodes", "--passes", "--program")
  #expect(outcome.code == 0, "\(outcome.errors)")
  let report = try #require(
    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  #expect((report["inputs"] as? [[String: String]])?.first?["type"] == "float32[1, 3, 64, 96]")
  #expect((report["steps"] as? [Any])?.count == report["compiledSteps"] as? Int)
  let text = try run("irdump", "symunet-s", "--size", "64x64", "--simplified")
  // Decomposed normalizations are recognised: no transposition is left of them.
  #expect(text.output.contains("= LayerNormalization") && !text.output.contains("permutation: [0, 2, 1]}"))
  let program = try run("irdump", "symunet-s", "--size", "8*h=64,8*w=96", "--program").output
  #expect(program.contains("of 64 rows, tiles of 96 of 96 columns"), "\(program)")
  // For a stated machine the text is the same on all.
  let scalar = try run(
    "irdump", "symunet-s", "--size", "64x96", "--program", "--isa", "scalar", "--shared-cache", "far")
  #expect(scalar.output.contains("\n      convolution weight="), "\(scalar.output)\(scalar.errors)")
  #expect(try run("irdump", "symunet-s", "--isa", "mmx").code == 2)
  // Bisection: the patches up to a number, by name.
  let limited = try run("irdump", "symunet-s", "--size", "64x96", "--json", "--passes", "--patch-limit", "7")
  let bisected = try #require(
    try JSONSerialization.jsonObject(with: Data(limited.output.utf8)) as? [String: Any])
  let passes = try #require(bisected["passes"] as? [[String: Any]])
  #expect(passes.reduce(0) { $0 + ($1["patches"] as? Int ?? 0) } == 7)
  #expect(bisected["lastPatch"] is String)
  let rules = (report["passes"] as? [[String: Any]] ?? []).flatMap { $0["rules"] as? [[String: Any]] ?? [] }
  #expect(rules.contains { $0["name"] as? String == "recognize-layer-normalization" }, "\(rules)")
  #expect(try run("irdump", "symunet-s", "--patch-limit", "-1").code == 2)
  #expect(try run("irdump", "symunet-s", "--check").code == 0)
  #expect(text.output.contains("float32[1, 3, 64, 64]"))
  #expect(try run("irdump", "symunet-s", "--size", "H=64").code == 2)
}

/// A model exported for one size restores pictures of others in tiles of it.
@Test func modelsOfOneSizeTakeAll() throws {
  try withFolder { folder in
    var builder = GraphBuilder()
    let x = builder.input("image", TensorType(.float32, [1, 3, 20, 28]))
    builder.output(try builder.value(Unary(.abs), [x]), name: "restored")
    try ONNXModel(try builder.finished()).write(to: "\(folder)/m.onnx")
    try writePicture("\(folder)/a.png", width: 28, height: 20)
    try writePicture("\(folder)/b.png", width: 30, height: 20)
    let fitting = try run("irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/c.png")
    #expect(fitting.code == 0, "\(fitting.errors)")
    let other = try run("irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/b.png", "-o", "\(folder)/d.png")
    #expect(other.code == 0, "\(other.errors)")
    for name in ["a", "b"] {
      let given = try ImageFile.read("\(folder)/\(name).png")
      let restored = try ImageFile.read("\(folder)/\(name == "a" ? "c" : "d").png")
      #expect(restored.pixels == given.pixels)
    }
    let check = try run("irdump", "\(folder)/m.onnx", "--check")
    #expect(check.code == 0 && check.output.contains("20×28 only: larger pictures are restored in tiles"))
  }
}

/// The lines of the README.
@Test func theReadmesLinesRestore() throws {
  try withFolder { folder in
    try writePicture("\(folder)/noisy.png")
    let restorer = try Restorer(model: "symunet-s")
    let restored = try restorer.restore(try ImageFile.read("\(folder)/noisy.png"))
    try ImageFile.write(restored, to: "\(folder)/restored.png")
    #expect(try ImageFile.read("\(folder)/restored.png").height == 21)
    #expect(restorer.multiple == 8)
  }
}
