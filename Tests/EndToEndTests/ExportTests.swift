import Foundation
import IRONNX
import Testing

private let settings = #"{"width": 8, "enc_blk_nums": [1], "middle_blk_num": 1, "dec_blk_nums": [1]}"#
private let routed = #"{"dim": 8, "num_blocks": [1, 1, 1, 1], "num_dec_blocks": [1, 1, 1]}"#

private func write(_ text: String, _ path: String) throws {
  try Data(text.utf8).write(to: URL(fileURLWithPath: path))
}

@Test func aNetworkIsFrozenTheSameTwice() throws {
  try withFolder { folder in
    try write(settings, "\(folder)/c.json")
    for name in ["a", "b"] {
      let outcome = try run(
        "irexport", "nafnet", "--config", "\(folder)/c.json", "-o", "\(folder)/\(name).onnx",
        "--reproducible",
        "--verify", "2", "--seed", "9", "--meta", "licence=mine")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("verify 2/2 [1, 3, 41, 51]"), "\(outcome.output)")
    }
    let files = try ["a", "b"].map { try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0).onnx")) }
    #expect(files[0] == files[1])
    let model = try ONNXModel(contentsOf: "\(folder)/a.onnx")
    #expect(model.openDimensions == ["H", "W"])
    let metadata = Dictionary(model.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    #expect(metadata["licence"] == "mine" && metadata["network"] == "nafnet" && metadata["range"] == "0...1")
    // Written anew: another operator set, weights in half precision and beside the file.
    let again = try run(
      "irexport", "\(folder)/a.onnx", "-o", "\(folder)/n.onnx", "--opset", "21", "--f16-weights",
      "--external",
      "--size", "32x48", "--verify", "1")
    #expect(again.code == 0, "\(again.errors)")
    #expect(FileManager.default.fileExists(atPath: "\(folder)/n.onnx.data"))
    let fixed = try ONNXModel(contentsOf: "\(folder)/n.onnx")
    #expect(fixed.opset == 21 && fixed.openDimensions == [])
    #expect(try run("irexport", "\(folder)/a.onnx", "-o", "\(folder)/x.onnx", "--opset", "21").code == 3)
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/x.onnx"))
  }
}

@Test func wrongUseOfExportIsSaid() throws {
  try withFolder { folder in
    #expect(try run("irexport", "nafnet").code == 2)
    #expect(try run("irexport", "nafnet", "-o", "\(folder)/a.onnx", "--size", "8by8").code == 2)
    let unknown = try run("irexport", "nafnett", "-o", "\(folder)/a.onnx")
    #expect(unknown.code == 3 && unknown.errors.contains("did you mean nafnet?"))
    try write(#"{"width": "wide"}"#, "\(folder)/c.json")
    let wrong = try run("irexport", "nafnet", "--config", "\(folder)/c.json", "-o", "\(folder)/a.onnx")
    #expect(wrong.code == 3 && wrong.errors.contains("width"), "\(wrong.errors)")
    try write(
      #"{"width": 1024, "enc_blk_nums": [64, 64, 64, 64], "dec_blk_nums": [64, 64, 64, 64]}"#,
      "\(folder)/c.json")
    let vast = try run("irexport", "nafnet", "--config", "\(folder)/c.json", "-o", "\(folder)/a.onnx")
    #expect(vast.code == 3 && vast.errors.contains("memory are free"), "\(vast.errors)")
    try write("no weights", "\(folder)/w.pth")
    let weights = try run("irexport", "nafnet", "-w", "\(folder)/w.pth", "-o", "\(folder)/a.onnx")
    #expect(weights.code == 4 && weights.errors.contains("w.pth"), "\(weights.errors)")
    #expect(try run("irexport", "promptir", "--card").output.contains("35592263 in 548 tensors"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["c.json", "w.pth"])
  }
}

@Test func routersAreAskedForTheirOpinion() throws {
  try withFolder { folder in
    try write(routed, "\(folder)/c.json")
    let model = "\(folder)/d.onnx"
    #expect(try run("irexport", "daair", "--config", "\(folder)/c.json", "-o", model).code == 0)
    try writePicture("\(folder)/a.png")
    let answer = try run("irrun", "-m", model, "-i", "\(folder)/a.png", "--explain")
    #expect(answer.code == 0, "\(answer.errors)")
    for task in ["noise", "rain", "haze"] { #expect(answer.output.contains("%  \(task), chosen by")) }
    #expect(try run("irrun", "-m", model, "-i", "\(folder)/a.png", "-o", "\(folder)/b.png").code == 0)
    let silent = try run("irrun", "-i", "\(folder)/a.png", "--explain")
    #expect(silent.code == 3 && silent.errors.contains("routing"), "\(silent.errors)")
    #expect(try run("irrun", "-m", model, "--explain").code == 2)
    let list = try run("irrun", "--models")
    #expect(list.code == 0 && list.output.contains("symunet-s") && list.output.contains("as published"))
  }
}
