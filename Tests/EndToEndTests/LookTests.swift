import Foundation
import IRGraph
import IROperators
import IRTensor
import IRTensorFiles
import ImageRestoration
import Testing

/// A model of open sizes made of a few operators on its picture.
private func writeModel(
  _ path: String, _ body: (inout GraphBuilder, ValueID) throws -> ValueID
) throws {
  var builder = GraphBuilder()
  let x = builder.input("image", TensorType(.float32, [1, 3, 8, 8]))
  builder.output(try body(&builder, x), name: "restored")
  try writeOpenModel(try builder.finished(), to: path)
}

private func read(_ path: String) throws -> Image { try ImageFile.read(path) }

private func json(_ outcome: Outcome) throws -> [String: Any] {
  let line = try #require(outcome.output.split(separator: "\n").first)
  return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
}

private func kinds(_ report: [String: Any]) -> [String] {
  ((report["warnings"] as? [[String: Any]]) ?? []).compactMap { $0["kind"] as? String }
}

/// Warnings about a result before it is written, and refusals to write it.
@Suite struct LookTests {
  @Test func aDarkerPictureIsSaidAndUnderStrictNotWritten() throws {
    try withFolder { folder in
      try writeModel("\(folder)/m.onnx") { builder, x in
        let factor = builder.constant(Tensor(scalar: 0.75))
        return try builder.value(Binary(.multiply), [x, factor])
      }
      try writePicture("\(folder)/a.png", width: 80, height: 60)
      let arguments = ["-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "--json"]
      let outcome = try run("irrun", arguments + ["-o", "\(folder)/b.png"])
      #expect(outcome.code == 0, "\(outcome.errors)")
      let report = try json(outcome)
      #expect(kinds(report) == ["meanShift"])
      let warning = try #require((report["warnings"] as? [[String: Any]])?.first)
      let shift = try #require((warning["numbers"] as? [String: Double])?["shift"])
      // Three quarters of the picture's mean of a half.
      #expect(abs(shift + 255 * 0.125) < 1)
      let sentence = try #require(warning["sentence"] as? String)
      #expect(sentence.contains("became 32 levels darker on the mean"))
      let lines = outcome.errors.split(separator: "\n")
      #expect(lines.count == 1 && lines[0].contains("a.png: suspicious: \(sentence)"), "\(outcome.errors)")
      let strict = try run("irrun", arguments + ["-o", "\(folder)/c.png", "--strict"])
      #expect(
        strict.code == 4 && strict.errors.contains("not written because of --strict"), "\(strict.errors)")
      #expect(try kinds(json(strict)) == ["meanShift"])
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/c.png"))
      // Nothing is said where nothing happens.
      try writeIdentity("\(folder)/same.onnx")
      let same = try run(
        "irrun", "-m", "\(folder)/same.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/d.png", "--strict",
        "--json")
      #expect(try same.code == 0 && same.errors.isEmpty && json(same)["warnings"] == nil, "\(same.errors)")
    }
  }

  /// A model that takes another range of values leaves two levels.
  @Test func aPosterIsSaid() throws {
    try withFolder { folder in
      try writeModel("\(folder)/m.onnx") { builder, x in try builder.value(Unary(.round), [x]) }
      try writePicture("\(folder)/a.png", width: 80, height: 60)
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--json")
      #expect(
        try outcome.code == 0 && kinds(json(outcome)) == ["rangeEnds", "fewLevels", "valueRange"],
        "\(outcome.output)")
    }
  }

  /// Samples that are no numbers neither spread through the network nor go by unsaid.
  @Test(arguments: ["tif", "png"]) func nonFiniteSamplesAreMended(_ suffix: String) throws {
    try withFolder { folder in
      try writeNetwork("\(folder)/m.onnx", isGlobal: true)
      var pixels: [Float] = (0..<9216).map { index in 0.3 + Float((index * 7919) % 101) / 300 }
      (pixels[1000], pixels[5000], pixels[9000]) = (.nan, .infinity, -.infinity)
      let image = Image(width: 64, height: 48, channelCount: 3, pixels: pixels, sampleFormat: .float32)
      try ImageFile.write(image, to: "\(folder)/a.tif")
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.tif", "-o", "\(folder)/b.\(suffix)", "--json",
        "--verify")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try kinds(json(outcome)).first == "nonFiniteInput")
      #expect(
        outcome.errors.contains("3 samples of the input were infinite or not numbers"), "\(outcome.errors)")
      let result = try read("\(folder)/b.\(suffix)")
      #expect(result.pixels.allSatisfy { $0.isFinite && $0 > -1 && $0 < 2 })
      #expect(result.pixels.contains { $0 > 0.1 })
      let strict = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.tif", "-o", "\(folder)/c.\(suffix)", "--strict")
      #expect(strict.code == 4 && !FileManager.default.fileExists(atPath: "\(folder)/c.\(suffix)"))
    }
  }

  @Test(arguments: ["tif", "png"]) func nonFiniteResultsAreNotWritten(_ suffix: String) throws {
    try withFolder { folder in
      try writeModel("\(folder)/m.onnx") { builder, x in
        let minus = try builder.value(Unary(.neg), [x])
        return try builder.value(Unary(.sqrt), [minus])
      }
      try writePicture("\(folder)/a.png")
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/b.\(suffix)")
      #expect(outcome.code == 4, "\(outcome.errors)")
      #expect(
        outcome.errors.contains("samples of the result are infinite or not numbers"), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/b.\(suffix)"))
    }
  }

  /// Tensors may hold what is no number; a comparison says how many.
  @Test func comparisonsCountWhatIsNoNumber() throws {
    try withFolder { folder in
      try writeModel("\(folder)/m.onnx") { builder, x in try builder.value(Unary(.sqrt), [x]) }
      let values = (0..<192).map { Float($0 - 2) }
      try TensorFile.write(
        [NamedTensor("image", Tensor(values, shape: [1, 3, 8, 8]))], to: "\(folder)/x.npz")
      let outcome = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/x.npz", "-o", "\(folder)/y.npz", "--verify")
      #expect(
        outcome.code == 0 && outcome.output.contains("beside 2 numbers that are not finite"),
        "\(outcome.output)")
    }
  }

  /// Whatever the shipped default makes of a smooth sky: it stays, or somebody hears of it.
  @Test func theDefaultLeavesASkyOrSaysSo() throws {
    try withFolder { folder in
      try ImageFile.write(skyPicture(width: 256, height: 256), to: "\(folder)/a.png")
      let outcome = try run("irrun", "-i", "\(folder)/a.png", "-o", "\(folder)/b.png", "--json")
      #expect(outcome.code == 0, "\(outcome.errors)")
      let means = try ["a", "b"].map {
        try read("\(folder)/\($0).png").pixels.reduce(0, +) / Float(3 * 256 * 256)
      }
      #expect(try abs(means[0] - means[1]) * 255 < 5 || kinds(json(outcome)).contains("meanShift"))
    }
  }
}

/// How much of the input stays.
@Suite struct StrengthTests {
  @Test func strengthBlendsWithTheInput() throws {
    try withFolder { folder in
      try writeNetwork("\(folder)/m.onnx")
      try writePicture("\(folder)/a.png", width: 50, height: 40)
      func restored(_ strength: String) throws -> Image {
        let outcome = try run(
          "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/\(strength).tif",
          "--depth", "32f", "--strength", strength)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try read("\(folder)/\(strength).tif")
      }
      let (input, none, half, all) = try (
        read("\(folder)/a.png"), restored("0"), restored("0.5"), restored("1")
      )
      #expect(none.pixels == input.pixels)
      #expect(all.pixels != input.pixels)
      for index in input.pixels.indices {
        #expect(abs(half.pixels[index] - (input.pixels[index] + all.pixels[index]) / 2) < 1e-6)
      }
      let grainy = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/g.tif", "--depth", "32f",
        "--detail", "0.5")
      #expect(grainy.code == 0, "\(grainy.errors)")
      func distance(_ image: Image) -> Float {
        zip(image.pixels, input.pixels).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      // The picture is noise: detail is most of it.
      #expect(try distance(read("\(folder)/g.tif")) < distance(all))
      try TensorFile.write([NamedTensor("image", Tensor(input))], to: "\(folder)/x.npz")
      let raw = try run(
        "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/x.npz", "-o", "\(folder)/y.npz", "--strength",
        "0.5")
      #expect(raw.code == 2 && raw.errors.contains("are for images"), "\(raw.errors)")
      for wrong in ["1.5", "-0.1", "nan"] {
        let outcome = try run(
          "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/x.png",
          "--strength=\(wrong)")
        #expect(outcome.code == 2, "\(outcome.errors)")
      }
    }
  }

  /// Models that enlarge are blended with an enlargement of the input, in which the model has no part.
  @Test func enlargingModelsBlendWithTheEnlargedInput() throws {
    try withFolder { folder in
      try writeNetwork("\(folder)/m.onnx", enlarges: true)
      try ImageFile.write(skyPicture(width: 50, height: 40), to: "\(folder)/a.png")
      let results = try ["0", "0.5", "1"].map { strength in
        let outcome = try run(
          "irrun", "-m", "\(folder)/m.onnx", "-i", "\(folder)/a.png", "-o", "\(folder)/\(strength).tif",
          "--depth", "32f", "--strength", strength)
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try read("\(folder)/\(strength).tif")
      }
      // A gradient stays one, but for the border and the input's own rounding.
      let sky = skyPicture(width: 100, height: 80)
      for index in sky.pixels.indices where (8..<72).contains(index / 100 % 80) {
        #expect(abs(results[0].pixels[index] - sky.pixels[index]) < 2.5 / 255)
      }
      for index in sky.pixels.indices {
        let mean = (results[0].pixels[index] + results[2].pixels[index]) / 2
        #expect(abs(results[1].pixels[index] - mean) < 1e-6)
      }
    }
  }
}

/// Pictures with alpha.
@Suite struct TransparencyTests {
  /// One noisy object, with black or with its own colour around it.
  private func object(_ hidden: (Int) -> Float) -> Image {
    let side = 64
    let alpha = (0..<(side * side)).map {
      (16..<48).contains($0 / side) && (16..<48).contains($0 % side) ? Float(1) : 0
    }
    return Image(
      width: side, height: side, channelCount: 3,
      pixels: (0..<(3 * side * side)).map { index in
        alpha[index % (side * side)] > 0 ? 0.78 + Float((index * 7919) % 31 - 15) / 255 : hidden(index)
      }, alpha: alpha)
  }

  @Test(arguments: ["symunet-s", "global", "enlarging"]) func hiddenColoursChangeNothing(_ model: String)
    throws
  {
    try withFolder { folder in
      let path = model == "symunet-s" ? model : "\(folder)/m.onnx"
      if model != "symunet-s" {
        try writeNetwork(path, isGlobal: model == "global", enlarges: model == "enlarging")
      }
      let scale = model == "enlarging" ? 2 : 1
      let inputs = [object { _ in 0 }, object { 0.78 + Float(($0 * 7919) % 31 - 15) / 255 }]
      let results = try inputs.enumerated().map { index, image in
        try ImageFile.write(image, to: "\(folder)/\(index).png")
        let outcome = try run(
          "irrun", "-m", path, "-i", "\(folder)/\(index).png", "-o", "\(folder)/\(index)-out.png")
        #expect(outcome.code == 0, "\(outcome.errors)")
        return try read("\(folder)/\(index)-out.png")
      }
      let side = 64 * scale
      for row in 0..<side {
        for column in 0..<side {
          let place = row / scale * 64 + column / scale
          let isHidden = try #require(inputs[0].alpha)[place] == 0
          for channel in 0..<3 {
            let index = (channel * side + row) * side + column
            if isHidden {
              // Hidden colours are written as they were.
              for (result, input) in zip(results, inputs) {
                #expect(abs(result.pixels[index] - input.pixels[channel * 64 * 64 + place]) < 0.51 / 255)
              }
            } else {
              #expect(abs(results[0].pixels[index] - results[1].pixels[index]) <= 2 / 255)
            }
          }
        }
      }
    }
  }
}
