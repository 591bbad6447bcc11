import Foundation
import ImageRestoration
import Testing

private struct Proof {
  var tiles: Int
  var largest: Double
  var differing: Int
}

private func prove(_ arguments: [String]) throws -> Proof {
  let outcome = try run("irrun", arguments + ["--prove-tiles", "--json"])
  #expect(outcome.code == 0, "\(outcome.errors)")
  let report = try #require(
    try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
  let proof = try #require(report["proof"] as? [String: Any])
  return Proof(
    tiles: try #require(proof["tiles"] as? Int), largest: try #require(proof["largest"] as? Double),
    differing: try #require(proof["differingBytes"] as? Int))
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

/// Pictures that would be cut into blended tiles are whole as float16 where that suffices; exact tiles stay exact.
@Test func float16StorageKeepsPicturesWhole() throws {
  try withFolder { folder in
    try writePicture("\(folder)/a.png", width: 2048, height: 1536)
    try writeNetwork("\(folder)/m.onnx")
    func plan(_ model: String, _ arguments: String...) throws -> String {
      let outcome = try run(
        "irrun", ["-m", model, "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--dry-run"] + arguments)
      #expect(outcome.code == 0, "\(outcome.errors)")
      return outcome.output
    }
    #expect(try plan("symunet-s", "--memory", "570M").contains("tiles of"))
    let whole = try plan("symunet-s", "--memory", "570M", "--float16-storage")
    #expect(whole.contains("whole (2048×1536)") && whole.contains("between steps as float16"), "\(whole)")
    #expect(try !plan("symunet-s", "--memory", "4G", "--float16-storage").contains("float16"))
    #expect(try plan("\(folder)/m.onnx", "--memory", "300M", "--float16-storage").contains("exact tiles"))
  }
}

/// What would not fit is tiled by itself, within the limit as the system counts it.
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
    #expect(refused.code == 5 && refused.errors.contains("MiB that it may use"), "\(refused.errors)")
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
