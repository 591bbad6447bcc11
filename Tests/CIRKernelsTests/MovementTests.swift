import CIRKernels
import CIROperators
import IRTestSupport
import Testing

extension KernelTests {
  struct Copy {
    var shape: [Int]
    var source: [Int]
    var destination: [Int]
    var offset = 0
    var sourceCount: Int
    var count: Int { shape.reduce(1, *) }
  }

  static let copies: [Copy] = [
    Copy(shape: [], source: [], destination: [], sourceCount: 1),
    Copy(shape: [3, 0], source: [1, 1], destination: [1, 1], sourceCount: 1),
    Copy(shape: [100_000], source: [1], destination: [1], sourceCount: 100_000),
    Copy(shape: [130, 67], source: [1, 130], destination: [67, 1], sourceCount: 8710),
    Copy(
      shape: [2, 65, 3, 70], source: [13650, 1, 4550, 65], destination: [13650, 210, 70, 1],
      sourceCount: 27300),
    // Every second column backwards, a broadcast row, pixel shuffle by 2.
    Copy(shape: [5, 8], source: [16, -2], destination: [8, 1], offset: 15, sourceCount: 80),
    Copy(shape: [4, 33], source: [0, 1], destination: [33, 1], sourceCount: 33),
    Copy(shape: [4, 33], source: [1, 0], destination: [33, 1], sourceCount: 4),
    Copy(
      shape: [3, 5, 2, 40, 2], source: [800, 40, 400, 1, 200], destination: [800, 160, 80, 2, 1],
      sourceCount: 2400),
  ]

  private func checkCopy<Element: FixedWidthInteger>(_ copy: Copy, _ type: Element.Type) {
    let source = Guarded((0..<copy.sourceCount).map { Element(truncatingIfNeeded: $0 &* 7919) })
    var expected = [Element](repeating: 0, count: copy.count)
    for i in 0..<copy.count {
      var rest = i
      var from = copy.offset
      var to = 0
      for d in copy.shape.indices.reversed() {
        from += rest % copy.shape[d] * copy.source[d]
        to += rest % copy.shape[d] * copy.destination[d]
        rest /= copy.shape[d]
      }
      expected[to] = source.pointer[from]
    }
    var params = ir_copy_params()
    params.element_size = MemoryLayout<Element>.size
    params.rank = copy.shape.count
    assign(&params.shape, copy.shape)
    assign(&params.source_strides, copy.source)
    assign(&params.destination_strides, copy.destination)
    for threads in Int32(1)...3 {
      let destination = Guarded<Element>(count: copy.count)
      ir_copy(&params, source.pointer + copy.offset, destination.pointer, threads)
      #expect(destination.elements == expected, "\(copy) of \(type), \(threads) threads")
    }
  }

  @Test(arguments: copies.indices) func copy(_ index: Int) {
    checkCopy(Self.copies[index], UInt8.self)
    checkCopy(Self.copies[index], UInt16.self)
    checkCopy(Self.copies[index], UInt32.self)
    checkCopy(Self.copies[index], UInt64.self)
  }

  static func padSource(_ mode: ir_pad_mode, _ i: Int, _ extent: Int) -> Int? {
    var i = i
    switch mode {
    case IR_PAD_CONSTANT: return (0..<extent).contains(i) ? i : nil
    case IR_PAD_EDGE: return min(max(i, 0), extent - 1)
    case IR_PAD_WRAP: return ((i % extent) + extent) % extent
    default:
      while extent > 1 && !(0..<extent).contains(i) { i = i < 0 ? -i : 2 * (extent - 1) - i }
      return extent > 1 ? i : 0
    }
  }

  @Test(
    arguments: [IR_PAD_CONSTANT, IR_PAD_REFLECT, IR_PAD_EDGE, IR_PAD_WRAP],
    [
      [[5, 7], [1, 2], [3, 0]], [[3, 4], [-1, -2], [2, 1]], [[2, 3, 4], [0, 5, 9], [1, 7, 0]],
      [[4], [0], [-3]], [[1, 300], [2, 20], [2, 30]],
    ])
  func pad(_ mode: ir_pad_mode, _ sizes: [[Int]]) {
    let (shape, before, after) = (sizes[0], sizes[1], sizes[2])
    let output = shape.indices.map { shape[$0] + before[$0] + after[$0] }
    let input = Guarded(values(shape.reduce(1, *)))
    var params = ir_pad_params()
    params.element_size = 4
    params.rank = shape.count
    params.mode = mode
    assign(&params.shape, shape)
    assign(&params.before, before)
    assign(&params.after, after)
    var value: Float = 9
    let expected = (0..<output.reduce(1, *)).map { i -> Double in
      var rest = i
      var offset = 0
      var stride = 1
      for d in shape.indices.reversed() {
        guard let at = Self.padSource(mode, rest % output[d] - before[d], shape[d]) else {
          return 9
        }
        rest /= output[d]
        offset += at * stride
        stride *= shape[d]
      }
      return Double(input.pointer[offset])
    }
    expectEverywhere(expected, tolerance: 0, "pad \(mode) \(sizes)") { threads in
      let result = Guarded<Float>(count: expected.count)
      ir_pad(&params, input.pointer, &value, result.pointer, threads)
      return result.elements
    }
  }

  @Test func gather() {
    var params = ir_gather_params(element_size: 4, outer: 3, axis: 5, inner: 7, index_count: 5, index_size: 8)
    let input = Guarded(values(105))
    let indices = Guarded<Int64>([4, -5, 0, -1, 9])
    var expected: [Double] = []
    for o in 0..<3 {
      for i in [4, 0, 0, 4, 4] {
        expected += (0..<7).map { Double(input.pointer[(o * 5 + i) * 7 + $0]) }
      }
    }
    expectEverywhere(expected, tolerance: 0, "gather") { threads in
      let output = Guarded<Float>(count: expected.count)
      ir_gather(&params, input.pointer, indices.pointer, output.pointer, threads)
      return output.elements
    }
  }

  /// Every half there and back, and halfway cases, on every ISA.
  @Test func float16() {
    func value(_ half: Int) -> Double {
      let exponent = half >> 10 & 31
      let fraction = Double(half & 1023) / 1024
      let sign = half & 0x8000 == 0 ? 1.0 : -1.0
      if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
      return exponent == 0
        ? sign * fraction * 0x1p-14
        : sign * (1 + fraction) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
    let halves = Guarded((0...UInt16.max).map { $0 })
    let expected = (0...Int(UInt16.max)).map(value)
    expectEverywhere(expected, tolerance: 0, "binary16") { threads in
      let floats = Guarded<Float>(count: halves.count)
      let back = Guarded<UInt16>(count: halves.count)
      ir_convert_f16_to_f32(halves.count, halves.pointer, floats.pointer, threads)
      ir_convert_f32_to_f16(halves.count, floats.pointer, back.pointer, threads)
      let isSame = (0..<halves.count).allSatisfy {
        back.pointer[$0] == halves.pointer[$0] || expected[$0].isNaN && back.pointer[$0] & 0x7fff > 0x7c00
      }
      #expect(isSame, "back to binary16")
      return floats.elements
    }
    let between = (0..<0x7bff).map { Float((value($0) + value($0 + 1)) / 2) } + [65519, 65520, 1e9]
    let evens = (0..<0x7bff).map { UInt16($0 + $0 % 2) } + [0x7bff, 0x7c00, 0x7c00]
    for isa in availableISAs {
      ir_kernels_select(isa)
      let halfway = Guarded(between)
      let rounded = Guarded<UInt16>(count: between.count)
      ir_convert_f32_to_f16(between.count, halfway.pointer, rounded.pointer, 2)
      #expect(rounded.elements == evens, "isa \(isa.rawValue)")
    }
    ir_kernels_select(ir_isa_best())
  }
}
