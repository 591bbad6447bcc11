import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  private static func window(
    _ input: Int, _ output: Int, _ height: Int, _ width: Int, pads: (Int, Int, Int, Int) = (1, 1, 1, 1),
    batch: Int = 1, isFused: Bool = false, activation: ir_activation = IR_ACTIVATION_NONE, slope: Float = 0
  ) -> Window {
    Window(
      batch: batch, channels: (input, output), size: (height, width), kernel: (3, 3), pads: pads,
      activation: activation, slope: slope, isFused: isFused)
  }

  /// Pictures below a tile, beside one, below and beside a strip and a panel of every ISA; pads that differ.
  static let winogradWindows: [Window] =
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 18, 31, 33, 63, 65].map {
      window(3, 5, $0 % 7 + 1, $0, isFused: $0 % 2 == 0)
    } + [
      window(33, 47, 13, 21, isFused: true, activation: IR_ACTIVATION_RELU),
      window(40, 200, 6, 9, batch: 2, activation: IR_ACTIVATION_RELU),
      window(34, 33, 9, 37, isFused: true, activation: IR_ACTIVATION_LEAKY_RELU, slope: 0.2),
      window(7, 9, 30, 30, pads: (0, 0, 0, 0)), window(7, 9, 11, 13, pads: (2, 2, 2, 2), isFused: true),
      window(5, 6, 12, 19, pads: (0, 2, 3, 1)), window(2, 3, 1, 1, pads: (4, 5, 4, 5)),
      window(600, 14, 5, 6),
    ]

  @Test(arguments: winogradWindows.indices) func winograd(_ index: Int) {
    let window = Self.winogradWindows[index]
    let products = Double(9 * window.channels.input)
    checkConvolution(window, tolerance: 1e-5 + 2e-7 * products) { p, weights, input, bias, output, threads in
      runWinograd(&p, weights, input, bias, output, threads)
    }
  }

  /// The same bits from weights that are evaluated in the run, of float32 and binary16, in both precisions.
  @Test(arguments: winogradWindows.indices + [winogradWindows.count], [false, true])
  func winogradStreamed(_ index: Int, _ isBFloat16: Bool) {
    // The last one has more tiles than weights are evaluated for at once.
    let window =
      index < Self.winogradWindows.count
      ? Self.winogradWindows[index] : Self.window(5, 6, 104, 100, isFused: true)
    var p = window.convolution
    p.is_bfloat16 = isBFloat16
    let count = p.output_channels * p.input_channels * 9
    let halves = Guarded(values(count, seed: 2).map { Float16($0) })
    let weights = Guarded(halves.elements.map { Float($0) })
    let input = Guarded(values(p.batch * p.input_channels * p.input_height * p.input_width))
    let bias = Guarded(values(p.output_channels, seed: 3))
    let initial = values(p.batch * p.output_channels * p.output_height * p.output_width, seed: 4)
    for isa in availableISAs {
      ir_kernels_select(isa)
      let expected = Guarded(initial)
      runWinograd(
        &p, weights.pointer, input.pointer, window.isFused ? bias.pointer : nil, expected.pointer, 2)
      for (stored, threads) in [
        (ir_weights(numbers: halves.pointer, is_half: true), 1),
        (ir_weights(numbers: halves.pointer, is_half: true), 3),
        (ir_weights(numbers: weights.pointer, is_half: false), 2),
      ] as [(ir_weights, Int32)] {
        let output = Guarded(initial)
        let scratch = workspace(ir_conv2d_winograd_streamed_workspace(&p, stored.is_half, threads))
        ir_conv2d_winograd_streamed(
          &p, input.pointer, stored, window.isFused ? bias.pointer : nil,
          window.isFused ? UnsafePointer(output.pointer) : nil, output.pointer, scratch.pointer, threads)
        let different = zip(output.elements, expected.elements).count { $0.bitPattern != $1.bitPattern }
        #expect(
          different == 0,
          "isa \(isa.rawValue), half \(stored.is_half), \(threads) threads")
      }
    }
    ir_kernels_select(ir_isa_best())
  }

  /// Sums whose products cancel: errors stay small beside the products.
  @Test func winogradOfCancellingProducts() {
    let channels = 48
    var p = Self.window(channels, 32, 20, 20).convolution
    let input = Guarded(values(channels * 400).map { $0 + 100 })
    var numbers = values(32 * channels * 9, seed: 2)
    for start in stride(from: 0, to: numbers.count, by: 9) {
      let mean = numbers[start..<(start + 9)].reduce(0, +) / 9
      for index in start..<(start + 9) { numbers[index] -= mean }
    }
    let weights = Guarded(numbers)
    var expected = [Double](repeating: 0, count: 32 * 400)
    var magnitude = expected
    for o in 0..<32 {
      for i in 0..<channels {
        Self.forEachTap(p, grid: (20, 20), plane: (20, 20)) { gy, gx, y, x, tap in
          let product =
            Double(input.pointer[i * 400 + y * 20 + x]) * Double(numbers[(o * channels + i) * 9 + tap])
          expected[o * 400 + gy * 20 + gx] += product
          magnitude[o * 400 + gy * 20 + gx] += abs(product)
        }
      }
    }
    let bound = 5e-7 * (magnitude.max() ?? 0)
    for isa in availableISAs {
      ir_kernels_select(isa)
      let output = Guarded<Float>(count: expected.count)
      runWinograd(&p, weights.pointer, input.pointer, nil, output.pointer, 2)
      let errors = zip(output.elements, expected).map { abs(Double($0) - $1) }
      #expect(errors.max() ?? 0 <= bound, "isa \(isa.rawValue)")
    }
    ir_kernels_select(ir_isa_best())
  }
}

func runWinograd(
  _ p: inout ir_conv2d_params, _ weights: UnsafePointer<Float>, _ input: UnsafePointer<Float>,
  _ bias: UnsafePointer<Float>?, _ output: UnsafeMutablePointer<Float>, _ threads: Int32
) {
  let packed = Guarded<Float>(count: ir_conv2d_winograd_packed_weights_count(&p))
  ir_conv2d_winograd_pack_weights(&p, weights, packed.pointer)
  let scratch = workspace(ir_conv2d_winograd_workspace(&p, threads))
  ir_conv2d_winograd(
    &p, input, packed.pointer, bias, bias == nil ? nil : UnsafePointer(output), output, scratch.pointer,
    threads)
}
