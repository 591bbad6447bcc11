import Foundation
import IRDiffusion
import IRImage
import IRQuality
import IRTensor
import Testing

@testable import IRPipelines

/// `Tests/Fixtures/forest`, made by `Tools/scripts/make-forest-fixture.py`.
private var fixtures: String {
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<2 { url.deleteLastPathComponent() }
  return url.appendingPathComponent("Fixtures/forest").path
}

private func addForest(_ folder: String) throws {
  try FileManager.default.createDirectory(atPath: "\(folder)/forest", withIntermediateDirectories: true)
  try FileManager.default.copyItem(
    atPath: "\(fixtures)/model.onnx", toPath: "\(folder)/forest/model.onnx")
}

@Test func forestsSayWhatScikitLearnSays() throws {
  try withFolder { folder in
    try writeSmall(folder)
    try addForest(folder)
    let part = try PipelinePart("forest", PipelineFiles(folder))
    let io = try tensors("\(fixtures)/io.npz")
    let (features, expected) = (try #require(io["features"]), try #require(io["weights"]))
    let found = try CompiledParts(options: .init(threadCount: 1)).output(
      "weights", of: part, ["features": features])
    #expect(found.shape == expected.shape)
    #expect(zip(found.doubles, expected.doubles).allSatisfy { ($0 - $1).magnitude < 1e-6 })
  }
}

@Test func forestsChooseTheNearestCandidate() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let image = picture(height: 64, width: 80)
    let settings = PipelineSettings(try Composition("sr=1"))
    let search = PipelineSearch(.forest, by: .piqe)
    #expect(throws: PipelineError.self) { try runner.searched(image, settings, search) }
    try addForest(folder)
    let found = try runner.searched(image, settings, search)
    #expect(found.score == nil && found.passCount == 0 && Composition.grid.contains(found.best))
    let features = Tensor(try PictureFeatures.of(Image(image)), shape: [1, PictureFeatures.count])
    let said = try CompiledParts(options: .init()).output(
      "weights", of: PipelinePart("forest", PipelineFiles(folder)), ["features": features]
    ).doubles
    func distance(_ composition: Composition) -> Double {
      zip(Component.six, said).reduce(0) { sum, pair in
        sum + (composition.weight(of: pair.0) - pair.1) * (composition.weight(of: pair.0) - pair.1)
      }
    }
    let least = try #require(Composition.grid.map(distance).min())
    #expect(distance(found.best) == least)
    // Of another network there are no weights.
    try FileManager.default.removeItem(atPath: "\(folder)/forest/model.onnx")
    try FileManager.default.copyItem(
      atPath: "\(folder)/vae_encoder/model.onnx", toPath: "\(folder)/forest/model.onnx")
    #expect(throws: PipelineError.self) { try runner.searched(image, settings, search) }
  }
}

/// The estimate is that of noise of a known deviation on an even field and on a slope.
@Test(arguments: [3.0, 12])
func featuresHoldTheNoise(_ deviation: Double) throws {
  let noise = SeededNoise(seed: 4).tensor(channels: 3, height: 160, width: 160).doubles
  let pixels = noise.indices.map { index in
    Float(0.5 + Double(index % 160) / 1600 + deviation * noise[index] / 255)
  }
  let features = try PictureFeatures.of(Image(width: 160, height: 160, channelCount: 3, pixels: pixels))
  #expect(features.count == PictureFeatures.count && features.allSatisfy(\.isFinite))
  for estimate in features.suffix(3) {
    #expect((Double(estimate) / deviation - 1).magnitude < 0.03, "\(estimate)")
  }
}
