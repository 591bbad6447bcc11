import Foundation
import IRDegradation
import IRImage
import Testing

/// Soft colours with an edge, 8-bit values.
private func picture(width: Int = 72, height: Int = 56) -> Image {
  var pixels: [Float] = []
  for channel in 0..<3 {
    for y in 0..<height {
      for x in 0..<width {
        let wave = sin(Double(x) / 9 + Double(channel)) * cos(Double(y) / 7)
        let value = 0.5 + 0.3 * wave + (x > y + 10 ? 0.12 : -0.05)
        pixels.append(Float((value * 255).rounded() / 255))
      }
    }
  }
  return Image(width: width, height: height, channelCount: 3, pixels: pixels)
}

private func flat(_ value: Float, side: Int = 96) -> Image {
  Image(width: side, height: side, channelCount: 3, pixels: [Float](repeating: value, count: 3 * side * side))
}

private let names = [
  "clean", "noise25", "noise0-55", "noise25q", "rain", "haze", "motion", "defocus", "lowlight", "jpeg10",
  "jpeg10-40", "jpegfull60", "down4", "lowlight+rain+haze", "noise5+jpeg30", "camera",
  "camera400-3200+jpeg90", "soft", "soft+camera", "cameranr", "cameranr1600-6400+jpeg90",
  "haze0.1-0.3",
]

/// The level that is stated is that of the noise which is added, and no more is stated than is known.
@Test(arguments: ["noise25", "noise0-55", "tone+noise0-8", "soft+noise9", "shrink+noise10", "noise7+clean"])
func whiteNoiseStatesItsLevel(_ name: String) throws {
  let degradation = try Degradation(name)
  for seed in [1, 2, 3] as [UInt64] {
    let pair = degradation.pair(of: picture(width: 200, height: 160), seed: seed)
    let square = zip(pair.degraded.pixels, pair.clean.pixels).reduce(0.0) {
      $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
    }
    let measured = 255 * (square / Double(pair.clean.pixels.count)).squareRoot()
    let stated = try #require(degradation.noiseLevel(seed: seed))
    #expect(abs(measured - stated) < 0.02 * stated + 1e-3, "\(measured), \(stated)")
  }
}

@Test func onlyWhiteNoiseStatesALevel() throws {
  for name in [
    "camera", "cameranr", "noise25q", "noise5+jpeg30", "noise5+shrink", "noise5+soft", "rain",
    "noise5+noise6",
  ] {
    #expect(try Degradation(name).noiseLevel(seed: 1) == nil, "\(name)")
  }
  for name in ["clean", "tone", "soft", "plain+shrink"] {
    #expect(try Degradation(name).noiseLevel(seed: 1) == 0, "\(name)")
  }
}

@Test(arguments: names)
func degradationsFollowFromTheSeed(_ name: String) throws {
  let degradation = try Degradation(name)
  let image = picture()
  let first = degradation.applied(to: image, seed: 5)
  #expect(first.pixels == degradation.applied(to: image, seed: 5).pixels)
  #expect(first.width == image.width && first.height == image.height && first.channelCount == 3)
  #expect(first.pixels.allSatisfy { $0.isFinite })
  let isRandom = !["clean", "jpeg10", "jpegfull60", "down4"].contains(name)
  #expect((first.pixels != degradation.applied(to: image, seed: 6).pixels) == isRandom)
  #expect((first.pixels != image.pixels) == (name != "clean"))
  if !name.hasPrefix("noise2") && !name.hasPrefix("noise0") {
    #expect(first.pixels.allSatisfy { (-1e-6...1.000001).contains($0) })
  }
}

@Test(arguments: [
  "snow", "noise", "noise-3", "noise30-20", "noise300", "jpeg0", "down1", "down40", "rain+", "", "camera0",
  "cameraISO", "cameranr0", "cameranrISO", "haze11", "hazel", "jpegfull", "shrink+camera+shrink",
])
func whatIsNoDegradationIsRefused(_ name: String) {
  #expect(throws: DegradationError.self) { try Degradation(name) }
}

/// A white pixel becomes a line of this length in linear light, or a disk of this radius.
@Test func blursHaveTheirSizes() throws {
  let side = 65
  var pixels = [Float](repeating: 0, count: 3 * side * side)
  for channel in 0..<3 { pixels[(channel * side + 32) * side + 32] = 1 }
  let point = Image(width: side, height: side, channelCount: 3, pixels: pixels)
  /// The largest distance from the centre of a pixel with light, and the light of one channel.
  func spread(_ name: String, seed: UInt64, gamma: Double) throws -> (reach: Double, sum: Double) {
    let image = try Degradation(name).applied(to: point, seed: seed)
    var (reach, sum) = (0.0, 0.0)
    for y in 0..<side {
      for x in 0..<side {
        let light = pow(Double(image.pixels[y * side + x]), gamma)
        sum += light
        if light > 1e-3 { reach = max(reach, hypot(Double(x - 32), Double(y - 32))) }
      }
    }
    return (reach, sum)
  }
  for seed in 1...6 as ClosedRange<UInt64> {
    for length in [5.0, 9, 21] {
      let found = try spread("motion\(Int(length))", seed: seed, gamma: 2.2)
      #expect((found.sum - 1).magnitude < 1e-3)
      #expect((found.reach - length / 2).magnitude < 1.3, "\(length): \(found.reach)")
    }
    for radius in [1.5, 3, 6] {
      let found = try spread("defocus\(radius)", seed: seed, gamma: 1)
      #expect((found.sum - 1).magnitude < 1e-3)
      #expect(found.reach >= radius - 0.5 && found.reach <= radius + 2.5, "\(radius): \(found.reach)")
    }
  }
  #expect(try Degradation("motion5-15").reachInPixels == 9)
  #expect(try Degradation("defocus1-3.5").reachInPixels == 5)
  for wrong in ["motion0-5", "motion9-5", "defocus0.1", "defocusx"] {
    #expect(throws: DegradationError.self) { try Degradation(wrong) }
  }
}

@Test func noiseHasItsStrength() throws {
  let image = flat(0.5, side: 128)
  for (name, shift) in [("noise25", 0.0), ("noise25q", -0.5)] {
    let noisy = try Degradation(name).applied(to: image, seed: 3)
    let steps = noisy.pixels.map { Double($0) * 255 }
    let mean = steps.reduce(0, +) / Double(steps.count)
    let deviation = (steps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(steps.count)).squareRoot()
    #expect((deviation - 25).magnitude < 0.3)
    // 128 is 0.5 rounded to 8 bits, where the truncated kind begins.
    let expected = shift == 0 ? 127.5 : 128 + shift
    #expect((mean - expected).magnitude < 0.4)
    let isWhole = steps.allSatisfy { ($0 - $0.rounded()).magnitude < 1e-4 }
    #expect(isWhole == (name == "noise25q"))
  }
}

@Test func rainOnlyAddsLightAndHazeBringsColoursTogether() throws {
  let image = picture()
  let rainy = try Degradation("rain").applied(to: image, seed: 9)
  #expect(zip(rainy.pixels, image.pixels).allSatisfy { $0 >= $1 - 1e-6 })
  let hazy = try Degradation("haze").applied(to: image, seed: 9)
  func spread(_ image: Image) -> Float { (image.pixels.max() ?? 0) - (image.pixels.min() ?? 0) }
  #expect(spread(hazy) < spread(image))
}

@Test func partsAreHazyAsTheWholeIs() throws {
  let (image, haze) = (picture(), try Degradation("haze"))
  let (left, top, width, height) = (11, 7, 40, 30)
  func part(_ image: Image) -> Image {
    let indices = (0..<(3 * height * width)).map { i in
      (i / (height * width) * image.height + top + i / width % height) * image.width + left + i % width
    }
    return Image(width: width, height: height, channelCount: 3, pixels: indices.map { image.pixels[$0] })
  }
  let frame = Degradation.Frame(width: image.width, height: image.height, left: left, top: top)
  let whole = haze.applied(to: image, seed: 4)
  #expect(haze.applied(to: part(image), seed: 4, frame: frame).pixels == part(whole).pixels)
  #expect(haze.applied(to: part(image), seed: 4).pixels != part(whole).pixels)
}

@Test(arguments: ["motion", "defocus", "down3"])
func blursKeepWhatIsFlat(_ name: String) throws {
  for seed in 0..<6 as Range<UInt64> {
    let result = try Degradation(name).applied(to: flat(0.4, side: 40), seed: seed)
    #expect(result.pixels.allSatisfy { ($0 - 0.4).magnitude < 1e-4 }, "\(name), seed \(seed)")
  }
}

/// libjpeg, through libvips, is the oracle: of greys it differs by the rounding of its integer transform; of
/// colours also because it smooths the chroma that it enlarges.
@Test(arguments: [10, 30, 70], [true, false])
func compressionIsThatOfJPEG(_ quality: Int, _ isGrey: Bool) throws {
  var image = picture(width: 96, height: 80)
  if isGrey {
    let plane = image.pixels[..<(96 * 80)]
    image = image.replacing(pixels: Array(plane + plane + plane), channelCount: 3)
  }
  let own = try Degradation("jpeg\(quality)").applied(to: image, seed: 1)
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID()).jpg").path
  defer { try? FileManager.default.removeItem(atPath: path) }
  try ImageFile.write(image, to: path, options: .init(quality: quality))
  let other = try ImageFile.read(path)
  let (damage, distance) = (try psnr(own, image), try psnr(own, other))
  #expect(
    distance > (isGrey ? 48 : damage + 2), "\(distance) dB from libjpeg's, \(damage) dB from the original")
}

@Test func filesHaveSeedsOfTheirOwn() {
  #expect(Degradation.seed(1, forFile: "a") == Degradation.seed(1, forFile: "a"))
  #expect(Degradation.seed(1, forFile: "a") != Degradation.seed(1, forFile: "b"))
  #expect(Degradation.seed(1, forFile: "a") != Degradation.seed(2, forFile: "a"))
}

@Test func randomNumbersAreUniformAndNormal() {
  var random = RandomSource(seed: 4)
  let uniform = (0..<20_000).map { _ in random.uniform() }
  #expect((uniform.reduce(0, +) / 20_000 - 0.5).magnitude < 0.01)
  #expect(uniform.allSatisfy { (0..<1).contains($0) })
  let normal = (0..<20_000).map { _ in random.normal() }
  #expect((normal.reduce(0) { $0 + $1 * $1 } / 20_000 - 1).magnitude < 0.03)
  let picks = (0..<3000).map { _ in random.index(below: 3) }
  for value in 0..<3 { #expect(picks.count { $0 == value } > 850) }
}

/// Steps that make another scene change the clean picture in the same way; others leave it alone.
@Test func otherScenesHaveCleanPicturesOfTheirOwn() throws {
  let image = picture()
  for (name, isClean) in [
    ("tone", true), ("plain+clean", true), ("tone+noise9", false), ("plain+camera", false),
  ] {
    let pair = try Degradation(name).pair(of: image, seed: 3)
    #expect(pair.clean.pixels != image.pixels, "\(name)")
    #expect((pair.clean.pixels == pair.degraded.pixels) == isClean, "\(name)")
    #expect(pair.clean.pixels.allSatisfy { (0...1).contains($0) })
  }
  let noisy = try Degradation("noise9+rain").pair(of: image, seed: 3)
  #expect(noisy.clean.pixels == image.pixels)
  #expect(noisy.degraded.pixels == (try Degradation("noise9+rain").applied(to: image, seed: 3)).pixels)
}

/// A white pixel becomes a spot of σ 0.4...1.8 with its light, in the clean picture too; noise before it is
/// softened with the picture.
@Test func softPicturesAreSoftFromTheStart() throws {
  let side = 33
  var pixels = [Float](repeating: 0, count: 3 * side * side)
  for channel in 0..<3 { pixels[(channel * side + 16) * side + 16] = 1 }
  let point = Image(width: side, height: side, channelCount: 3, pixels: pixels)
  let soft = try Degradation("soft")
  var peaks: Set<Float> = []
  for seed in 0..<8 as Range<UInt64> {
    let pair = soft.pair(of: point, seed: seed)
    #expect(pair.clean.pixels == pair.degraded.pixels)
    var (light, second) = (0.0, 0.0)
    for y in 0..<side {
      for x in 0..<side {
        let value = Double(pair.clean.pixels[y * side + x])
        light += value
        second += value * Double((x - 16) * (x - 16))
      }
    }
    #expect(abs(light - 1) < 1e-5)
    // Taps at whole pixels widen a narrow Gaussian or narrow it a little, and the kernel ends at 3 σ.
    #expect((0.25...1.8).contains((second / light).squareRoot()), "\(second / light)")
    peaks.insert(pair.clean.pixels[16 * side + 16])
  }
  #expect(peaks.count == 8)
  let noise = try Degradation("noise20+soft").pair(of: flat(0.5), seed: 1)
  let square = zip(noise.degraded.pixels, noise.clean.pixels).reduce(0.0) {
    $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
  }
  #expect(255 * (square / Double(noise.clean.pixels.count)).squareRoot() < 19)
}

@Test func shrunkPicturesAreSmallerAndBelongTogether() throws {
  let image = picture()
  let shrunk = try Degradation("shrink")
  var scales: Set<Int> = []
  for seed in 0..<8 as Range<UInt64> {
    let scale = shrunk.scale(seed: seed)
    let pair = shrunk.pair(of: image, seed: seed)
    #expect(
      pair.degraded.width == Int((scale * 72).rounded())
        && pair.degraded.height == Int((scale * 56).rounded()))
    #expect(pair.clean.pixels == pair.degraded.pixels)
    #expect((0.5...1).contains(scale))
    #expect((0.9...1).contains(shrunk.scale(seed: seed, minimumScale: 0.9)))
    scales.insert(pair.degraded.width)
  }
  #expect(scales.count > 3)
  // The noise comes first and is shrunk with the picture: it becomes weaker.
  let flatImage = flat(0.5, side: 96)
  let pair = try Degradation("noise20+shrink").pair(of: flatImage, seed: 1)
  #expect(pair.clean.width == pair.degraded.width && pair.clean.width < 96)
  let noise = zip(pair.degraded.pixels, pair.clean.pixels).map { Double($0 - $1) * 255 }
  let power = noise.reduce(0) { $0 + $1 * $1 } / Double(noise.count)
  #expect(power.squareRoot() < 20 && power.squareRoot() > 5)
}
