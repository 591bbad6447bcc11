import IRONNX
import IRTensor
import Testing

@testable import IRRestoration

/// Models that take a noise level, with and without one that is stated.
@Suite struct NoiseLevelTests {
  /// y = x + s.
  private func model(_ name: String, _ extents: [any Sendable]) -> SmallModel {
    SmallModel(
      inputs: [.picture("x"), .tensor(name, extents)], outputs: [.open("y")],
      nodes: [node("Add", ["x", name], "y")])
  }

  private func result(_ restorer: Restorer, _ picture: Image) throws -> RestorationResult {
    try restorer.restoration(
      of: picture, by: try restorer.plan(width: picture.width, height: picture.height))
  }

  @Test(arguments: [[1], [], [1, 1, 1, 1], [1, 1, "h", "w"]] as [[any Sendable]])
  func levelsAreEstimatedWhereNoneIsStated(_ extents: [any Sendable]) throws {
    let picture = testPicture(width: 64, height: 48)
    let level = picture.estimatedNoiseLevel
    #expect(level > 10)
    let estimated = try result(try model("sigma", extents).restorer(), picture)
    #expect(estimated.noise == NoiseLevel(level: level, estimated: true))
    #expect(distance(estimated.image, picture) { $0 + Float(level / 255) } < 1e-5)
    let half = try model("sigma", extents).restorer { $0.noiseFactor = 0.5 }
    #expect(try result(half, picture).noise == NoiseLevel(level: level / 2, estimated: true))
    let stated = try result(try model("sigma", extents).restorer { $0.noiseLevel = 51 }, picture)
    #expect(stated.noise == NoiseLevel(level: 51, estimated: false))
    #expect(distance(stated.image, picture) { $0 + 0.2 } < 1e-6)
  }

  /// A model that judges by itself is told its own number, and nothing is estimated.
  @Test func modelsMayJudgeByThemselves() throws {
    let picture = testPicture(width: 64, height: 48)
    var blind = try model("sigma", [1])
    blind.metadata = ["noise_unstated": "-25.5"]
    let judged = try result(try blind.restorer(), picture)
    #expect(judged.noise == nil)
    #expect(distance(judged.image, picture) { $0 - 0.1 } < 1e-6)
    #expect(distance(try blind.restorer().restoreByReference(picture), picture) { $0 - 0.1 } < 1e-6)
    #expect(try result(try blind.restorer { $0.noiseFactor = 1 }, picture).noise == nil)
    let stated = try result(try blind.restorer { $0.noiseLevel = 51 }, picture)
    #expect(stated.noise == NoiseLevel(level: 51, estimated: false))
    #expect(distance(stated.image, picture) { $0 + 0.2 } < 1e-6)
    let doubled = try result(try blind.restorer { $0.noiseFactor = 2 }, picture)
    #expect(doubled.noise == NoiseLevel(level: 2 * picture.estimatedNoiseLevel, estimated: true))
    // A level that a picture may have stands for itself.
    blind.metadata = ["noise_unstated": "12"]
    #expect(try result(try blind.restorer(), picture).noise?.estimated == true)
  }

  @Test func eachPictureHasItsOwnLevel() throws {
    let restorer = try model("sigma", [1]).restorer()
    let (noisy, flat) = (
      testPicture(width: 64, height: 48),
      Image(width: 64, height: 48, channelCount: 3, pixels: [Float](repeating: 0.5, count: 3 * 64 * 48))
    )
    for _ in 0..<2 {
      #expect(distance(try restorer.restore(flat), flat) < 1e-5)
      #expect(try restorer.noiseLevel(of: noisy)?.level == noisy.estimatedNoiseLevel)
      #expect(
        distance(try restorer.restore(noisy), noisy) { $0 + Float(noisy.estimatedNoiseLevel / 255) } < 1e-5)
    }
    #expect(distance(try restorer.restoreByReference(flat), flat) < 1e-5)
    // For one picture, whatever the settings say.
    #expect(distance(try restorer.restore(flat, noiseLevel: 51), flat) { $0 + 0.2 } < 1e-6)
    #expect(restorer.settings.noiseLevel == nil)
  }

  /// A guess about an input is said; a name that says it is none.
  @Test func guessesAreSaid() throws {
    #expect(try model("s", [1]).restorer().notes.contains { $0.contains("the input s is taken for") })
    #expect(try model("noise_level", [1]).restorer().notes.isEmpty)
    // A map of one channel that nothing says is noise may be anything.
    #expect { try model("s", [1, 1, "h", "w"]).restorer() } throws: {
      "\($0)".contains("--input s=FILE), or a noise level (-n LEVEL, or -n auto)")
    }
    let picture = testPicture(width: 64, height: 48)
    let told = try result(try model("s", [1, 1, "h", "w"]).restorer { $0.noiseFactor = 1 }, picture)
    #expect(told.noise == NoiseLevel(level: picture.estimatedNoiseLevel, estimated: true))
  }

  /// Hidden colours are no noise.
  @Test func whatIsHiddenDoesNotCount() throws {
    var picture = Image(
      width: 64, height: 48, channelCount: 3, pixels: [Float](repeating: 0.5, count: 3 * 64 * 48))
    let noisy = testPicture(width: 64, height: 48)
    picture.alpha = (0..<(64 * 48)).map { $0 % 64 < 32 ? 0 : 1 }
    for index in picture.pixels.indices where index % 64 < 32 { picture.pixels[index] = noisy.pixels[index] }
    let level = try #require(try result(try model("sigma", [1]).restorer(), picture).noise).level
    #expect(level < 0.1, "\(level)")
  }

  @Test func modelsWithoutALevelHaveNone() throws {
    let plain = SmallModel(inversion(), constants: one)
    let picture = testPicture(width: 40, height: 40)
    #expect(try result(try plain.restorer(), picture).noise == nil)
    #expect { try plain.restorer { $0.noiseFactor = 1 } } throws: { "\($0)".contains("takes no noise level") }
  }
}
