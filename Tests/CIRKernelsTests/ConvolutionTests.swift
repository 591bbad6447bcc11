import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  struct Window {
    var batch = 1
    var channels: (input: Int, output: Int)
    var size: (height: Int, width: Int)
    var kernel: (height: Int, width: Int) = (1, 1)
    var stride: (y: Int, x: Int) = (1, 1)
    var dilation: (y: Int, x: Int) = (1, 1)
    /// Top, left, bottom, right.
    var pads: (Int, Int, Int, Int) = (0, 0, 0, 0)
    var groups = 1
    var activation = IR_ACTIVATION_NONE
    var slope: Float = 0
    var isFused = false
    var isBFloat16 = false

    func params(output: (height: Int, width: Int)) -> ir_conv2d_params {
      ir_conv2d_params(
        batch: batch, input_channels: channels.input, input_height: size.height,
        input_width: size.width, output_channels: channels.output, output_height: output.height,
        output_width: output.width, kernel_height: kernel.height, kernel_width: kernel.width,
        stride_y: stride.y, stride_x: stride.x, dilation_y: dilation.y, dilation_x: dilation.x,
        pad_top: pads.0, pad_left: pads.1, groups: groups, activation: activation, slope: slope,
        function: IR_ELEMENTWISE_COPY, p: 0, q: 0, is_bfloat16: isBFloat16)
    }

    /// Depthwise convolutions are of float32 in any case.
    var isRounded: Bool { isBFloat16 && !(groups > 1 && groups == channels.input) }

    var convolution: ir_conv2d_params {
      let reachY = (kernel.height - 1) * dilation.y + 1
      let reachX = (kernel.width - 1) * dilation.x + 1
      return params(
        output: (
          (size.height + pads.0 + pads.2 - reachY) / stride.y + 1,
          (size.width + pads.1 + pads.3 - reachX) / stride.x + 1
        ))
    }

    var transposed: ir_conv2d_params {
      params(
        output: (
          (size.height - 1) * stride.y + (kernel.height - 1) * dilation.y + 1 - pads.0 - pads.2,
          (size.width - 1) * stride.x + (kernel.width - 1) * dilation.x + 1 - pads.1 - pads.3
        ))
    }
  }

  /// Calls `body` with every (input, weight, output) index that meets in a convolution of
  /// `outer` extents with `p`'s window; `inner` is the strided grid.
  static func forEachTap(
    _ p: ir_conv2d_params, grid: (Int, Int), plane: (Int, Int),
    _ body: (_ gridY: Int, _ gridX: Int, _ planeY: Int, _ planeX: Int, _ tap: Int) -> Void
  ) {
    for gy in 0..<grid.0 {
      for gx in 0..<grid.1 {
        for ky in 0..<p.kernel_height {
          for kx in 0..<p.kernel_width {
            let y = gy * p.stride_y + ky * p.dilation_y - p.pad_top
            let x = gx * p.stride_x + kx * p.dilation_x - p.pad_left
            guard y >= 0, y < plane.0, x >= 0, x < plane.1 else { continue }
            body(gy, gx, y, x, ky * p.kernel_width + kx)
          }
        }
      }
    }
  }

  static let windows: [Window] =
    [1, 15, 16, 17, 31, 32, 33, 300].map { Window(channels: (3, 5), size: (1, $0)) }
    + [
      Window(channels: (48, 127), size: (9, 11), isFused: true),
      Window(channels: (127, 255), size: (8, 32), activation: IR_ACTIVATION_RELU, isFused: true),
      Window(channels: (600, 20), size: (5, 7), isFused: true),
      Window(batch: 2, channels: (7, 9), size: (10, 64), kernel: (3, 3), pads: (1, 1, 1, 1)),
      Window(channels: (60, 9), size: (5, 33), kernel: (3, 3), pads: (1, 1, 1, 1), isFused: true),
      Window(channels: (5, 3), size: (13, 17), kernel: (3, 2), stride: (2, 3), pads: (0, 1, 2, 0)),
      Window(channels: (4, 6), size: (20, 70), kernel: (3, 3), dilation: (2, 3), pads: (2, 3, 2, 3)),
      Window(channels: (2, 3), size: (40, 40), kernel: (7, 7), stride: (2, 1), pads: (3, 3, 3, 3)),
      Window(
        batch: 2, channels: (6, 9), size: (11, 12), kernel: (3, 3), pads: (1, 1, 1, 1), groups: 3,
        activation: IR_ACTIVATION_RELU, isFused: true),
      Window(channels: (4, 4), size: (6, 5), kernel: (2, 2), stride: (2, 2), groups: 2),
      // Few columns and many rows: columns are packed once for all parts of the rows.
      Window(
        batch: 2, channels: (70, 200), size: (7, 7), kernel: (3, 3), pads: (1, 1, 1, 1), isFused: true),
      Window(
        channels: (60, 240), size: (14, 14), kernel: (3, 3), stride: (2, 2), pads: (1, 1, 1, 1), groups: 2),
    ]

  static let depthwiseWindows: [Window] =
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 34, 50].map {
      Window(
        channels: (3, 3), size: ($0 % 5 + 1, $0), kernel: (3, 3), pads: (1, 1, 1, 1), groups: 3,
        isFused: $0 % 2 == 0)
    }
    + [
      Window(batch: 2, channels: (5, 10), size: (70, 19), kernel: (3, 3), pads: (1, 1, 1, 1), groups: 5),
      Window(channels: (4, 4), size: (9, 40), kernel: (5, 5), pads: (2, 2, 2, 2), groups: 4, isFused: true),
      Window(
        channels: (4, 4), size: (12, 41), kernel: (3, 3), stride: (2, 2), pads: (1, 1, 1, 1),
        groups: 4, activation: IR_ACTIVATION_RELU),
      Window(channels: (2, 2), size: (9, 9), kernel: (3, 3), dilation: (3, 2), pads: (4, 9, 1, 3), groups: 2),
      Window(
        batch: 2, channels: (3, 6), size: (75, 70), kernel: (5, 5), stride: (2, 3), dilation: (1, 2),
        pads: (2, 5, 2, 1),
        groups: 3, isFused: true),
      Window(
        channels: (2, 2), size: (40, 80), kernel: (17, 17), stride: (1, 2), pads: (8, 8, 8, 8), groups: 2,
        isFused: true),
      // Of so many channels each may have a lane.
      Window(
        batch: 2, channels: (19, 19), size: (7, 7), kernel: (5, 5), pads: (2, 2, 2, 2), groups: 19,
        activation: IR_ACTIVATION_RELU, isFused: true),
      Window(channels: (48, 48), size: (14, 14), kernel: (3, 3), pads: (1, 1, 1, 1), groups: 48),
      Window(
        channels: (21, 21), size: (61, 70), kernel: (5, 3), stride: (2, 2), pads: (2, 1, 1, 1), groups: 21,
        isFused: true),
      Window(
        channels: (33, 33), size: (5, 2), kernel: (7, 7), dilation: (1, 3), pads: (3, 20, 3, 9), groups: 33,
        activation: IR_ACTIVATION_RELU),
      // Whose rows are too long for that.
      Window(
        channels: (16, 16), size: (9, 3000), kernel: (3, 3), stride: (2, 2), pads: (1, 1, 1, 1), groups: 16),
    ]

  /// Windows that reach far beyond the feature map.
  static let partlyOutside: [Window] = [
    Window(
      channels: (40, 100), size: (16, 16), kernel: (3, 3), dilation: (12, 12), pads: (12, 12, 12, 12),
      activation: IR_ACTIVATION_RELU, isFused: true),
    Window(
      batch: 2, channels: (6, 7), size: (9, 30), kernel: (3, 5), stride: (1, 2), dilation: (7, 6),
      pads: (7, 12, 7, 12), isFused: true),
    Window(channels: (600, 9), size: (5, 6), kernel: (2, 3), dilation: (4, 9), pads: (30, 9, 2, 40)),
    Window(channels: (16, 20), size: (40, 41), kernel: (3, 1), dilation: (30, 1), pads: (30, 0, 30, 0)),
  ]

  @Test(arguments: partlyOutside.indices, [false, true])
  func conv2dOfParts(_ index: Int, isBFloat16: Bool) {
    var window = Self.partlyOutside[index]
    window.isBFloat16 = isBFloat16
    checkConvolution(window, tolerance: 1e-5) { p, weights, input, bias, output, threads in
      #expect(ir_conv2d_has_parts(&p))
      let packed = Guarded<Float>(count: ir_conv2d_packed_weights_count(&p))
      ir_conv2d_pack_weights(&p, weights, packed.pointer)
      let scratch = workspace(ir_conv2d_parts_workspace(&p, threads))
      ir_conv2d_parts(
        &p, input, packed.pointer, bias, bias == nil ? nil : UnsafePointer(output), output, scratch.pointer,
        threads)
    }
  }

  @Test(arguments: (windows + depthwiseWindows).indices, [false, true])
  func conv2d(_ index: Int, isBFloat16: Bool) {
    var window = (Self.windows + Self.depthwiseWindows)[index]
    window.isBFloat16 = isBFloat16
    checkConvolution(window, tolerance: 1e-5) { p, weights, input, bias, output, threads in
      let packed = Guarded<Float>(count: ir_conv2d_packed_weights_count(&p))
      ir_conv2d_pack_weights(&p, weights, packed.pointer)
      let scratch = workspace(ir_conv2d_workspace(&p, threads))
      ir_conv2d(
        &p, input, packed.pointer, bias, bias == nil ? nil : UnsafePointer(output), output,
        scratch.pointer, threads)
    }
  }

  @Test(arguments: [(1, 5, 3), (3, 33, 70), (2, 300, 500)]) func conv2dOfOnePixel(
    batch: Int, input: Int, output: Int
  ) {
    for isFused in [false, true] {
      let window = Window(
        batch: batch, channels: (input, output), size: (1, 1),
        activation: isFused ? IR_ACTIVATION_RELU : IR_ACTIVATION_NONE, isFused: isFused)
      checkConvolution(window, tolerance: 1e-5) { p, weights, input, bias, output, threads in
        #expect(ir_conv2d_is_pixel(&p))
        ir_conv2d_pixel(
          &p, input, ir_weights(numbers: weights, is_half: false), bias,
          bias == nil ? nil : UnsafePointer(output), output, nil, threads)
      }
    }
  }

  /// Calls a driver on random operands, and compares with the sums in double precision.
  func checkConvolution(
    _ window: Window, tolerance: Double,
    _ run: (
      inout ir_conv2d_params, _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>,
      _ bias: UnsafePointer<Float>?, _ output: UnsafeMutablePointer<Float>, _ threads: Int32
    ) -> Void
  ) {
    var p = window.convolution
    let perGroup = (input: p.input_channels / p.groups, output: p.output_channels / p.groups)
    let taps = p.kernel_height * p.kernel_width
    let plane = p.input_height * p.input_width
    let grid = p.output_height * p.output_width
    let input = Guarded(values(p.batch * p.input_channels * plane))
    let weights = Guarded(values(p.output_channels * perGroup.input * taps, seed: 2))
    let pixels = Self.operands(input.elements, window.isRounded)
    let factors = Self.operands(weights.elements, window.isRounded)
    var expected = [Double](repeating: 0, count: p.batch * p.output_channels * grid)
    for image in 0..<p.batch {
      for o in 0..<p.output_channels {
        for i in 0..<perGroup.input {
          let source = (image * p.input_channels + o / perGroup.output * perGroup.input + i) * plane
          Self.forEachTap(
            p, grid: (p.output_height, p.output_width), plane: (p.input_height, p.input_width)
          ) { gy, gx, y, x, tap in
            expected[(image * p.output_channels + o) * grid + gy * p.output_width + gx] +=
              pixels[source + y * p.input_width + x] * factors[(o * perGroup.input + i) * taps + tap]
          }
        }
      }
    }
    check(window, &p, input, &expected, tolerance) { p, bias, output, threads in
      run(&p, weights.pointer, input.pointer, bias, output, threads)
    }
  }

  static let transposedWindows: [Window] = [
    Window(channels: (5, 7), size: (6, 9), kernel: (2, 2), stride: (2, 2)),
    Window(batch: 2, channels: (3, 40), size: (7, 33), kernel: (3, 3), pads: (1, 1, 1, 1), isFused: true),
    Window(channels: (4, 4), size: (9, 11), kernel: (4, 4), stride: (2, 2), pads: (1, 1, 1, 1), groups: 2),
    Window(
      channels: (6, 3), size: (8, 7), kernel: (3, 5), stride: (2, 3), pads: (1, 2, 0, 1),
      activation: IR_ACTIVATION_RELU, isFused: true),
    Window(channels: (2, 3), size: (5, 6), kernel: (3, 3), stride: (4, 4), isFused: true),
    Window(
      channels: (3, 2), size: (6, 6), kernel: (3, 3), stride: (2, 3), dilation: (2, 2), pads: (1, 0, 0, 1)),
    Window(channels: (600, 3), size: (4, 5), kernel: (2, 2), stride: (1, 2)),
  ]

  @Test(arguments: transposedWindows.indices, [false, true])
  func conv2dTranspose(_ index: Int, isBFloat16: Bool) {
    var window = Self.transposedWindows[index]
    window.isBFloat16 = isBFloat16
    var p = window.transposed
    let perGroup = (input: p.input_channels / p.groups, output: p.output_channels / p.groups)
    let taps = p.kernel_height * p.kernel_width
    let grid = p.input_height * p.input_width
    let plane = p.output_height * p.output_width
    let input = Guarded(values(p.batch * p.input_channels * grid))
    let weights = Guarded(values(p.input_channels * perGroup.output * taps, seed: 2))
    let pixels = Self.operands(input.elements, isBFloat16)
    let factors = Self.operands(weights.elements, isBFloat16)
    var expected = [Double](repeating: 0, count: p.batch * p.output_channels * plane)
    for image in 0..<p.batch {
      for i in 0..<p.input_channels {
        for o in 0..<perGroup.output {
          let target = image * p.output_channels + i / perGroup.input * perGroup.output + o
          Self.forEachTap(
            p, grid: (p.input_height, p.input_width), plane: (p.output_height, p.output_width)
          ) { gy, gx, y, x, tap in
            let source = (image * p.input_channels + i) * grid + gy * p.input_width + gx
            expected[target * plane + y * p.output_width + x] +=
              pixels[source] * factors[(i * perGroup.output + o) * taps + tap]
          }
        }
      }
    }
    check(window, &p, input, &expected) { p, bias, output, threads in
      let packed = Guarded<Float>(count: ir_conv2d_transpose_packed_weights_count(&p))
      ir_conv2d_transpose_pack_weights(&p, weights.pointer, packed.pointer)
      let scratch = workspace(ir_conv2d_transpose_workspace(&p, threads))
      ir_conv2d_transpose(
        &p, input.pointer, packed.pointer, bias, bias == nil ? nil : UnsafePointer(output), output,
        scratch.pointer, threads)
    }
  }

  /// Adds what is fused to `expected` and compares; the residual is the output itself.
  private func check(
    _ window: Window, _ p: inout ir_conv2d_params, _ input: Guarded<Float>,
    _ expected: inout [Double], _ tolerance: Double = 1e-5,
    _ run: (inout ir_conv2d_params, UnsafePointer<Float>?, UnsafeMutablePointer<Float>, Int32) ->
      Void
  ) {
    let bias = Guarded(values(p.output_channels, seed: 3))
    let residual = values(expected.count, seed: 4)
    let plane = p.output_height * p.output_width
    for i in expected.indices {
      if window.isFused {
        expected[i] += Double(bias.pointer[i / plane % p.output_channels]) + Double(residual[i])
      }
      if window.activation == IR_ACTIVATION_RELU { expected[i] = max(0, expected[i]) }
      if window.activation == IR_ACTIVATION_LEAKY_RELU, expected[i] < 0 {
        expected[i] *= Double(window.slope)
      }
    }
    var bits: [[UInt32]] = []
    expectEverywhere(expected, tolerance: tolerance, "\(window)") { [p] threads in
      var p = p
      let output = Guarded(residual)
      run(&p, window.isFused ? UnsafePointer(bias.pointer) : nil, output.pointer, threads)
      bits.append(output.elements.map(\.bitPattern))
      return output.elements
    }
    if window.isRounded { #expect(bits.allSatisfy { $0 == bits[0] }, "\(window)") }
  }
}
