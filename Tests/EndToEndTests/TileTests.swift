import Foundation
import IRGraph
import IROperators
import IRTensor
import ImageRestoration
import Testing

private struct Proof {
  var tiles: Int
  var largest: Double
  var differing: Int
  /// Levels by which the means of 32×32 pixels differ.
  var largestOfMeans: Double
}

/// Pictures less half of their own mean, which is computed of many features: memory is close to linear in
/// pixels.
private func writeMeanNetwork(_ path: String) throws {
  var builder = GraphBuilder()
  let x = builder.input("image", TensorType(.float32, [1, 3, 64, 64]))
  func repeated(_ from: Int, _ to: Int) -> ValueID {
    // Each output channel takes one of the inputs, shared where there are more.
    let weights = (0..<(to * from)).map { index -> Float in
      let (row, column) = (index / from, index % from)
      return row % min(from, to) == column % min(from, to) ? Float(min(from, to)) / Float(from) : 0
    }
    return builder.constant(Tensor(weights, shape: [to, from, 1, 1]))
  }
  let operation = Convolution()
  let wide = try builder.value(operation, [x, repeated(3, 24)])
  let mean = try builder.value(Reduce(.mean, axes: [2, 3], keepsAxes: true), [wide])
  let half = try builder.value(Binary(.multiply), [mean, builder.constant(Tensor(scalar: 0.5))])
  let darker = try builder.value(Binary(.subtract), [wide, half])
  builder.output(try builder.value(operation, [darker, repeated(24, 3)]), name: "restored")
  try writeOpenModel(try builder.finished(), to: path)
}

private func prove(_ arguments: [String]) throws -> Proof {
  let outcome = try run("irrun", arguments + ["--prove-tiles", "--json"])
  #expect(outcome.code == 0, "\(outcome.errors)")
  let report = try #require(
    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  let proof = try #require(report["proof"] as? [String: Any])
  return Proof(
    tiles: try #require(proof["tiles"] as? Int), largest: try #require(proof["largest"] as? Double),
    differing: try #require(proof["differingBytes"] as? Int),
    largestOfMeans: try #require(proof["largestOfMeans"] as? Double))
}

/// Strides, dilations, pixel shuffles and skips: tiles of every size give the whole's bits.
@Test(arguments: [32, 48, 100, 160], [(211, 190), (64, 333)])
func tilesOfBoundedNetworksAreExact(side: Int, size: (Int, Int)) throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    try writePicture("\(folder)/a.png", width: size.0, height: size.1)
    let proof = try prove(
      ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "\(side)"])
    #expect(proof.tiles > 1 && proof.largest == 0 && proof.differing == 0)
  }
}

/// Kernels that round several pixels together: tiles begin in step with them, at any size of the picture.
@Test(arguments: [(211, 190), (206, 205), (83, 301)], [false, true])
func tilesOfWinogradNetworksAreExact(size: (Int, Int), isAugmented: Bool) throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx", isWide: true)
    try writePicture("\(folder)/a.png", width: size.0, height: size.1)
    let proof = try prove(
      ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "32"]
        + (isAugmented ? ["-x"] : []))
    #expect(proof.tiles > 1 && proof.largest == 0 && proof.differing == 0)
  }
}

@Test func augmentedTilesAreExact() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    try writePicture("\(folder)/a.png", width: 90, height: 130)
    let proof = try prove(
      ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "64", "-x"])
    #expect(proof.tiles > 1 && proof.largest == 0)
  }
}

@Test func globalNetworksAreBlendedAndSaySo() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx", isGlobal: true)
    try writePicture("\(folder)/a.png", width: 200, height: 150)
    let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "96"]
    let outcome = try run("irrun", arguments + ["-v", "--overlap", "32"])
    #expect(
      outcome.code == 0
        && outcome.errors.contains(
          "blended over 32, since reduce (Reduce) makes every output depend on the whole"),
      "\(outcome.errors)")
    let proof = try prove(arguments)
    // The tiles' means differ, and no pixel is far from what the whole gives.
    #expect(proof.largest > 0 && proof.largest < 0.2)
  }
}

/// No tile judges haze or darkness by itself, whatever the model makes of the whole.
@Test(arguments: ["sky", "grey", "land"], [128, 256])
func blendedTilesHaveTheWholesShades(_ name: String, side: Int) throws {
  try withFolder { folder in
    let picture =
      switch name {
      case "sky": skyPicture(width: 320, height: 320)
      case "grey":
        Image(
          width: 320, height: 320, channelCount: 3,
          pixels: [Float](repeating: 128 / 255, count: 3 * 320 * 320))
      default: landPicture(width: 1024, height: 768)
      }
    try ImageFile.write(picture, to: "\(folder)/a.png")
    let proof = try prove(["-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "\(side)"])
    #expect(proof.tiles > 1 && proof.largestOfMeans <= 1, "\(proof)")
  }
}

/// A reduction of the whole gives the shades if the memory does not hold it: here every pixel becomes darker
/// by half of the picture's mean, which a tile of its own would take from itself.
@Test func reducedPicturesAnchorTiles() throws {
  try withFolder { folder in
    try writeMeanNetwork("\(folder)/m.onnx")
    try ImageFile.write(landPicture(width: 1200, height: 900), to: "\(folder)/a.png")
    let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "160"]
    // The process itself takes a part that differs from machine to machine.
    let memory = try (6...30).reversed().lazy.map { "\(16 * $0)M" }.first { size in
      try run("irrun", arguments + ["--dry-run", "--memory", size]).output.contains("at 1/")
    }
    let proof = try prove(arguments + ["--memory", try #require(memory)])
    // A level is the tolerance of reduced anchors.
    #expect(proof.tiles > 1 && proof.largestOfMeans <= 1.5, "\(proof)")
  }
}

/// Pictures that would be cut into blended tiles are whole as float16 where that suffices; exact tiles stay
/// exact.
@Test func float16StorageKeepsPicturesWhole() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png", width: 2048, height: 1536)
    try writeNetwork("\(folder)/m.onnx")
    func plan(_ model: String, _ arguments: [String]) throws -> String {
      let outcome = try run(
        "irrun", ["-m", model, "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--dry-run"] + arguments)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.output
    }
    #expect(try plan("symunet-s", ["--memory", "570M", "--no-float16-storage"]).contains("tiles of"))
    for arguments in [[], ["--float16-storage"]] {
      let whole = try plan("symunet-s", ["--memory", "570M"] + arguments)
      #expect(whole.contains("whole (2048×1536)") && whole.contains("feature maps as float16"), "\(whole)")
    }
    #expect(try !plan("symunet-s", ["--memory", "4G"]).contains("float16"))
    #expect(try plan("\(folder)/m.onnx", ["--memory", "300M"]).contains("exact tiles"))
  }
}

/// A picture that would not fit is restored in tiles, within the limit as the system counts it.
@Test func memoryDecidesOnTiles() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx")
    try writePicture("\(folder)/a.png", width: 1000, height: 800)
    let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png"]
    let whole = try run("irrun", arguments + ["-o", "\(folder)/whole.png", "-v"])
    #expect(whole.code == 0 && whole.errors.contains("whole (1000×800)"), "\(whole.errors)")
    let tiled = try run("irrun", arguments + ["-o", "\(folder)/tiled.png", "-v", "--memory", "130M"])
    #expect(tiled.code == 0 && tiled.errors.contains("exact tiles"), "\(tiled.errors)")
    #expect(tiled.peakByteCount < 130 << 20, "\(tiled.peakByteCount >> 20) MiB")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: "\(folder)/whole.png"))
        == Data(contentsOf: URL(fileURLWithPath: "\(folder)/tiled.png")))
    let refused = try run("irrun", arguments + ["-o", "\(folder)/none.png", "--memory", "20M"])
    #expect(refused.code == 5 && refused.errors.contains("the limit is"), "\(refused.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/none.png"))
  }
}

/// A model that enlarges: sides, alpha and tiles grow with it.
@Test func enlargedPicturesKeepTheirAlpha() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/m.onnx", enlarges: true)
    let pixels: [Float] = (0..<6000).map { index in Float((index * 7919) % 251) / 250 }
    let transparency: [Float] = (0..<2000).map { index in Float(index % 50) / 49 }
    let image = Image(width: 50, height: 40, channelCount: 3, pixels: pixels, alpha: transparency)
    try ImageFile.write(image, to: "\(folder)/a.png")
    let proof = try prove(
      ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "-t", "32", "-s", "2"])
    #expect(proof.tiles > 1 && proof.largest == 0)
    let result = try ImageFile.read("\(folder)/b.png")
    #expect(result.width == 100 && result.height == 80)
    let alpha = try #require(result.alpha)
    let (first, middle, last) = (alpha[0], alpha[50], alpha[99])
    let expected: Float = 25.0 / 49
    #expect(first == 0 && abs(last - 1) < 0.01)
    #expect(abs(middle - expected) < 0.02)
    #expect(
      try run(
        "irrun", ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/c.png", "-s", "4"]
      ).code == 2)
  }
}
