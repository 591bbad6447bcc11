import IRCompiler
import IRRestorers
import IRTensor

extension Restorer {
  /// Distances of 0...1 in which a flat grey picture comes back from a restorer that works.
  private static let greyTolerance = 0.15
  /// The side of the flat picture where the model takes any.
  private static let flatSide = 96

  /// Says that a flat grey picture does not come back near itself, and the range for which it would.
  func rangeWarning() throws -> RestorationWarning? {
    guard model.inputRange == model.outputRange, model.inputRange.black.count == 1,
      model.image.elementType != .uint8, model.pictures.isEmpty
    else { return nil }
    let (height, width) = (
      fixedSides.height ?? padded(Self.flatSide), fixedSides.width ?? padded(Self.flatSide)
    )
    /// The mean of the result for one number in every sample of the picture.
    func result(_ value: Double) throws -> Double {
      let type = TensorType(.float32, [1, model.planeCount, height, width])
      let samples = try run(Tensor(type, repeating: value)).floats
      return samples.reduce(0) { $0 + Double($1) } / Double(max(1, samples.count))
    }
    let grey = try result(0.5)
    guard !((grey - 0.5).magnitude < Self.greyTolerance) else { return nil }
    // The number that the network's range has for grey, told to a network that is given ranges already.
    let (black, white) = (model.inputRange.black[0], model.inputRange.white[0])
    let hint = try [ValueRange.bytes, .symmetric, .unit].first { range in
      guard range != model.inputRange else { return false }
      let (span, own) = (range.white[0] - range.black[0], white - black)
      let middle = (range.black[0] + range.white[0]) / 2
      let back = try result((middle - black) / own) * own + black
      return ((back - middle) / span).magnitude < Self.greyTolerance
    }
    // Restorers of haze and of darkness are meant to move a flat picture.
    guard hint != nil || toneTasks.tasks.isEmpty else { return nil }
    let level = Int((255 * min(max(grey, -100), 100)).rounded())
    return RestorationWarning(
      .valueRange, ["grey": grey],
      "a flat picture of level 128 becomes \(level)"
        + (hint.map { ": the model seems to take \($0) for black...white (--range \($0.optionText))" } ?? ""))
  }
}
