import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  /// Windows at the points, as pairs, are what the kernel of float32 gives, rounded.
  @Test(arguments: [1, 2, 5], [true, false]) func winogradInputPairs(_ channels: Int, _ isInside: Bool) {
    for isa in availableISAs {
      ir_kernels_select(isa)
      let kernels = ir_kernels().pointee
      let (lanes, vectors) = (kernels.lanes, kernels.gemm_columns / kernels.lanes)
      let (height, width) = (6, lanes * 8 + 2)
      let input = Guarded(values(channels * height * width, seed: 8))
      let strips = (0..<(4 * vectors)).map { index in
        var strip = ir_winograd_strip()
        assign(&strip.input_rows, (0..<height).map { $0 * width + index % 8 * lanes })
        strip.is_inside = isInside
        (strip.first_row, strip.last_row) = (isInside ? 0 : 1, isInside ? 6 : 5)
        (strip.first_column, strip.last_column) = (isInside ? 0 : 2, isInside ? lanes + 2 : lanes)
        return strip
      }
      for pair in 0..<Int(IR_WINOGRAD_PAIRS) {
        func evaluated(_ depth: Int, _ kernel: (UnsafePointer<ir_winograd_input>?) -> Void) -> Guarded<Float>
        {
          let output = Guarded<Float>(count: 12 * depth * vectors * lanes)
          strips.withUnsafeBufferPointer { strips in
            var call = ir_winograd_input(
              channels: channels, vectors: vectors, pair: pair, input: UnsafePointer(input.pointer),
              plane_stride: height * width, strips: strips.baseAddress, output: output.pointer,
              point_stride: depth * vectors * lanes)
            kernel(&call)
          }
          return output
        }
        let exact = evaluated(channels) { kernels.f32_winograd_input($0) }
        let found = evaluated((channels + 1) / 2) { kernels.bf16_winograd_input($0) }
        var expected: [UInt32] = []
        for point in 0..<12 {
          let pairs = Guarded<Float>(count: (channels + 1) / 2 * vectors * lanes)
          kernels.bf16_pair_rows(
            channels, vectors * lanes, exact.pointer + point * channels * vectors * lanes, pairs.pointer)
          expected += pairs.elements.map(\.bitPattern)
        }
        #expect(found.elements.map(\.bitPattern) == expected, "isa \(isa.rawValue), pair \(pair)")
      }
    }
    ir_kernels_select(ir_isa_best())
  }

  /// The points of a tile: windows to points, weights to points, points to results.
  private static let (a, b) = (0.5.squareRoot(), 2.0.squareRoot())
  private static let inputMatrix: [[Double]] = [
    [1, 0, -2.5, 0, 1, 0], [0, -2 * a, -2, a, 1, 0], [0, 2 * a, -2, -a, 1, 0],
    [0, -0.5 * b, -0.5, b, 1, 0], [0, 0.5 * b, -0.5, -b, 1, 0], [0, 1, 0, -2.5, 0, 1],
  ]
  private static let weightMatrix: [[Double]] = [
    [1, 0, 0], [-2.0 / 3, -2 * a / 3, -1.0 / 3], [-2.0 / 3, 2 * a / 3, -1.0 / 3],
    [1.0 / 6, b / 6, 2.0 / 6], [1.0 / 6, -b / 6, 2.0 / 6], [0, 0, 1],
  ]
  private static let outputMatrix: [[Double]] = [
    [1, 1, 1, 1, 1, 0], [0, a, -a, b, -b, 0], [0, 0.5, 0.5, 2, 2, 0], [0, a / 2, -a / 2, 2 * b, -2 * b, 1],
  ]

  /// matrix * x * matrixᵀ of a square x.
  private static func onBothSides(_ matrix: [[Double]], _ x: [[Double]]) -> [[Double]] {
    let rows = matrix.map { row in
      (0..<x[0].count).map { j in (0..<x.count).reduce(0) { $0 + row[$1] * x[$1][j] } }
    }
    return rows.map { own in matrix.map { row in (0..<own.count).reduce(0) { $0 + own[$1] * row[$1] } } }
  }

  /// Sums of products of windows and weights that were rounded at the points, by the matrices of the form.
  @Test(arguments: [(3, 5, 9, 21), (7, 6, 4, 40), (33, 47, 13, 21)])
  func winogradOfBFloat16(_ inputs: Int, _ outputs: Int, _ height: Int, _ width: Int) {
    var p = Window(
      channels: (inputs, outputs), size: (height, width), kernel: (3, 3), pads: (1, 1, 1, 1),
      isBFloat16: true
    ).convolution
    let input = Guarded(values(inputs * height * width))
    let weights = Guarded(values(outputs * inputs * 9, seed: 2))
    func rounded(_ x: [[Double]]) -> [[Double]] { x.map { $0.map { Double(Self.nearest(Float($0))) } } }
    let factors = (0..<(outputs * inputs)).map { pair in
      rounded(
        Self.onBothSides(
          Self.weightMatrix,
          (0..<3).map { y in (0..<3).map { Double(weights.pointer[pair * 9 + y * 3 + $0]) } }))
    }
    var expected = [Double](repeating: 0, count: outputs * height * width)
    for top in stride(from: 0, to: height, by: 4) {
      for left in stride(from: 0, to: width, by: 4) {
        let windows = (0..<inputs).map { channel in
          rounded(
            Self.onBothSides(
              Self.inputMatrix,
              (top..<(top + 6)).map { y in
                (left..<(left + 6)).map { x in
                  guard (1...height).contains(y), (1...width).contains(x) else { return 0 }
                  return Double(input.pointer[(channel * height + y - 1) * width + x - 1])
                }
              }))
        }
        for o in 0..<outputs {
          var sums = [[Double]](repeating: [Double](repeating: 0, count: 6), count: 6)
          for (i, window) in windows.enumerated() {
            for y in 0..<6 { for x in 0..<6 { sums[y][x] += window[y][x] * factors[o * inputs + i][y][x] } }
          }
          let results = Self.onBothSides(Self.outputMatrix, sums)
          for y in 0..<min(4, height - top) {
            for x in 0..<min(4, width - left) {
              expected[(o * height + top + y) * width + left + x] = results[y][x]
            }
          }
        }
      }
    }
    // A number as near to one bfloat16 as to another may become either.
    expectEverywhere(expected, tolerance: 0.05, "\(inputs) to \(outputs) channels") { threads in
      let output = Guarded<Float>(count: expected.count)
      runWinograd(&p, weights.pointer, input.pointer, nil, output.pointer, threads)
      return output.elements
    }
  }
}
