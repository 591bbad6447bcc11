import IRGraph
import IRTensor

package enum ResizeMode: String, Hashable, Sendable, Codable, CaseIterable { case nearest, linear, cubic }

/// How a coordinate of the result maps to one of the input; the names are ONNX's.
package enum ResizeCoordinates: String, Hashable, Sendable, Codable, CaseIterable {
  case halfPixel = "half_pixel"
  case pytorchHalfPixel = "pytorch_half_pixel"
  case halfPixelSymmetric = "half_pixel_symmetric"
  case asymmetric
  case alignCorners = "align_corners"
  case tfCropAndResize = "tf_crop_and_resize"
}

package enum NearestRounding: String, Hashable, Sendable, Codable, CaseIterable {
  case roundPreferFloor = "round_prefer_floor"
  case roundPreferCeil = "round_prefer_ceil"
  case floor, ceil
}

/// Resampling of any axes, each on its own, as ONNX's `Resize` defines it.
package struct Resize: Operator {
  package var mode: ResizeMode
  package var coordinates: ResizeCoordinates
  package var rounding: NearestRounding
  /// Extents of the result.
  package var extents: [Int]
  /// Result over input per axis, as coordinates use it; need not be the extents' ratio to the last bit.
  package var scales: [Double]
  /// Start and end per axis in 0...1, for `tfCropAndResize`: all starts, then all ends.
  package var regionOfInterest: [Double]
  package var cubicCoefficient: Float
  package var excludesOutside: Bool
  package var extrapolationValue: Float
  package var isAntialiased: Bool
  package static let name = "Resize"

  package init(
    mode: ResizeMode, coordinates: ResizeCoordinates = .halfPixel,
    rounding: NearestRounding = .roundPreferFloor,
    extents: [Int], scales: [Double], regionOfInterest: [Double] = [], cubicCoefficient: Float = -0.75,
    excludesOutside: Bool = false, extrapolationValue: Float = 0, isAntialiased: Bool = false
  ) {
    self.mode = mode
    self.coordinates = coordinates
    self.rounding = rounding
    self.extents = extents
    self.scales = scales
    self.regionOfInterest = regionOfInterest
    self.cubicCoefficient = cubicCoefficient
    self.excludesOutside = excludesOutside
    self.extrapolationValue = extrapolationValue
    self.isAntialiased = isAntialiased
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let shape = inputs[0].shape
    guard extents.count == shape.rank, scales.count == shape.rank else {
      throw TypeError(
        "Resize.rank", "\(extents.count) extents, \(scales.count) scales for rank \(shape.rank)")
    }
    guard extents.allSatisfy({ (0...(1 << 40)).contains($0) }),
      scales.allSatisfy({ $0 >= 1e-4 && $0 <= 1e6 })
    else { throw TypeError("Resize.scales", "extents \(extents), scales \(scales)") }
    guard coordinates != .tfCropAndResize || regionOfInterest.count == 2 * shape.rank,
      regionOfInterest.allSatisfy({ $0.magnitude <= 1e6 })
    else {
      throw TypeError("Resize.regionOfInterest", "\(regionOfInterest.count) numbers for rank \(shape.rank)")
    }
    guard !zip(shape, extents).contains(where: { $0 == 0 && $1 > 0 }) else {
      throw TypeError("Resize.empty", "\(shape) cannot grow to \(extents)")
    }
    return [inputs[0].with(shape: Shape(extents))]
  }

  /// The elements that one coordinate of the result is made of; nil if it is extrapolated.
  package typealias Taps = [(index: Int, weight: Double)]

  /// The taps of every coordinate along an axis of `length`.
  package func taps(axis: Int, length: Int) -> [Taps?] {
    (0..<extents[axis]).map { position in
      let x = source(of: position, axis: axis, length: length)
      if coordinates == .tfCropAndResize, x < 0 || x > Double(length - 1) { return nil }
      if mode == .nearest {
        let index: Double =
          switch rounding {
          case .roundPreferFloor: (x - 0.5).rounded(.up)
          case .roundPreferCeil: (x + 0.5).rounded(.down)
          case .floor: x.rounded(.down)
          case .ceil: x.rounded(.up)
          }
        return [(min(max(Int(index), 0), length - 1), 1)]
      }
      return weighted(x, length: length, scale: isAntialiased ? min(scales[axis], 1) : 1)
    }
  }

  private func source(of position: Int, axis: Int, length: Int) -> Double {
    let (o, n, scale) = (Double(position), Double(length), scales[axis])
    // ONNX counts corners by the exact product, of which the extent is the floor.
    let product = n * scale
    let count = (product - product.rounded()).magnitude < 1e-6 ? product.rounded() : product
    switch coordinates {
    case .halfPixel: return (o + 0.5) / scale - 0.5
    case .pytorchHalfPixel: return count > 1 ? (o + 0.5) / scale - 0.5 : 0
    case .asymmetric: return o / scale
    case .alignCorners: return count > 1 ? o * (n - 1) / (count - 1) : 0
    case .halfPixelSymmetric:
      let adjustment = Double(extents[axis]) / product
      return n / 2 * (1 - adjustment) + (o + 0.5) / scale - 0.5
    case .tfCropAndResize:
      let (start, end) = (regionOfInterest[axis], regionOfInterest[axis + extents.count])
      return count > 1
        ? start * (n - 1) + o * (end - start) * (n - 1) / (count - 1) : 0.5 * (start + end) * (n - 1)
    }
  }

  /// The kernel around x, stretched by 1 / scale; beyond the ends the edge repeats.
  private func weighted(_ x: Double, length: Int, scale: Double) -> Taps {
    // An integer x counts from the element to its left, so that the kernel's window is symmetric.
    let base = x == x.rounded() ? x - 1 : x.rounded(.down)
    let radius: Double = mode == .linear ? 1 : 2
    let start = Int((-radius / scale).rounded(.down)) + 1
    var taps: Taps = []
    for offset in start...(1 - start) {
      let index = Int(base) + offset
      let isOutside = index < 0 || index >= length
      let weight = isOutside && excludesOutside ? 0 : kernel((base + Double(offset) - x) * scale)
      taps.append((min(max(index, 0), length - 1), weight))
    }
    let sum = taps.reduce(0) { $0 + $1.weight }
    guard scale < 1 || excludesOutside, sum != 0 else { return taps }
    return taps.map { ($0.index, $0.weight / sum) }
  }

  private func kernel(_ distance: Double) -> Double {
    let d = distance.magnitude
    if mode == .linear { return max(0, 1 - d) }
    let a = Double(cubicCoefficient)
    if d <= 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0
  }

  /// The axes that change.
  package func changedAxes(_ shape: Shape) -> [Int] {
    shape.indices.filter { extents[$0] != shape[$0] || scales[$0] != 1 || coordinates == .tfCropAndResize }
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    if mode == .nearest, coordinates != .tfCropAndResize {
      // Moved as bytes, exact for every element type.
      let shape = inputs[0].shape
      let changed = changedAxes(shape)
      let taps = changed.map { axis in self.taps(axis: axis, length: shape[axis]).map { $0?[0].index ?? 0 } }
      let positions = offsets(in: shape, of: Shape(extents)) { index, axis in
        changed.firstIndex(of: axis).map { taps[$0][index] } ?? index
      }
      return [inputs[0].gathered(positions, shape: Shape(extents))]
    }
    var shape = inputs[0].shape
    var values = inputs[0].doubles
    // Positions that some axis puts outside the input.
    var isExtrapolated = [Bool](repeating: false, count: values.count)
    for axis in changedAxes(shape) {
      let taps = taps(axis: axis, length: shape[axis])
      let view = AxisView(shape, axis: axis)
      let count = view.outer * taps.count * view.inner
      var next = [Double](repeating: 0, count: count)
      var outside = [Bool](repeating: false, count: count)
      for o in 0..<view.outer {
        for (position, taps) in taps.enumerated() {
          for i in 0..<view.inner {
            let target = (o * extents[axis] + position) * view.inner + i
            guard let taps else { outside[target] = true; continue }
            for tap in taps {
              let source = (o * view.axis + tap.index) * view.inner + i
              if tap.weight != 0 { next[target] += tap.weight * values[source] }
              outside[target] = outside[target] || isExtrapolated[source]
            }
          }
        }
      }
      (values, isExtrapolated) = (next, outside)
      shape[axis] = extents[axis]
    }
    for index in values.indices where isExtrapolated[index] { values[index] = Double(extrapolationValue) }
    if !inputs[0].elementType.isFloatingPoint, mode != .nearest { values = values.map { $0.rounded() } }
    return [Tensor(inputs[0].type.with(shape: shape), doubles: values)]
  }
}

extension Resize: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let shape = types.inputs[0].shape
    let changed = changedAxes(shape)
    return shape.indices.map { axis in
      guard changed.contains(axis) else { return .same(axis) }
      let (from, to) = (shape[axis], extents[axis])
      guard [.halfPixel, .pytorchHalfPixel, .asymmetric].contains(coordinates), from > 0, to > 0,
        abs(scales[axis] * Double(from) - Double(to)) < 1e-6
      else { return .mixed }
      let ratio = Double(from) / Double(to)
      let taps: Double = mode == .cubic ? 2 : 1
      let reach = taps * (isAntialiased ? max(1, ratio) : 1) + ratio / 2 + 0.5
      return .window(axis, AxisWindow(stride: from, over: to, first: -reach, last: reach))
    }
  }
}

extension Resize: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(ResizeGradient(resize: self, shape: g.shape(of: context.inputs[0])), [c])]
  }
}
