import IRGraph
import IRTensor

package enum RoiPooling: String, Hashable, Sendable, Codable, CaseIterable {
  /// The mean of the interpolated samples of a cell.
  case average
  /// The largest weighted corner of a cell's samples, as ONNX defines it.
  case maximum
}

/// Regions of feature maps, sampled to one size (He et al. 2017), as ONNX's `RoiAlign` defines it.
///
/// Inputs x `[N, C, H, W]`, regions `[R, 4]` as x1, y1, x2, y2 in units of 1 / `scale` elements, and for each
/// the index of its image, `[R]`; result `[R, C, height, width]`.
package struct RoiAlign: Operator {
  package var pooling: RoiPooling
  package var height: Int
  package var width: Int
  /// Samples along each axis of a cell; 0 takes as many as the cell has elements.
  package var samplingRatio: Int
  package var scale: Float
  /// Coordinates count from the corners of elements instead of their centres.
  package var isHalfPixel: Bool
  package static let name = "RoiAlign"

  package init(
    pooling: RoiPooling = .average, height: Int, width: Int, samplingRatio: Int = 0, scale: Float = 1,
    isHalfPixel: Bool = true
  ) {
    self.pooling = pooling
    self.height = height
    self.width = width
    self.samplingRatio = samplingRatio
    self.scale = scale
    self.isHalfPixel = isHalfPixel
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireSameElementType(Array(inputs[..<2]), Self.name)
    let (x, regions, pictures) = (inputs[0].shape, inputs[1].shape, inputs[2])
    guard x.rank == 4, !x.contains(0) else { throw TypeError("RoiAlign.rank", "regions of \(x)") }
    guard regions.rank == 2, regions[1] == 4, pictures.elementType.isInteger, pictures.shape == [regions[0]]
    else { throw TypeError("RoiAlign.regions", "\(regions) regions in pictures \(pictures)") }
    // Each cell has up to 1024 samples along an axis, which are computed before any is read.
    guard (1...(1 << 12)).contains(height), (1...(1 << 12)).contains(width) else {
      throw TypeError("RoiAlign.extents", "\(height) × \(width) cells")
    }
    guard (0...1024).contains(samplingRatio) else {
      throw TypeError("RoiAlign.samplingRatio", "\(samplingRatio) samples along an axis, the limit is 1024")
    }
    return [inputs[0].with(shape: [regions[0], x[1], height, width])]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let (source, regions, pictures) = (inputs[0].doubles, inputs[1].doubles, inputs[2].integers)
    let (channels, plane) = (shape[1], shape[2] * shape[3])
    var result: [Double] = []
    result.reserveCapacity(pictures.count * channels * height * width)
    for (region, stated) in pictures.enumerated() {
      let picture = min(max(Int(clamping: stated), 0), shape[0] - 1)
      let corners = (0..<4).map { regions[region * 4 + $0] * Double(scale) - (isHalfPixel ? 0.5 : 0) }
      let columns = samples(from: corners[0], to: corners[2], cells: width, length: shape[3])
      let rows = samples(from: corners[1], to: corners[3], cells: height, length: shape[2])
      for channel in 0..<channels {
        let first = (picture * channels + channel) * plane
        for row in rows {
          for column in columns {
            result.append(value(row, column) { y, x in source[first + y * shape[3] + x] })
          }
        }
      }
    }
    return [
      Tensor(inputs[0].type.with(shape: [pictures.count, channels, height, width]), doubles: result)
    ]
  }

  /// A position between two elements of one axis; nil outside the feature map.
  private struct Sample {
    var low: Int
    var high: Int
    var weight: Double
  }

  private func samples(from start: Double, to end: Double, cells: Int, length: Int) -> [[Sample?]] {
    let extent = isHalfPixel ? end - start : max(end - start, 1)
    let cell = extent / Double(cells)
    let wanted = cell.rounded(.up)
    // A bound on the samples of a cell, for regions far larger than any feature map.
    let count = samplingRatio > 0 ? samplingRatio : (wanted >= 1 ? Int(min(wanted, 1024)) : 0)
    return (0..<cells).map { index in
      (0..<count).map { step in
        var place = start + Double(index) * cell + (Double(step) + 0.5) * cell / Double(count)
        guard place >= -1, place <= Double(length) else { return nil }
        place = max(place, 0)
        let low = Int(place)
        if low >= length - 1 { return Sample(low: length - 1, high: length - 1, weight: 0) }
        return Sample(low: low, high: low + 1, weight: place - Double(low))
      }
    }
  }

  private func value(_ rows: [Sample?], _ columns: [Sample?], _ at: (Int, Int) -> Double) -> Double {
    var sum = 0.0
    var largest: Double?
    for row in rows {
      for column in columns {
        var corners = [0.0, 0, 0, 0]
        if let row, let column {
          corners = [
            (1 - row.weight) * (1 - column.weight) * at(row.low, column.low),
            (1 - row.weight) * column.weight * at(row.low, column.high),
            row.weight * (1 - column.weight) * at(row.high, column.low),
            row.weight * column.weight * at(row.high, column.high),
          ]
        }
        sum += corners.reduce(0, +)
        let best = corners.reduce(-.infinity) { max($0, $1) }
        largest = largest.map { max($0, best) } ?? best
      }
    }
    return pooling == .average ? sum / Double(max(rows.count * columns.count, 1)) : largest ?? 0
  }
}

extension RoiAlign: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    switch input {
    case 0: [.mixed, .same(1), .mixed, .mixed]
    case 1: [.same(0), .new, .mixed, .mixed]
    default: [.same(0), .new, .new, .new]
    }
  }
}
