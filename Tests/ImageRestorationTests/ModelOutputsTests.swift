import IRONNX
import IRTensor
import Testing

@testable import IRRestoration

/// Which output is the picture, and what its numbers mean.
@Suite struct ModelOutputsTests {
  @Test func outputsOfOtherShapesAreNoPictures() throws {
    let model = SmallModel(
      inputs: [.picture("x")], outputs: [.open("mean"), .open("y")],
      nodes: [
        node("ReduceMean", ["x"], "mean", ["axes": .ints([2, 3])]), node("Identity", ["x"], "y"),
      ])
    #expect(try model.restorer().outputName == "y")
    let picture = testPicture(width: 20, height: 30)
    #expect(try model.restorer().restore(picture).pixels == picture.pixels)
  }

  /// As Zero-DCE, SCI and IAT: the first output is a step on the way to the last.
  @Test func stepsOnTheWayAreNotTheResult() throws {
    let model = SmallModel(
      inputs: [.picture("x")], outputs: [.open("half"), .open("whole")],
      nodes: [
        node("Mul", ["x", "scale"], "half"), node("Sigmoid", ["half"], "curve"),
        node("Sub", ["x", "curve"], "rest"), node("Add", ["rest", "curve"], "whole"),
      ], constants: ["scale": Tensor([Float(0.1)], shape: [1])])
    let restorer = try model.restorer()
    #expect(restorer.outputName == "whole")
    #expect(restorer.notes.contains { $0.contains("the output whole is used") && $0.contains("not half") })
    let picture = testPicture(width: 20, height: 30)
    #expect(distance(try restorer.restore(picture), picture) < 1e-6)
    let named = try model.restorer { $0.outputName = "half" }
    #expect(named.notes.isEmpty)
    #expect(distance(try named.restore(picture), picture) { 0.1 * $0 } < 1e-6)
    #expect { try model.restorer { $0.outputName = "third" } } throws: {
      "\($0)".contains("it has no output third, but half, whole")
    }
  }

  /// Neither output is made of the other: the one that is like its input is the picture.
  @Test(arguments: [false, true]) func theLikestIsTheResult(isLast: Bool) throws {
    let outputs: [ONNXValueInfo] = [.open("map"), .open("picture")]
    let model = SmallModel(
      inputs: [.picture("x")], outputs: isLast ? outputs : outputs.reversed(),
      nodes: [
        node(
          "AveragePool", ["x"], "blurred", ["kernel_shape": .ints([7, 7]), "pads": .ints([3, 3, 3, 3])]),
        node("Sub", ["x", "blurred"], "map"), node("Sqrt", ["x"], "picture"),
      ])
    #expect(try model.restorer().outputName == "picture")
  }

  private let bytes = SmallModel(
    [node("Round", ["x"], "whole"), node("Clip", ["whole", "low", "high"], "y")],
    constants: ["low": Tensor(scalar: 0), "high": Tensor(scalar: 255)])

  @Test func statedRanges() throws {
    let picture = testPicture(width: 64, height: 64)
    let restored = try bytes.restorer { $0.inputRange = ValueRange("255") }.restore(picture)
    #expect(distance(restored, picture) < 1e-6)
    var known = bytes
    for (key, value) in [("Image.NominalPixelRange", "NominalRange_0_255"), ("range", "0..255")] {
      known.metadata = [key: value]
      #expect(distance(try known.restorer().restore(picture), picture) < 1e-6)
    }
  }

  /// -x is the inverse in ranges that lie around 0.
  @Test(arguments: ["-1..1", "-3..3", "0.5/0.25", "0.5,0.5,0.5/0.2,0.3,0.4"])
  func rangesAroundZero(_ text: String) throws {
    let picture = testPicture(width: 45, height: 30)
    let restorer = try SmallModel([node("Neg", ["x"], "y")]).restorer { $0.inputRange = ValueRange(text) }
    #expect(distance(try restorer.restore(picture), picture) { 1 - $0 } < 1e-5)
  }

  @Test func rangesOfResults() throws {
    let picture = testPicture(width: 45, height: 30)
    let white = ["white": Tensor([Float(255)], shape: [1])]
    let restorer = try SmallModel([node("Div", ["x", "white"], "y")], constants: white).restorer {
      $0.inputRange = ValueRange("255")
      $0.outputRange = .unit
    }
    #expect(distance(try restorer.restore(picture), picture) < 1e-6)
  }

  @Test(arguments: ["", "a", "0", "-1", "1..0", "1..", "0.5/0", "1,2/1", "1,2/1,2", "nan", "0..inf"])
  func whatIsNoRange(_ text: String) {
    #expect(ValueRange(text) == nil)
  }

  /// A model of 0...255 that is given 0...1 makes a poster: the warning says which range would fit.
  @Test func wrongRangesAreSaid() throws {
    let picture = testPicture(width: 64, height: 64)
    let restorer = try bytes.restorer()
    let plan = try restorer.plan(width: 64, height: 64)
    let warnings = try restorer.restoration(of: picture, by: plan).warnings
    let found = warnings.first { $0.kind == .valueRange }
    #expect(found?.sentence.contains("(--range 0..255)") ?? false, "\(warnings.map(\.sentence))")
    let right = try bytes.restorer { $0.inputRange = .bytes }
    #expect(try right.restoration(of: picture, by: right.plan(width: 64, height: 64)).warnings.isEmpty)
  }

  @Test func profilesComeWithResults() throws {
    let model = SmallModel(inversion(), constants: one)
    let restorer = try model.restorer { $0.isProfiled = true }
    let picture = testPicture(width: 64, height: 64)
    let result = try restorer.restoration(of: picture, by: try restorer.plan(width: 64, height: 64))
    #expect(result.profile?.steps.isEmpty == false)
    #expect(try model.restorer().restoration(of: picture, by: result.plan).profile == nil)
  }
}
