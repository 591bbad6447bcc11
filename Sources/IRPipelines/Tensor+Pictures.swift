import IROperators
import IRTensor

extension Tensor {
  /// Every number changed, in float64.
  func mapped(_ change: (Double) -> Double) -> Tensor { Tensor(type, doubles: doubles.map(change)) }

  /// A part of a picture `[1, C, H, W]` float32.
  /// - Precondition: it lies in the picture.
  func window(row: Int, column: Int, height: Int, width: Int) -> Tensor {
    guard shape[2] != height || shape[3] != width else { return self }
    precondition(row >= 0 && column >= 0 && row + height <= shape[2] && column + width <= shape[3])
    var result: [Float] = []
    result.reserveCapacity(shape[1] * height * width)
    withElements(as: Float.self) { values in
      for channel in 0..<shape[1] {
        for y in row..<(row + height) {
          let start = (channel * shape[2] + y) * shape[3] + column
          result += values[start..<(start + width)]
        }
      }
    }
    return Tensor(result, shape: [1, shape[1], height, width])
  }

  /// A chosen row of the first axis, as a tensor of one row.
  func row(_ index: Int) -> Tensor {
    Gather(axis: 0).evaluate([self, Tensor([Int64(index)], shape: [1])])[0]
  }
}
