import IRImage

/// PIQE (Venkatanath et al., 2015): the share of blocks that look distorted or noisy, 0 to 100; lower is
/// better. It has no model and no parameters that are fitted.
package enum PIQE {
  private static let side = 16
  /// The variance above which a block counts.
  private static let activity = 0.1
  /// The deviation below which a run of an edge is too even.
  private static let evenness = 0.1
  private static let runLength = 6

  /// The score.
  /// - Throws: `QualityError.picture` for a picture below 16 pixels, or one that is black.
  package static func score(_ image: Image) throws(QualityError) -> Double {
    guard min(image.width, image.height) >= side else {
      throw .picture("\(image.width)×\(image.height) pixels; both sides must be at least \(side)")
    }
    let luma = Plane(lumaOf: image, white: 1)
    guard let peak = luma.values.max(), peak > 0, luma.values.allSatisfy(\.isFinite) else {
      throw .picture("the picture is black, or holds numbers that are not finite")
    }
    // In float32, as pyiqa does, for the same halves.
    let stretched = luma.values.map { Double(255 * (Float($0) / Float(peak))) }
    let normal = Plane(width: luma.width, height: luma.height, values: stretched).rounded()
      .mirrored(right: luma.width % side, below: luma.height % side).normalized(.edge).plane
    var (sum, active) = (0.0, 0.0)
    for row in 0..<(normal.height / side) {
      for column in 0..<(normal.width / side) {
        let block = normal.block(row: row * side, column: column * side, size: side)
        let variance = variance(block.values)
        guard variance > activity else { continue }
        active += 1
        if isImpaired(block) { sum += 1 - variance }
        if isNoisy(block, variance.squareRoot()) { sum += variance }
      }
    }
    return (sum + 1) / (active + 1) * 100
  }

  /// Unbiased.
  private static func variance(_ values: [Double]) -> Double {
    let mean = values.reduce(0, +) / Double(values.count)
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)
  }

  /// Whether a run along one of the four edges is even.
  private static func isImpaired(_ block: Plane) -> Bool {
    let last = side - 1
    let all = 0..<side
    let places: [[Int]] = [
      all.map { $0 }, all.map { last * side + $0 }, all.map { $0 * side }, all.map { $0 * side + last },
    ]
    let edges = places.map { edge in edge.map { block.values[$0] } }
    return edges.contains { edge in
      (0...(side - runLength)).contains { start in
        variance(Array(edge[start..<(start + runLength)])).squareRoot() < evenness
      }
    }
  }

  /// Whether the deviation is more than twice what its centre makes plausible.
  private static func isNoisy(_ block: Plane, _ deviation: Double) -> Bool {
    // The two columns in the middle; of the rest the published code leaves out column 9 instead of 8.
    func columns(_ isWanted: (Int) -> Bool) -> [Double] {
      block.values.indices.filter { isWanted($0 % side) }.map { block.values[$0] }
    }
    let centre = variance(columns { $0 == 7 || $0 == 8 }).squareRoot()
    let surround = variance(columns { $0 != 7 && $0 != 9 }).squareRoot()
    var ratio = centre / surround
    if ratio.isNaN { ratio = 0 }
    ratio = min(ratio, Double(Float.greatestFiniteMagnitude))
    return deviation > 2 * (deviation - ratio).magnitude / max(deviation, ratio)
  }
}

extension Plane {
  /// Continued to the right and below in mirror, the edge repeated.
  func mirrored(right: Int, below: Int) -> Plane {
    func source(_ index: Int, _ count: Int) -> Int { index < count ? index : 2 * count - 1 - index }
    var result = Plane(width: width + right, height: height + below, values: [])
    for y in 0..<result.height {
      for x in 0..<result.width { result.values.append(values[source(y, height) * width + source(x, width)]) }
    }
    return result
  }
}
