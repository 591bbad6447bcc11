import IRGraph
import IRTensor

package enum GridPadding: String, Hashable, Sendable, Codable, CaseIterable { case zeros, border, reflection }

/// The input read at given places, as ONNX's `GridSample` defines it (Jaderberg et al. 2015).
///
/// Inputs x `[N, C, spatial…]` and grid `[N, places…, r]` for r spatial axes, coordinates in -1...1 with the
/// last axis of x first; result `[N, C, places…]`.
package struct GridSample: Operator {
  package var mode: ResizeMode
  package var padding: GridPadding
  /// -1 and 1 are the centres of the corner elements, otherwise their outer edges.
  package var alignsCorners: Bool
  package static let name = "GridSample"

  package init(mode: ResizeMode, padding: GridPadding = .zeros, alignsCorners: Bool = false) {
    self.mode = mode
    self.padding = padding
    self.alignsCorners = alignsCorners
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireFloating(inputs[1], Self.name)
    let (x, grid) = (inputs[0].shape, inputs[1].shape)
    guard (3...6).contains(x.rank), grid.rank == x.rank, grid[0] == x[0], grid[grid.rank - 1] == x.rank - 2
    else {
      throw TypeError("GridSample.grid", "a grid of \(grid) over an input of \(x)")
    }
    guard !x.dropFirst(2).contains(0) else { throw TypeError("GridSample.empty", "nothing to read in \(x)") }
    return [inputs[0].with(shape: Shape([x[0], x[1]] + grid.dropFirst().dropLast()))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let (x, grid) = (inputs[0].shape, inputs[1].shape)
    let lengths = Array(x.dropFirst(2))
    let places = grid.elementCount(in: 1..<(grid.rank - 1))
    let plane = x.elementCount(in: 2..<x.rank)
    let (source, coordinates) = (inputs[0].doubles, inputs[1].doubles)
    var result = [Double](repeating: 0, count: x[0] * x[1] * places)
    for n in 0..<x[0] {
      for place in 0..<places {
        let start = (n * places + place) * lengths.count
        // The grid counts axes from the last.
        let taps = lengths.indices.map { axis in
          self.taps(coordinates[start + lengths.count - 1 - axis], length: lengths[axis])
        }
        let weighted = combined(taps, lengths)
        for c in 0..<x[1] {
          let first = (n * x[1] + c) * plane
          result[(n * x[1] + c) * places + place] = weighted.reduce(0) {
            $0 + $1.weight * source[first + $1.offset]
          }
        }
      }
    }
    let shape = Shape([x[0], x[1]] + grid.dropFirst().dropLast())
    return [Tensor(inputs[0].type.with(shape: shape), doubles: result)]
  }

  private typealias Taps = [(index: Int, weight: Double)]

  /// The products of the axes' taps; those outside under `zeros` are left out.
  private func combined(_ taps: [Taps], _ lengths: [Int]) -> [(offset: Int, weight: Double)] {
    var result = [(offset: 0, weight: 1.0)]
    for (axis, own) in taps.enumerated() {
      result = result.flatMap { base in
        own.filter { $0.index >= 0 }.map { (base.offset * lengths[axis] + $0.index, base.weight * $0.weight) }
      }
    }
    return result
  }

  /// The elements that one coordinate reads along an axis; an index of -1 reads zero.
  private func taps(_ coordinate: Double, length: Int) -> Taps {
    let extent = Double(length)
    // Coordinates beyond any feature map are alike, and so are NaNs.
    let bounded = coordinate.isNaN ? 0 : min(max(coordinate, -0x1p30), 0x1p30)
    var x = alignsCorners ? (bounded + 1) / 2 * (extent - 1) : ((bounded + 1) * extent - 1) / 2
    if mode == .nearest { x = x.rounded(.toNearestOrEven) }
    let (low, high) = alignsCorners ? (0, extent - 1) : (-0.5, extent - 0.5)
    if x < low || x > high {
      switch padding {
      case .zeros: break
      case .border: x = min(max(x, 0), extent - 1)
      case .reflection: x = reflected(x, low, high)
      }
    }
    switch mode {
    case .nearest: return [(index(x, low, high, length), 1)]
    case .linear:
      let base = x.rounded(.down)
      return [
        (index(base, low, high, length), 1 - (x - base)), (index(base + 1, low, high, length), x - base),
      ]
    case .cubic:
      let base = x.rounded(.down)
      return (-1...2).map { (index(base + Double($0), low, high, length), cubic(x - base - Double($0))) }
    }
  }

  private func index(_ position: Double, _ low: Double, _ high: Double, _ length: Int) -> Int {
    let last = Double(length - 1)
    switch padding {
    case .zeros: return position >= 0 && position <= last ? Int(position) : -1
    case .border: return Int(min(max(position, 0), last))
    case .reflection: return Int(min(max(reflected(position, low, high), 0), last))
    }
  }

  private func reflected(_ x: Double, _ low: Double, _ high: Double) -> Double {
    let range = high - low
    guard range > 0 else { return low }
    let distance = x < low ? low - x : (x > high ? x - high : 0)
    guard distance > 0 else { return x }
    let turns = (distance / range).rounded(.down)
    let rest = distance - turns * range
    let startsLow = (x < low) == (turns.truncatingRemainder(dividingBy: 2) == 0)
    return startsLow ? low + rest : high - rest
  }

  /// Keys' kernel with a = -0.75.
  private func cubic(_ distance: Double) -> Double {
    let (d, a) = (distance.magnitude, -0.75)
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }
}

extension GridSample: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.outputs[output].shape.rank
    return (0..<rank).map { axis in
      if axis < 2 { return input == 0 || axis == 0 ? .same(axis) : .new }
      return input == 0 ? .mixed : .same(axis - 1)
    }
  }
}
