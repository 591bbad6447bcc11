import CIRKernels
import CIROperators
import Foundation
import IRTestSupport
import Testing

extension KernelTests {
  static let views: [ir_axis_view] =
    [1, 3, 4, 5, 15, 16, 17, 127, 255].map { ir_axis_view(outer: 3, axis: $0, inner: 1) }
    + [1, 3, 4, 5, 15, 17, 63, 64, 65, 300].map { ir_axis_view(outer: 2, axis: 7, inner: $0 + 1) }
    + [
      ir_axis_view(outer: 2, axis: 127, inner: 301), ir_axis_view(outer: 0, axis: 4, inner: 1),
      ir_axis_view(outer: 1, axis: 2500, inner: 40), ir_axis_view(outer: 3, axis: 20001, inner: 1),
    ]

  /// The elements along the axis for each (outer, inner), in order.
  static func forEachLine(_ view: ir_axis_view, _ body: ([Int]) -> Void) {
    for o in 0..<view.outer {
      for i in 0..<view.inner {
        body((0..<view.axis).map { (o * view.axis + $0) * view.inner + i })
      }
    }
  }

  @Test(arguments: views.indices, [IR_NORMALIZATION_LAYER, IR_NORMALIZATION_RMS, IR_NORMALIZATION_L2])
  func normalize(_ index: Int, _ kind: ir_normalization) {
    let view = Self.views[index]
    var params = ir_normalize_params(view: view, kind: kind, epsilon: 1e-5)
    let input = Guarded(values(view.outer * view.axis * view.inner).map { $0 * 3 + 5 })
    let scale = Guarded(values(view.axis, seed: 2))
    let bias = Guarded(values(view.axis, seed: 3))
    var expected = [Double](repeating: 0, count: input.count)
    Self.forEachLine(view) { line in
      let x = line.map { Double(input.pointer[$0]) }
      let mean = kind == IR_NORMALIZATION_LAYER ? x.reduce(0, +) / Double(x.count) : 0
      let squares = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      let divisor =
        kind == IR_NORMALIZATION_L2
        ? max(squares.squareRoot(), 1e-5) : (squares / Double(x.count) + 1e-5).squareRoot()
      for (c, i) in line.enumerated() {
        expected[i] =
          (x[c] - mean) / divisor * Double(scale.pointer[c]) + Double(bias.pointer[c])
      }
    }
    // One element along the axis: its deviation is rounding, magnified by the epsilon.
    expectEverywhere(expected, tolerance: 1e-5, "\(kind) \(view)") { threads in
      let output = Guarded(input.elements)
      ir_normalize(
        &params, output.pointer, scale.pointer, bias.pointer, output.pointer, threads)
      return output.elements
    }
  }

  @Test(arguments: views.indices, [false, true]) func softmax(_ index: Int, _ isLogarithm: Bool) {
    let view = Self.views[index]
    var params = ir_softmax_params(view: view, logarithm: isLogarithm)
    let input = Guarded(values(view.outer * view.axis * view.inner).map { $0 * 20 + 100 })
    var expected = [Double](repeating: 0, count: input.count)
    Self.forEachLine(view) { line in
      let x = line.map { Double(input.pointer[$0]) }
      let most = x.max() ?? 0
      let sum = x.reduce(0) { $0 + exp($1 - most) }
      for (c, i) in line.enumerated() {
        expected[i] = isLogarithm ? x[c] - most - log(sum) : exp(x[c] - most) / sum
      }
    }
    expectEverywhere(expected, tolerance: 2e-6, "softmax \(view)") { threads in
      let output = Guarded(input.elements)
      ir_softmax(&params, output.pointer, output.pointer, threads)
      return output.elements
    }
  }

  /// Subnormal numbers cost many processors a hundred cycles each.
  @Test(arguments: [(1, 33), (20, 1)]) func maskedWeightsAreZero(_ outer: Int, _ inner: Int) {
    let view = ir_axis_view(outer: outer, axis: 40, inner: inner)
    var params = ir_softmax_params(view: view, logarithm: false)
    let masks: [Float] = [0, -95, -.infinity]
    var (input, expected) = ([Float](repeating: 0, count: outer * 40 * inner), [Double]())
    expected = input.map(Double.init)
    Self.forEachLine(view) { line in
      for (c, i) in line.enumerated() { (input[i], expected[i]) = (masks[c % 3], c % 3 == 0 ? 1.0 / 14 : 0) }
    }
    expectEverywhere(expected, tolerance: 1e-6, "masked \(view)") { threads in
      let output = Guarded(input)
      ir_softmax(&params, output.pointer, output.pointer, threads)
      #expect(zip(output.elements, input).allSatisfy { $1 == 0 || $0 == 0 })
      return output.elements
    }
  }

  static let reductions: [ir_reduction] = [
    IR_REDUCTION_SUM, IR_REDUCTION_MEAN, IR_REDUCTION_MAX, IR_REDUCTION_MIN, IR_REDUCTION_PRODUCT,
    IR_REDUCTION_SUM_OF_SQUARES, IR_REDUCTION_L1, IR_REDUCTION_L2, IR_REDUCTION_LOG_SUM_EXP,
  ]

  static func reduced(_ kind: ir_reduction, _ x: [Double]) -> Double {
    let squares = x.reduce(0) { $0 + $1 * $1 }
    switch kind {
    case IR_REDUCTION_SUM: return x.reduce(0, +)
    case IR_REDUCTION_MEAN: return x.reduce(0, +) / Double(x.count)
    case IR_REDUCTION_MAX: return x.max() ?? -.infinity
    case IR_REDUCTION_MIN: return x.min() ?? .infinity
    case IR_REDUCTION_PRODUCT: return x.reduce(1, *)
    case IR_REDUCTION_SUM_OF_SQUARES: return squares
    case IR_REDUCTION_L1: return x.reduce(0) { $0 + abs($1) }
    case IR_REDUCTION_L2: return squares.squareRoot()
    default:
      let most = x.max() ?? 0
      return most + log(x.reduce(0) { $0 + exp($1 - most) })
    }
  }

  @Test(arguments: views.indices, reductions) func reduce(_ index: Int, _ kind: ir_reduction) {
    let view = Self.views[index]
    var params = ir_reduce_params(view: view, kind: kind)
    let input = Guarded(values(view.outer * view.axis * view.inner).map { $0 + 0.5 })
    var expected: [Double] = []
    Self.forEachLine(view) { line in
      expected.append(Self.reduced(kind, line.map { Double(input.pointer[$0]) }))
    }
    expectEverywhere(expected, tolerance: 2e-6, "\(kind) \(view)") { threads in
      let output = Guarded<Float>(count: expected.count)
      let scratch = workspace(ir_reduce_workspace(&params, threads))
      ir_reduce(&params, input.pointer, output.pointer, scratch.pointer, threads)
      return output.elements
    }
  }

  @Test(arguments: [1, 20]) func reductionOverNothingIsTheIdentity(_ inner: Int) {
    for (kind, identity) in [
      (IR_REDUCTION_SUM, 0), (IR_REDUCTION_PRODUCT, 1), (IR_REDUCTION_MAX, -Double.infinity),
      (IR_REDUCTION_LOG_SUM_EXP, -Double.infinity),
    ] {
      var params = ir_reduce_params(
        view: ir_axis_view(outer: 2, axis: 0, inner: inner), kind: kind)
      let input = Guarded<Float>(count: 0)
      let expected = [Double](repeating: identity, count: 2 * inner)
      expectEverywhere(expected, tolerance: 0, "\(kind)") { threads in
        let output = Guarded<Float>(count: 2 * inner)
        let scratch = workspace(ir_reduce_workspace(&params, threads))
        ir_reduce(&params, input.pointer, output.pointer, scratch.pointer, threads)
        return output.elements
      }
    }
  }

  @Test(arguments: [(1, 6, 1, 1), (2, 6, 35, 3), (1, 3, 20001, 3), (1, 5, 9000, 1), (2, 4, 17, 4)])
  func groupNormalize(_ batch: Int, _ channels: Int, _ inner: Int, _ groups: Int) {
    var params = ir_group_normalize_params(
      batch: batch, channels: channels, inner: inner, groups: groups, epsilon: 1e-5)
    let input = Guarded(values(batch * channels * inner).map { $0 + 2 })
    let scale = Guarded(values(channels, seed: 2))
    let bias = Guarded(values(channels, seed: 3))
    let slice = channels / groups * inner
    var results: [Double] = []
    for s in 0..<(batch * groups) {
      let x = (0..<slice).map { Double(input.pointer[s * slice + $0]) }
      let mean = x.reduce(0, +) / Double(slice)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(slice)
      for j in 0..<slice {
        let c = (s * slice + j) / inner % channels
        results.append(
          (x[j] - mean) / (variance + 1e-5).squareRoot() * Double(scale.pointer[c])
            + Double(bias.pointer[c]))
      }
    }
    expectEverywhere(results, tolerance: 1e-5, "group \(params)") { threads in
      let output = Guarded(input.elements)
      let scratch = workspace(ir_group_normalize_workspace(&params, threads))
      ir_group_normalize(
        &params, output.pointer, scale.pointer, bias.pointer, output.pointer, scratch.pointer,
        threads)
      return output.elements
    }
  }
}
