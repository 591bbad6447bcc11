import IRTensor
import Testing

@Test func everyHalfSurvivesARoundTrip() {
  for bits in UInt16.min ... .max {
    let value = float16Value(bits)
    if value.isNaN {
      #expect(float16Value(float16Bits(value)).isNaN)
    } else {
      #expect(float16Bits(value) == bits)
    }
  }
}

@Test func halvesRoundToNearestEven() {
  // Between two neighbours the even one wins; anything beyond the middle goes up.
  #expect(float16Bits(1 + 0x1p-11) == 0x3C00)
  #expect(float16Bits(1 + 0x1p-11 + 0x1p-30) == 0x3C01)
  #expect(float16Bits(1 + 3 * 0x1p-11) == 0x3C02)
  #expect(float16Bits(65_519) == 0x7BFF)
  #expect(float16Bits(65_520) == 0x7C00)
  #expect(float16Bits(-0x1p-25) == 0x8000)
}

@Test func brainFloatsDoNotRoundTwice() {
  // float32 would round this up to a tie, which would then round to even, away from the nearest.
  #expect(bfloat16Bits(1 + 0x1p-8 - 0x1p-40) == 0x3F80)
  #expect(bfloat16Bits(1 + 0x1p-8 + 0x1p-40) == 0x3F81)
  #expect(bfloat16Bits(1 + 0x1p-8) == 0x3F80)
}

@Test func integersWrapAndTruncate() {
  let source = Tensor([Int64(300), -1, 127, 128], shape: [4])
  #expect(source.converted(to: .int8).integers == [44, -1, 127, -128])
  #expect(source.converted(to: .uint8).integers == [44, 255, 127, 128])
  let fractions = Tensor([Float(-1.9), 1.9, .nan, 0.5], shape: [4])
  #expect(fractions.converted(to: .int32).integers == [-1, 1, 0, 0])
  #expect(fractions.converted(to: .bool).booleans == [true, true, true, true])
}

@Test(arguments: [
  (Shape([2, 3]), Shape([3]), Shape([2, 3])), (Shape([2, 1]), Shape([1, 3]), Shape([2, 3])),
  (Shape([]), Shape([4]), Shape([4])), (Shape([0, 1]), Shape([1, 5]), Shape([0, 5])),
])
func shapesBroadcast(a: Shape, b: Shape, expected: Shape) {
  #expect(a.broadcast(with: b) == expected)
  #expect(b.broadcast(with: a) == expected)
}

@Test func shapesThatDoNotBroadcast() {
  #expect(Shape([2, 3]).broadcast(with: [2]) == nil)
  #expect(Shape([1 << 40, 1 << 40]).checkedElementCount == nil)
  #expect(Shape([-1]).checkedElementCount == nil)
}

@Test func writingCopiesSharedStorage() {
  let original = Tensor([Float(1), 2], shape: [2])
  var copy = original
  copy.withUnsafeMutableBytes { $0.storeBytes(of: Float(9), as: Float.self) }
  #expect(original.floats == [1, 2])
  #expect(copy.floats == [9, 2])
}
