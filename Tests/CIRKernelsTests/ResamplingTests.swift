import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  @Test(arguments: [(1, 1, 1, 1, 1), (5, 7, 10, 15, 2), (33, 40, 70, 17, 4), (9, 3, 5, 64, 3)])
  func resize2d(_ h: Int, _ w: Int, _ oh: Int, _ ow: Int, _ taps: Int) {
    let planes = 3
    let input = Guarded(values(planes * h * w))
    // Any table will do: rows need not be ordered.
    let yIndices = Guarded((0..<oh * taps).map { Int32($0 * 31 % h) })
    let xIndices = Guarded((0..<ow * taps).map { Int32($0 * 17 % w) })
    let yWeights = Guarded(values(oh * taps, seed: 2))
    let xWeights = Guarded(values(ow * taps, seed: 3))
    var params = ir_resize2d_params(
      planes: planes, input_height: h, input_width: w, output_height: oh, output_width: ow,
      y: ir_resize_taps(tap_count: taps, indices: yIndices.pointer, weights: yWeights.pointer),
      x: ir_resize_taps(tap_count: taps, indices: xIndices.pointer, weights: xWeights.pointer))
    var expected: [Double] = []
    for plane in 0..<planes {
      for y in 0..<oh {
        for x in 0..<ow {
          var sum = 0.0
          for ty in y * taps..<(y + 1) * taps {
            for tx in x * taps..<(x + 1) * taps {
              let source =
                (plane * h + Int(yIndices.pointer[ty])) * w + Int(xIndices.pointer[tx])
              sum +=
                Double(yWeights.pointer[ty]) * Double(xWeights.pointer[tx])
                * Double(input.pointer[source])
            }
          }
          expected.append(sum)
        }
      }
    }
    expectEverywhere(expected, tolerance: 2e-6, "resize \(params)") { threads in
      let output = Guarded<Float>(count: expected.count)
      let scratch = workspace(ir_resize2d_workspace(&params, threads))
      ir_resize2d(&params, input.pointer, output.pointer, scratch.pointer, threads)
      return output.elements
    }
  }

  struct Pooling {
    var size: (height: Int, width: Int)
    var output: (height: Int, width: Int)
    var kernel: (Int, Int)
    var stride = (1, 1)
    var dilation = (1, 1)
    /// Top, left, bottom, right.
    var pads = (0, 0, 0, 0)
  }

  static let poolings: [Pooling] = [
    Pooling(size: (8, 64), output: (4, 32), kernel: (2, 2), stride: (2, 2)),
    Pooling(size: (9, 33), output: (9, 33), kernel: (3, 3), pads: (1, 1, 1, 1)),
    // Rounded up: the last windows reach past the pads.
    Pooling(size: (8, 10), output: (4, 5), kernel: (3, 3), stride: (2, 2)),
    Pooling(
      size: (20, 40), output: (8, 19), kernel: (3, 2), stride: (2, 2), dilation: (3, 2), pads: (1, 0, 1, 1)),
    Pooling(size: (50, 17), output: (1, 1), kernel: (50, 17)),
  ]

  @Test(arguments: poolings.indices, [0, 1, 2]) func pool2d(_ index: Int, _ variant: Int) {
    let pooling = Self.poolings[index]
    let (height, width) = pooling.size
    let planes = 3
    var params = ir_pool2d_params(
      planes: planes, input_height: height, input_width: width,
      output_height: pooling.output.height, output_width: pooling.output.width,
      kernel_height: pooling.kernel.0, kernel_width: pooling.kernel.1,
      stride_y: pooling.stride.0, stride_x: pooling.stride.1,
      dilation_y: pooling.dilation.0, dilation_x: pooling.dilation.1,
      pad_top: pooling.pads.0, pad_left: pooling.pads.1, pad_bottom: pooling.pads.2,
      pad_right: pooling.pads.3, kind: variant == 0 ? IR_POOLING_MAX : IR_POOLING_AVERAGE,
      counts_padding: variant == 2)
    let input = Guarded(values(planes * height * width))
    var expected: [Double] = []
    for plane in 0..<planes {
      for oy in 0..<pooling.output.height {
        for ox in 0..<pooling.output.width {
          var most = -Double.infinity
          var sum = 0.0
          var inside = 0.0
          var padded = 0.0
          for ky in 0..<pooling.kernel.0 {
            for kx in 0..<pooling.kernel.1 {
              let y = oy * pooling.stride.0 + ky * pooling.dilation.0 - pooling.pads.0
              let x = ox * pooling.stride.1 + kx * pooling.dilation.1 - pooling.pads.1
              if y < height + pooling.pads.2 && x < width + pooling.pads.3 { padded += 1 }
              guard y >= 0, y < height, x >= 0, x < width else { continue }
              inside += 1
              let value = Double(input.pointer[(plane * height + y) * width + x])
              most = max(most, value)
              sum += value
            }
          }
          expected.append(variant == 0 ? most : sum / (variant == 2 ? padded : inside))
        }
      }
    }
    expectEverywhere(expected, tolerance: 1e-6, "\(pooling) \(variant)") { threads in
      let output = Guarded<Float>(count: expected.count)
      ir_pool2d(&params, input.pointer, output.pointer, threads)
      return output.elements
    }
  }
}
