import Foundation
import IRDegradation
import IRImage
import ImageRestoration
import Testing

/// A clear sky: a gradient from blue to pale, as cases of dark bands had it.
private func sky(width: Int = 256, height: Int = 256) -> Image {
  var pixels: [Float] = []
  for (top, bottom) in [(0.35, 0.82), (0.55, 0.88), (0.85, 0.93)] {
    for y in 0..<height {
      let value = top + (bottom - top) * Double(y) / Double(height - 1)
      pixels += [Float](repeating: Float((value * 255).rounded() / 255), count: width)
    }
  }
  return Image(width: width, height: height, channelCount: 3, pixels: pixels)
}

private func largestMeanShift(_ a: Image, _ b: Image) -> Double {
  let area = a.width * a.height
  return (0..<a.channelCount).map { channel in
    let sum = (0..<area).reduce(0.0) {
      $0 + Double(b.pixels[channel * area + $1] - a.pixels[channel * area + $1])
    }
    return (sum / Double(area)).magnitude * 255
  }.max() ?? 0
}

/// The models that people point at any photograph leave good ones alone, and make slightly noisy ones better.
@Test(arguments: ["restore", "denoise"])
func goodPhotographsAreLeftAlone(_ model: String) throws {
  let restorer = try Restorer(model: model)
  let clean = try ImageFile.read(photograph)
  for picture in [clean, sky()] {
    let restored = try restorer.restore(picture)
    #expect(try psnr(restored, picture) > 46)
    #expect(largestMeanShift(picture, restored) <= 1)
  }
  for task in ["noise2", "noise5", "camera800+jpeg95", "noise25"] {
    let input = try Degradation(task).applied(to: clean, seed: 1)
    let (before, after) = (try psnr(input, clean), try psnr(try restorer.restore(input), clean))
    #expect(after > before, "\(task): \(before) -> \(after) dB")
  }
  // A dark photograph is a dark photograph.
  let night = try Degradation("tone").pair(of: clean, seed: 4).clean
  #expect(largestMeanShift(night, try restorer.restore(night)) <= 1)
}

@Test func theTableOfHarmNamesTheRulesThatAModelBreaks() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/set", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: photograph, toPath: "\(folder)/set/a.png")
    let good = try run("irtrain", "eval", "restore", "--sets", "\(folder)/set", "--harm")
    #expect(good.code == 0 && good.output.contains("harmless by every rule"), "\(good.output)\(good.errors)")
    // Weights that nobody trained.
    try Data(#"{"in_nc": 3, "nb": 3, "nc": 8}"#.utf8).write(to: URL(fileURLWithPath: "\(folder)/c.json"))
    let bare = try run(
      "irexport", "dncnn", "--config", "\(folder)/c.json", "--fresh", "check", "-o", "\(folder)/bad.onnx")
    #expect(bare.code == 0, "\(bare.errors)")
    let bad = try run("irtrain", "eval", "\(folder)/bad.onnx", "--sets", "\(folder)/set", "--harm", "--json")
    #expect(bad.code == 0)
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(bad.output.utf8)) as? [String: Any])
    #expect((report["rows"] as? [[String: Any]])?.count == 4)
    #expect(
      (report["complaints"] as? [String])?.contains { $0.hasPrefix("clean photographs keep") } == true
    )
    #expect(try run("irtrain", "eval", "restore", "--pairs", folder, folder, "--harm").code == 2)
  }
}
