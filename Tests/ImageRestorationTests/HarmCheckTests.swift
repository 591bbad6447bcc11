import IRImage
import IRTestSupport
import Testing

@testable import IRRestoration

/// A photograph-like picture: a gradient from dark to bright with texture, of 256 levels.
private func scene(_ width: Int = 256, _ height: Int = 192, channelCount: Int = 3) -> Image {
  Image(
    width: width, height: height, channelCount: channelCount,
    pixels: (0..<(channelCount * height * width)).map { index in
      let (row, column) = (index / width % height, index % width)
      let texture = Float((row * 7919 + column * 104_729) % 41) / 400
      return 0.15 + 0.6 * Float(column) / Float(width) + texture
    })
}

private func changed(_ image: Image, _ body: (_ channel: Int, _ row: Int, _ column: Int, Float) -> Float)
  -> Image
{
  var result = image
  for index in result.pixels.indices {
    let (plane, place) = index.quotientAndRemainder(dividingBy: image.width * image.height)
    result.pixels[index] = body(plane, place / image.width, place % image.width, result.pixels[index])
  }
  return result
}

private func found(
  _ input: Image, _ output: Image, _ tasks: ToneTasks = ToneTasks()
) throws -> [RestorationWarning] {
  try HarmCheck.warnings(input: input, output: output, tasks: tasks)
}

@Suite struct HarmCheckTests {
  @Test func unchangedPicturesAreNotSuspicious() throws {
    #expect(try found(scene(), scene()).isEmpty)
    #expect(try found(scene(8, 8), scene(8, 8)).isEmpty)
    #expect(try found(scene(channelCount: 1), scene(channelCount: 1)).isEmpty)
  }

  /// Noise of every strength, clipped as files clip it, and removed without a trace.
  @Test(arguments: [5, 15, 25, 50] as [Float], [false, true])
  func removedNoiseIsNotSuspicious(sigma: Float, isNight: Bool) throws {
    let clean = changed(scene()) { isNight ? max(0, $3 - 0.45) : $3 }
    var generator = SeededGenerator(seed: 7)
    let noisy = changed(clean) {
      // The sum of twelve uniform numbers is as good as normal.
      let noise = (0..<12).reduce(Float(-6)) { sum, _ in sum + Float.random(in: 0..<1, using: &generator) }
      return min(max($3 + noise * sigma / 255, 0), 1)
    }
    let warnings = try found(noisy, clean)
    #expect(warnings.isEmpty, "\(warnings.map(\.sentence))")
  }

  @Test(arguments: [-10, 10] as [Float]) func meanShift(levels: Float) throws {
    let warnings = try found(scene(), changed(scene()) { $3 + levels / 255 })
    #expect(warnings.map(\.kind) == [.meanShift])
    let shift = try #require(warnings[0].numbers["shift"])
    #expect(abs(shift - Double(levels)) < 0.01)
    #expect(warnings[0].sentence.contains("10 levels \(levels < 0 ? "darker" : "brighter")"))
    #expect(warnings[0].explanations == nil)
  }

  /// Without clipping nothing excuses a shift of a little more than the limit, and a smaller one is left
  /// alone.
  @Test func meanShiftLimit() throws {
    let limit = Float(HarmCheck.meanShiftLimit)
    #expect(try found(scene(), changed(scene()) { $3 - (limit - 0.1) / 255 }).isEmpty)
    #expect(try found(scene(), changed(scene()) { $3 - (limit + 0.1) / 255 }).count == 1)
  }

  @Test func regionShift() throws {
    // The whole becomes less than one level darker.
    let output = changed(scene()) { $1 < 48 && $2 < 32 ? $3 - 20 / 255 : $3 }
    let warnings = try found(scene(), output)
    #expect(warnings.map(\.kind) == [.regionShift])
    let numbers = warnings[0].numbers
    #expect(try numbers["left"] == 0 && #require(numbers["top"]) < 48 && numbers["width"] == 32)
    #expect(abs(try #require(numbers["shift"]) + 20) < 0.01)
  }

  @Test func colourShift() throws {
    let output = changed(scene()) { channel, _, _, value in value + [-4, 3, -4][channel] / 255 }
    let warnings = try found(scene(), output)
    #expect(warnings.map(\.kind) == [.colourShift])
    #expect(
      warnings[0].sentence.contains("red by -4, green by +3, blue by -4 levels"), "\(warnings[0].sentence)")
  }

  @Test func rangeEnds() throws {
    // Contrast around the mean: the mean of the whole and the colours stay, a tenth is clipped.
    let input = changed(scene(2048, 64)) { _, _, column, _ in column % 2 == 0 ? 0.1 : 0.9 }
    let output = changed(input) { _, row, _, value in row % 8 == 0 ? (value < 0.5 ? 0 : 1) : value }
    let warnings = try found(input, output)
    #expect(warnings.map(\.kind) == [.rangeEnds])
    #expect(warnings[0].numbers == ["before": 0, "after": 0.125])
    // A file of floats has no ends.
    var floats = output
    floats.sampleFormat = .float32
    #expect(try found(input, floats).isEmpty)
  }

  @Test func fewLevels() throws {
    let warnings = try found(scene(), changed(scene()) { $3 < 0.5 ? 0.3 : 0.7 })
    let warning = try #require(warnings.first { $0.kind == .fewLevels })
    #expect(warning.numbers["after"] == 2 && warning.sentence.contains("2 distinct levels are left of"))
    // A poster stays a poster.
    let poster = changed(scene()) { $3 < 0.5 ? 0 : 1 }
    #expect(try found(poster, poster).isEmpty)
    // A noisy wall becomes a plain one.
    let wall = changed(scene()) { _, row, column, _ in 0.5 + Float((row * 31 + column * 17) % 101 - 50) / 255
    }
    #expect(try found(wall, changed(wall) { _, _, _, _ in 0.5 }).isEmpty)
  }

  @Test func tasksExplainTheirOwnDirection() throws {
    let darker = changed(scene()) { $3 - 20 / 255 }
    let brighter = changed(scene()) { $3 + 20 / 255 }
    let several = ToneTasks(metadata: "noise of σ 15 to 50, rain streaks, haze, blind")
    #expect(several.tasks == [.haze, .rain] && !several.areAll)
    let explained = try #require(try found(scene(), darker, several).first)
    #expect(explained.explanations == [.haze, .rain])
    #expect(explained.sentence.hasSuffix("as the removal of haze or the removal of rain does"))
    #expect(try found(scene(), brighter, several).first?.explanations == nil)
    // Whoever chose a model for low light alone asked for a brighter picture, and for no darker one.
    let lowLight = ToneTasks(metadata: "low light")
    #expect(lowLight.areAll)
    #expect(try found(scene(), brighter, lowLight).isEmpty)
    #expect(try found(scene(), darker, lowLight).map(\.kind) == [.meanShift])
    #expect(ToneTasks(metadata: "film grain, motion").tasks.isEmpty)
    #expect(ToneTasks(metadata: "noise, rain, haze, motion, lowlight").tasks == [.haze, .rain, .lowLight])
    #expect(ToneTasks(metadata: "Dehazing") == ToneTasks([.haze], areAll: true))
  }

  @Test func hiddenPixelsAreNotCompared() throws {
    var input = scene()
    input.alpha = (0..<(256 * 192)).map { $0 % 256 < 128 ? 0 : 1 }
    #expect(try found(input, changed(input) { $2 < 128 ? 0 : $3 }).isEmpty)
    #expect(try !found(input, changed(input) { $2 >= 128 ? $3 - 0.1 : $3 }).isEmpty)
  }

  @Test func enlargedPicturesAreComparedWithWhatTheyCover() throws {
    let small = scene(100, 70)
    func enlarged(_ offset: Float) -> Image {
      let pixels = (0..<3).flatMap { channel in
        (0..<140).flatMap { row in
          (0..<200).map { small.pixels[(channel * 70 + row / 2) * 100 + $0 / 2] + offset }
        }
      }
      return Image(width: 200, height: 140, channelCount: 3, pixels: pixels)
    }
    #expect(try found(small, enlarged(0)).isEmpty)
    #expect(try found(small, enlarged(-0.05)).map(\.kind) == [.meanShift])
    #expect(throws: ImageError.self) { try found(small, scene(200, 141)) }
  }
}
