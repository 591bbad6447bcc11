import CIRKernels
import IRTestSupport
import Testing

extension KernelTests {
  /// The bfloat16 nearest to a number, of two as near the even one, as a float32.
  static func nearest(_ x: Float) -> Float {
    guard x.isFinite else { return x }
    let below = Float(bitPattern: x.bitPattern & 0xffff_0000)
    let above = Float(bitPattern: below.bitPattern &+ 0x1_0000)
    guard above.isFinite else { return (x - below).magnitude * 2 < below.ulp * 65536 ? below : above }
    let (down, up) = ((Double(x) - Double(below)).magnitude, (Double(above) - Double(x)).magnitude)
    if down != up { return down < up ? below : above }
    return below.bitPattern & 0x1_0000 == 0 ? below : above
  }

  /// The numbers that products are of.
  static func operands(_ numbers: [Float], _ isBFloat16: Bool) -> [Double] {
    numbers.map { Double(isBFloat16 ? nearest($0) : $0) }
  }

  /// Pairs of a depth, as the kernel rounds them.
  private static func pairs(
    _ input: Guarded<Float>, depth: Int, columns: Int, stride: Int
  ) -> (pairs: Guarded<Float>, width: Int) {
    let kernels = ir_kernels().pointee
    let width = (columns + kernels.lanes - 1) / kernels.lanes * kernels.lanes
    let pairs = Guarded<Float>(count: (depth + 1) / 2 * width)
    kernels.bf16_pairs(depth, columns, input.pointer, stride, pairs.pointer, width)
    return (pairs, width)
  }

  @Test(arguments: [1, 2, 3, 7], [1, 8, 15, 33]) func pairsAreRounded(_ depth: Int, _ columns: Int) {
    var numbers = values(depth * columns, seed: 5)
    let special: [Float] = [
      .infinity, -.infinity, .nan, 0, -0.0, 1 + 0x1p-8, 1 + 0x3p-8, -(1 + 0x1p-8), 1 + 0x1p-8 + 0x1p-20,
      .greatestFiniteMagnitude,
    ]
    for (index, number) in special.enumerated() where index < numbers.count { numbers[index] = number }
    let input = Guarded(numbers)
    for isa in availableISAs {
      ir_kernels_select(isa)
      let (pairs, width) = Self.pairs(input, depth: depth, columns: columns, stride: columns)
      for k in 0..<depth {
        for x in 0..<columns {
          let bits = pairs.pointer[k / 2 * width + x].bitPattern
          let found = Float(bitPattern: k % 2 == 0 ? bits << 16 : bits & 0xffff_0000)
          let expected = Self.nearest(numbers[k * columns + x])
          #expect(
            found.isNaN ? expected.isNaN : found.bitPattern == expected.bitPattern,
            "\(numbers[k * columns + x])")
        }
      }
      if depth % 2 == 1 {
        #expect((0..<columns).allSatisfy { pairs.pointer[depth / 2 * width + $0].bitPattern >> 16 == 0 })
      }
    }
    ir_kernels_select(ir_isa_best())
  }

  /// Rows that follow each other give the pairs of rows of whole vectors, neighbours those of two rows of
  /// every second number; in their place, and nothing beyond them.
  @Test(arguments: [1, 2, 5, 8], [1, 2, 7, 16, 31, 37]) func pairsInPlace(_ depth: Int, _ columns: Int) {
    let numbers = values(depth * columns, seed: 6)
    for isa in availableISAs {
      ir_kernels_select(isa)
      let kernels = ir_kernels().pointee
      let (pairs, width) = Self.pairs(Guarded(numbers), depth: depth, columns: columns, stride: columns)
      let expected = (0..<((depth + 1) / 2 * columns)).map {
        pairs.pointer[$0 / columns * width + $0 % columns].bitPattern
      }
      let apart = Guarded<Float>(count: expected.count)
      kernels.bf16_pair_rows(depth, columns, numbers, apart.pointer)
      #expect(apart.elements.map(\.bitPattern) == expected)
      let inPlace = Guarded(numbers)
      kernels.bf16_pair_rows(depth, columns, inPlace.pointer, inPlace.pointer)
      #expect(inPlace.elements.prefix(expected.count).map(\.bitPattern) == expected)
      #expect(inPlace.elements.dropFirst(expected.count) == numbers.dropFirst(expected.count))

      let count = numbers.count
      let even = stride(from: 0, to: count, by: 2).map { numbers[$0] }
      let odd = stride(from: 1, to: count, by: 2).map { numbers[$0] } + (count % 2 == 1 ? [0] : [])
      let (joined, _) = Self.pairs(
        Guarded(even + odd), depth: 2, columns: even.count, stride: even.count)
      let wanted = joined.elements.prefix(even.count).map(\.bitPattern)
      let own = Guarded<Float>(count: even.count)
      kernels.bf16_pair_neighbours(count, numbers, own.pointer)
      #expect(own.elements.map(\.bitPattern) == wanted)
      let replaced = Guarded(numbers)
      kernels.bf16_pair_neighbours(count, replaced.pointer, replaced.pointer)
      #expect(replaced.elements.prefix(even.count).map(\.bitPattern) == wanted)
    }
    ir_kernels_select(ir_isa_best())
  }

  /// Sums of exact products of rounded numbers, and the same bits on every instruction set.
  @Test(arguments: [1, 4, 8, 13, 24, 31], [1, 8, 16, 21, 40, 47, 64, 130])
  func pairsProduct(_ rows: Int, _ columns: Int) {
    let depth = 7
    let (weights, pixels) = (values(rows * depth), values(depth * columns, seed: 2))
    let (bias, residual) = (Guarded(values(rows, seed: 3)), Guarded(values(rows * columns, seed: 4)))
    let input = Guarded(pixels)
    var expected: [Double] = []
    for i in 0..<rows {
      for x in 0..<columns {
        var sum = Double(bias.pointer[i]) + Double(residual.pointer[i * columns + x])
        for k in 0..<depth {
          sum += Double(Self.nearest(weights[i * depth + k])) * Double(Self.nearest(pixels[k * columns + x]))
        }
        expected.append(max(0, sum))
      }
    }
    var bits: [[UInt32]] = []
    expectEverywhere(expected, tolerance: 4e-6, "\(rows)×\(depth)×\(columns)") { _ in
      let kernels = ir_kernels().pointee
      let (packedPixels, width) = Self.pairs(input, depth: depth, columns: columns, stride: columns)
      let packed = Self.panels(weights, rows: rows, depth: depth, panel: kernels.planar_rows)
      let output = Guarded<Float>(count: rows * columns)
      var call = ir_planar_pairs_product()
      (call.rows, call.pairs, call.columns) = (rows, (depth + 1) / 2, columns)
      call.weights = UnsafePointer(packed.pointer)
      call.input = UnsafePointer(packedPixels.pointer)
      call.input_stride = width
      call.bias = UnsafePointer(bias.pointer)
      call.residual = UnsafePointer(residual.pointer)
      call.residual_stride = columns
      call.activation = IR_ACTIVATION_RELU
      call.output = output.pointer
      call.output_stride = columns
      kernels.bf16_planar_product(&call)
      bits.append(output.elements.map(\.bitPattern))
      return output.elements
    }
    #expect(bits.allSatisfy { $0 == bits[0] })
  }

  /// [rows][depth] as panels of pairs [pairs][panel].
  private static func panels(_ weights: [Float], rows: Int, depth: Int, panel: Int) -> Guarded<Float> {
    func half(_ row: Int, _ k: Int) -> UInt32 {
      k < depth ? nearest(weights[row * depth + k]).bitPattern >> 16 : 0
    }
    return Guarded(
      stride(from: 0, to: rows, by: panel).flatMap { start in
        stride(from: 0, to: depth, by: 2).flatMap { k in
          (start..<min(start + panel, rows)).map { Float(bitPattern: half($0, k) | half($0, k + 1) << 16) }
        }
      })
  }
}
