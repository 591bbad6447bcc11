import Foundation
import IRModels
import IRTensor
import IRTensorFiles
import Testing

private struct Line: Decodable {
  var file: String
  var scores: [String: [Double]]
}

/// A file of the project.
private func repository(_ path: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent(path).path
}

@Test func picturesAreScored() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png", width: 200, height: 100)
    try writePicture("\(folder)/small.png")
    let model = repository("Models/NIQE/niqe-bsd400.safetensors")
    let outcome = try run(
      "irquality", "\(folder)/a.png", "--by", "niqe,piqe,brisque-features", "--json", "--model", model)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let line = try JSONDecoder().decode(Line.self, from: Data(outcome.output.utf8))
    #expect(line.file == "\(folder)/a.png")
    #expect(try #require(line.scores["niqe"]?.first) > 0)
    #expect((0...100).contains(try #require(line.scores["piqe"]?.first)))
    #expect(line.scores["brisque-features"]?.count == 36)
    // A picture that is too small for one metric has the other's score.
    let small = try run("irquality", "\(folder)/small.png", "--model", model)
    #expect(small.code == 3 && small.errors.contains("smaller than a block"), "\(small.errors)")
    #expect(small.output.contains("piqe"), "\(small.output)")
    let missing = try run("irquality", "\(folder)/none.png", "\(folder)/small.png", "--by", "piqe")
    #expect(missing.code == 4 && missing.output.contains("small.png: piqe"), "\(missing.output)")
    #expect(try run("irquality", "\(folder)/a.png", "--by", "fid").code == 2)
    #expect(try run("irquality", "\(folder)/a.png", "--by", "musiq").code == 2)
    let broken = try run("irquality", "\(folder)/a.png", "--by", "niqe", "--model", "\(folder)/a.png")
    #expect(broken.code == 4, "\(broken.errors)")
    let few = try run("irquality", "fit", "-i", folder, "-o", "\(folder)/natural.safetensors")
    #expect(few.code == 3 && few.errors.contains("needs at least 37"), "\(few.errors)")
  }
}

/// MUSIQ of weights in a file, prefixed as pyiqa's are.
@Test func picturesAreScoredByMUSIQ() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png", width: 50, height: 40)
    let weights = InitialWeights.check(try MUSIQ(MUSIQConfiguration()).parameters())
    try TensorFile.write(
      weights.sorted { $0.key < $1.key }.map { NamedTensor("params.\($0.key)", $0.value) },
      to: "\(folder)/musiq.safetensors")
    let outcome = try run(
      "irquality", "\(folder)/a.png", "--by", "musiq", "--musiq-weights", "\(folder)/musiq.safetensors",
      "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let line = try JSONDecoder().decode(Line.self, from: Data(outcome.output.utf8))
    #expect(try #require(line.scores["musiq"]?.first).isFinite)
    try TensorFile.write([NamedTensor("head.weight", Tensor(scalar: 1))], to: "\(folder)/bad.safetensors")
    let bad = try run(
      "irquality", "\(folder)/a.png", "--by", "musiq", "--musiq-weights", "\(folder)/bad.safetensors")
    #expect(bad.code == 3 && bad.errors.contains("weights do not fit"), "\(bad.errors)")
  }
}
