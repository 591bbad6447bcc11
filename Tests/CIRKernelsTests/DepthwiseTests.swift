import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  /// The results of a depthwise convolution of some columns of planes, by channel and row.
  private func depthwise(
    _ window: Window, _ function: ir_elementwise_opcode = IR_ELEMENTWISE_COPY
  ) -> [Float] {
    var p = window.convolution
    p.function = function
    let wide = 70
    let planes = values(p.input_channels * p.input_height * wide)
    let rows = p.input_channels * p.input_height
    let input = Guarded((0..<rows).flatMap { planes[($0 * wide)..<($0 * wide + p.input_width)] })
    let taps = p.kernel_height * p.kernel_width
    let weights = Guarded(values(p.output_channels * taps, seed: 2))
    let bias = Guarded(values(p.output_channels, seed: 3))
    let output = Guarded<Float>(count: p.output_channels * p.output_height * p.output_width)
    let scratch = workspace(ir_conv2d_workspace(&p, 1))
    ir_conv2d(&p, input.pointer, weights.pointer, bias.pointer, nil, output.pointer, scratch.pointer, 1)
    return output.elements
  }

  /// Narrow planes have a channel in each lane, wide ones vectors along rows: the bits are the same.
  @Test(arguments: [3, 5]) func depthwiseFormsHaveTheSameBits(kernel: Int) {
    for isa in availableISAs {
      ir_kernels_select(isa)
      func window(_ width: Int) -> Window {
        Window(
          channels: (24, 24), size: (9, width), kernel: (kernel, kernel),
          pads: (kernel / 2, kernel / 2, kernel / 2, kernel / 2), groups: 24)
      }
      let (wide, narrow) = (depthwise(window(70)), depthwise(window(12)))
      let kept = 12 - kernel / 2
      var different = 0
      for row in 0..<(24 * 9) {
        for x in 0..<kept
        where wide[row * 70 + x].bitPattern != narrow[row * 12 + x].bitPattern {
          different += 1
        }
      }
      #expect(different == 0)
    }
    ir_kernels_select(ir_isa_best())
  }

  @Test(arguments: [(2, 70), (24, 12), (24, 61)]) func depthwiseAppliesAFunction(channels: Int, width: Int) {
    for stride in 1...2 {
      let window = Window(
        channels: (channels, channels), size: (9, width), kernel: (3, 3), stride: (stride, stride),
        pads: (1, 1, 1, 1), groups: channels)
      let plain = depthwise(window)
      let found = depthwise(window, IR_ELEMENTWISE_HARD_SWISH)
      for (x, y) in zip(plain, found) {
        #expect(abs(y - x * max(0, min(1, x / 6 + 0.5))) <= 1e-6 * max(1, abs(x)))
      }
    }
  }
}
