import IRONNX
import IRTensor
import Testing

@testable import IRRestoration

/// Models whose picture is laid out or typed otherwise than `[1, C, H, W]` float32.
@Suite struct ModelPortsTests {
  /// Every layout that inverts a picture inverts it.
  @Test(
    arguments: [
      ["n", 3, "h", "w"], ["n", "c", "h", "w"], [1, 3, "side", "side"], [1, 3, -1, -1], [-1, 3, -1, -1],
      ["n", "h", "w", 3], [1, "h", "w", 3], [3, "h", "w"], ["h", "w", 3], [2, 3, "h", "w"], [4, 3, "h", "w"],
      [2, "h", "w", 3], [1, 3, 64, 64], [1, 64, 64, 3], [64, 64, 3],
    ] as [[any Sendable]]) func layouts(_ extents: [any Sendable]) throws
  {
    let model = SmallModel(inversion(), input: .tensor("x", extents), constants: one)
    let picture = testPicture(width: 45, height: 70)
    #expect(distance(try model.restorer().restore(picture), picture) { 1 - $0 } < 1e-6)
  }

  /// Grey pictures of colour models and back, with alpha.
  @Test func greyPicturesStayGrey() throws {
    var picture = testPicture(width: 20, height: 10, channels: 1)
    picture.alpha = [Float](repeating: 0.5, count: 200)
    let model = SmallModel(inversion(), input: .tensor("x", ["n", "h", "w", 3]), constants: one)
    let restored = try model.restorer().restore(picture)
    #expect(restored.channelCount == 1 && restored.alpha == picture.alpha)
    #expect(distance(restored, picture) { 1 - $0 } < 1e-6)
  }

  @Test(arguments: [ElementType.float16, .float64, .bfloat16]) func floatingTypes(_ type: ElementType) throws
  {
    let one = ["one": Tensor(TensorType(type, [1]), doubles: [1])]
    let model = SmallModel(
      inversion(), input: .picture("x", type), output: .open("y", type), constants: one)
    let picture = testPicture(width: 45, height: 70)
    // Halves are computed in float32.
    #expect(distance(try model.restorer().restore(picture), picture) { 1 - $0 } < 1e-6)
  }

  /// Casts to halves inside, as converters that keep the ports leave them.
  @Test func castsToHalvesAreLeftOut() throws {
    let nodes = [
      node("Cast", ["x"], "a", ["to": .int(10)]), node("Neg", ["a"], "b"), node("Add", ["b", "one"], "c"),
      node("Cast", ["c"], "y", ["to": .int(1)]),
    ]
    let one = ["one": Tensor(TensorType(.float16, [1]), doubles: [1])]
    let picture = testPicture(width: 45, height: 70)
    let restored = try SmallModel(nodes, constants: one).restorer().restore(picture)
    #expect(distance(restored, picture) { 1 - $0 } < 1e-6)
  }

  /// Bytes hold 256 levels: the picture comes back to the level.
  @Test func bytes() throws {
    let nodes = [node("Cast", ["x"], "a", ["to": .int(1)]), node("Cast", ["a"], "y", ["to": .int(2)])]
    let model = SmallModel(
      nodes, input: .tensor("x", [1, "h", "w", 3], .uint8), output: .open("y", .uint8))
    let picture = testPicture(width: 45, height: 70)
    #expect(distance(try model.restorer().restore(picture), picture) < 1e-6)
    let float = SmallModel(
      [node("Cast", ["x"], "a", ["to": .int(1)]), node("Div", ["a", "white"], "y")],
      input: .tensor("x", [1, "h", "w", 3], .uint8), constants: ["white": Tensor([Float(255)], shape: [1])])
    #expect(distance(try float.restorer().restore(picture), picture) < 1e-6)
  }

  @Test func blueMayComeFirst() throws {
    let factors = Tensor([Float(0.5), 1, 1], shape: [1, 3, 1, 1])
    let model = SmallModel(
      [node("Mul", ["x", "f"], "y")], constants: ["f": factors],
      metadata: ["Image.BitmapPixelFormat": "Bgr8"])
    let picture = testPicture(width: 8, height: 8)
    let restored = try model.restorer().restore(picture)
    for index in 0..<192 {
      #expect(restored.pixels[index] == picture.pixels[index] * (index >= 128 ? 0.5 : 1))
    }
  }

  /// The mean of the colours is a mask.
  @Test func oneChannelOfColourIsGrey() throws {
    let nodes = [node("ReduceMean", ["x"], "y", ["axes": .ints([1]), "keepdims": .int(1)])]
    let restorer = try SmallModel(nodes).restorer()
    let picture = testPicture(width: 20, height: 10)
    let result = try restorer.restoration(of: picture, by: try restorer.plan(width: 20, height: 10))
    #expect(result.image.channelCount == 1 && restorer.resultChannelCount == 1)
    #expect(restorer.notes.contains { $0.contains("one channel") })
    for index in [0, 77, 199] {
      let mean = (picture.pixels[index] + picture.pixels[200 + index] + picture.pixels[400 + index]) / 3
      #expect(abs(result.image.pixels[index] - mean) < 1e-6)
    }
    // Without the axis of channels it is the same mask.
    let squeezed = try SmallModel([node("ReduceMean", ["x"], "y", ["axes": .ints([1]), "keepdims": .int(0)])])
      .restorer()
    #expect(try squeezed.restore(picture).pixels == result.image.pixels)
    #expect(throws: RestorationError.self) { try SmallModel(nodes).restorer { $0.strength = 0.5 } }
  }

  @Test func greyModelsRestoreColours() throws {
    let model = SmallModel(inversion(), input: .picture("x", channels: 1), constants: one)
    let picture = testPicture(width: 45, height: 30)
    #expect(distance(try model.restorer().restore(picture), picture) { 1 - $0 } < 1e-6)
    // A brighter luma makes all channels brighter.
    let brighter = SmallModel(
      [node("Add", ["x", "tenth"], "y")], input: .picture("x", channels: 1),
      constants: ["tenth": Tensor([Float(0.1)], shape: [1])])
    let restored = try brighter.restorer { $0.greyHandling = .luma }.restore(picture)
    #expect(distance(restored, picture) { $0 + 0.1 } < 1e-5)
  }

  @Test func fourthChannelsAreNoiseMaps() throws {
    // y = x + map.
    let nodes = [
      node("Slice", ["x", "zero", "three", "axis"], "colour"),
      node("Slice", ["x", "three", "four", "axis"], "map"), node("Add", ["colour", "map"], "y"),
    ]
    let numbers: [String: Int64] = ["zero": 0, "three": 3, "four": 4, "axis": 1]
    let model = SmallModel(
      nodes, input: .picture("x", channels: 4), constants: numbers.mapValues { Tensor([$0], shape: [1]) })
    let picture = testPicture(width: 20, height: 30)
    let restorer = try model.restorer { $0.noiseLevel = 51 }
    #expect(distance(try restorer.restore(picture), picture) { $0 + 0.2 } < 1e-6)
    #expect { try model.restorer() } throws: {
      "\($0)".contains("with a noise level (-n LEVEL, or -n auto) the last is its map")
    }
    // Who says that it is one may leave the level to the estimate.
    let level = Float(picture.estimatedNoiseLevel / 255)
    #expect(
      distance(try model.restorer { $0.noiseFactor = 1 }.restore(picture), picture) { $0 + level } < 1e-5)
  }

  /// The noise level may come first, as a number or as a map.
  @Test(arguments: [[1], [], [1, 1, 1, 1], [1, 1, "h", "w"]] as [[any Sendable]])
  func noiseLevels(_ extents: [any Sendable]) throws {
    let model = SmallModel(
      inputs: [.tensor("s", extents), .picture("x")], outputs: [.open("y")],
      nodes: [node("Add", ["x", "s"], "y")])
    let picture = testPicture(width: 20, height: 30)
    #expect(
      distance(try model.restorer { $0.noiseLevel = 51 }.restore(picture), picture) { $0 + 0.2 } < 1e-6)
  }

  @Test(arguments: [nil, 32]) func secondPictures(tile: Int?) throws {
    let model = SmallModel(
      inputs: [.picture("image"), .picture("mask", channels: 1)], outputs: [.open("y")],
      nodes: [node("Mul", ["image", "mask"], "y")])
    let (picture, mask) = (
      testPicture(width: 80, height: 70), testPicture(width: 80, height: 70, channels: 1)
    )
    let restorer = try model.restorer {
      $0.pictures = ["mask": mask]
      $0.tileSize = tile
    }
    let restored = try restorer.restore(picture)
    for index in [0, 77, 5599, 5600, 16799] {
      #expect(abs(restored.pixels[index] - picture.pixels[index] * mask.pixels[index % 5600]) < 1e-6)
    }
    #expect { try model.restorer() } throws: { "\($0)".contains("--input mask=FILE") }
    // A mask is no noise map.
    #expect(throws: RestorationError.self) { try model.restorer { $0.noiseLevel = 25 } }
    #expect { try restorer.restore(testPicture(width: 81, height: 70)) } throws: {
      "\($0)".contains("the picture for mask has 80×70 pixels")
    }
  }
}
