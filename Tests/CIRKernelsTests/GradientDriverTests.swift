import CIRKernels
import CIROperators
import IRTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension KernelTests {
  /// Products that are cut: into blocks of rows and of columns, into parts, into chunks of several images and
  /// of parts of one; read in place and copied.
  static let cutWindows = [
    Window(batch: 3, channels: (70, 50), size: (40, 41)), Window(batch: 5, channels: (20, 100), size: (9, 7)),
    Window(batch: 3, channels: (2, 3), size: (2, 1100)),
    Window(batch: 3, channels: (9, 49), size: (21, 30), kernel: (3, 3), pads: (1, 1, 1, 1)),
    Window(batch: 2, channels: (6, 100), size: (20, 30), kernel: (2, 2), stride: (2, 2), groups: 2),
  ]
  static let gradientWindows = windows + depthwiseWindows + cutWindows

  @Test(arguments: gradientWindows.indices) func conv2dWeightGradient(_ index: Int) {
    var p = Self.gradientWindows[index].convolution
    let perGroup = (input: p.input_channels / p.groups, output: p.output_channels / p.groups)
    let taps = p.kernel_height * p.kernel_width
    let plane = p.input_height * p.input_width
    let grid = p.output_height * p.output_width
    let input = Guarded(values(p.batch * p.input_channels * plane))
    let cotangent = Guarded(values(p.batch * p.output_channels * grid, seed: 2))
    let count = p.output_channels * perGroup.input * taps
    var expected = [Double](repeating: 0, count: count)
    for image in 0..<p.batch {
      for o in 0..<p.output_channels {
        for i in 0..<perGroup.input {
          let source = (image * p.input_channels + o / perGroup.output * perGroup.input + i) * plane
          Self.forEachTap(
            p, grid: (p.output_height, p.output_width), plane: (p.input_height, p.input_width)
          ) { gy, gx, y, x, tap in
            expected[(o * perGroup.input + i) * taps + tap] +=
              Double(input.pointer[source + y * p.input_width + x])
              * Double(cotangent.pointer[(image * p.output_channels + o) * grid + gy * p.output_width + gx])
          }
        }
      }
    }
    let tolerance = 4e-6 + 4e-8 * Double(p.batch * grid)
    expectEverywhere(expected, tolerance: tolerance, "\(p)") { threads in
      let output = Guarded<Float>(count: count)
      let scratch = workspace(ir_conv2d_weight_gradient_workspace(&p, threads))
      ir_conv2d_weight_gradient(
        &p, input.pointer, cotangent.pointer, output.pointer, scratch.pointer, threads)
      return output.elements
    }
  }

  static let normalizedViews: [(outer: Int, axis: Int, inner: Int)] = [
    (1, 1, 1), (3, 7, 1), (70, 33, 1), (1, 5, 3), (2, 16, 15), (2, 17, 16), (3, 48, 17), (1, 9, 300),
    (2, 6, 513), (1, 40, 133),
  ]

  @Test(arguments: normalizedViews.indices, [true, false])
  func layerNormalizationGradient(_ index: Int, _ hasScale: Bool) {
    for hasAddend in [false, true] { checkNormalizationGradient(index, hasScale, hasAddend) }
  }

  private func checkNormalizationGradient(_ index: Int, _ hasScale: Bool, _ hasAddend: Bool) {
    let view = Self.normalizedViews[index]
    let count = view.outer * view.axis * view.inner
    let input = Guarded(values(count))
    let cotangent = Guarded(values(count, seed: 2))
    let scale = Guarded(values(view.axis, seed: 3))
    let addend = Guarded(values(count, seed: 4))
    let epsilon = 1e-3
    var expected = [Double](repeating: 0, count: count + 2 * view.axis)
    for outer in 0..<view.outer {
      for inner in 0..<view.inner {
        let places = (0..<view.axis).map { (outer * view.axis + $0) * view.inner + inner }
        let x = places.map { Double(input.pointer[$0]) }
        let c = places.map { Double(cotangent.pointer[$0]) }
        let n = Double(view.axis)
        let mean = x.reduce(0, +) / n
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
        let factor = 1 / sqrt(variance + epsilon)
        let normal = x.map { ($0 - mean) * factor }
        let g = c.enumerated().map { $1 * (hasScale ? Double(scale.pointer[$0]) : 1) }
        let (gMean, dot) = (g.reduce(0, +) / n, zip(g, normal).reduce(0) { $0 + $1.0 * $1.1 } / n)
        for k in 0..<view.axis {
          let other = hasAddend ? Double(addend.pointer[places[k]]) : 0
          expected[places[k]] = factor * (g[k] - gMean - normal[k] * dot) + other
          expected[count + k] += c[k] * normal[k]
          expected[count + view.axis + k] += c[k]
        }
      }
    }
    expectEverywhere(expected, tolerance: 5e-5, "\(view)") { threads in
      var p = ir_layer_normalization_gradient_params(
        view: ir_axis_view(outer: view.outer, axis: view.axis, inner: view.inner), epsilon: Float(epsilon))
      let scratch = workspace(ir_layer_normalization_gradient_workspace(&p, threads))
      let output = Guarded<Float>(count: count)
      let (ofScale, ofBias) = (Guarded<Float>(count: view.axis), Guarded<Float>(count: view.axis))
      ir_layer_normalization_gradient(
        &p, input.pointer, cotangent.pointer, hasScale ? scale.pointer : nil,
        hasAddend ? UnsafePointer(addend.pointer) : nil, output.pointer, ofScale.pointer, ofBias.pointer,
        scratch.pointer, threads)
      return output.elements + ofScale.elements + ofBias.elements
    }
  }
}
