import IROperators
import IRTensor

extension Tensor {
  /// Every number changed, in float64.
  func mapped(_ change: (Double) -> Double) -> Tensor { Tensor(type, doubles: doubles.map(change)) }

  /// A picture continued in mirror below and to the right to sides that are multiples of `multiple`.
  func mirrored(toMultipleOf multiple: Int) -> Tensor {
    let rests = [2, 3].map { (multiple - shape[$0] % multiple) % multiple }
    guard rests != [0, 0] else { return self }
    return Pad(before: [0, 0, 0, 0], after: [0, 0] + rests, mode: .reflect).evaluate([self])[0]
  }

  /// The top left of a picture.
  func cropped(height: Int, width: Int) -> Tensor {
    guard shape[2] != height || shape[3] != width else { return self }
    let slice = Slice(
      starts: [0, 0, 0, 0], steps: [1, 1, 1, 1], extents: [shape[0], shape[1], height, width])
    return slice.evaluate([self])[0]
  }

  /// Chosen rows of the first axis.
  func rows(_ indices: [Int]) -> Tensor {
    Gather(axis: 0).evaluate([self, Tensor(indices.map { Int64($0) }, shape: [indices.count])])[0]
  }
}
