import IRGraph
import IROperators
import IRTensor
import Testing

@Test func roiAlignConstraints() throws {
  let (picture, regions) = (floats(2, 3, 6, 7), floats(4, 4))
  let pictures = TensorType(.int64, [4])
  func answer(_ operation: RoiAlign, _ inputs: [TensorType]? = nil) throws -> String {
    try constraint(of: operation, on: inputs ?? [picture, regions, pictures])
  }
  let right = RoiAlign(height: 2, width: 3)
  #expect(try answer(right) == "accepted")
  #expect(try answer(right, [picture, regions]) == "RoiAlign.inputCount")
  #expect(try answer(right, [pictures, regions, pictures]) == "RoiAlign.floatingPoint")
  #expect(try answer(right, [picture, TensorType(.float64, [4, 4]), pictures]) == "RoiAlign.elementTypes")
  #expect(try answer(right, [floats(3, 6, 7), regions, pictures]) == "RoiAlign.rank")
  #expect(try answer(right, [floats(2, 3, 0, 7), regions, pictures]) == "RoiAlign.rank")
  #expect(try answer(right, [picture, floats(4, 5), pictures]) == "RoiAlign.regions")
  #expect(try answer(right, [picture, regions, TensorType(.int64, [3])]) == "RoiAlign.regions")
  #expect(try answer(right, [picture, regions, floats(4)]) == "RoiAlign.regions")
  for extent in [0, -1, 1 << 40, .max] {
    #expect(try answer(RoiAlign(height: extent, width: 1)) == "RoiAlign.extents")
    #expect(try answer(RoiAlign(height: 1, width: extent)) == "RoiAlign.extents")
  }
  for ratio in [-1, 1 << 40] {
    #expect(try answer(RoiAlign(height: 1, width: 1, samplingRatio: ratio)) == "RoiAlign.samplingRatio")
  }
  let many = [floats(1, 1 << 20, 1, 1), floats(1 << 20, 4), TensorType(.int64, [1 << 20])]
  #expect(try answer(RoiAlign(height: 1 << 10, width: 1 << 10), many) == "tooLarge")
}

/// Regions that are not numbers, or far away, read something or nothing, and never trap.
@Test(arguments: RoiPooling.allCases, [0, 2]) func roiAlignTakesEveryRegion(
  _ pooling: RoiPooling, _ ratio: Int
) {
  let picture = Tensor([Float(1), 2, 3, 4], shape: [1, 1, 2, 2])
  let numbers: [Float] = [.nan, .infinity, -.infinity, 1e30, -1e30, 0]
  for a in numbers {
    for b in numbers {
      let regions = Tensor([a, b, b, a, a, a, b, b], shape: [2, 4])
      let pictures = Tensor([Int64.max, .min], shape: [2])
      for isHalfPixel in [false, true] {
        let operation = RoiAlign(
          pooling: pooling, height: 1, width: 2, samplingRatio: ratio, scale: 1, isHalfPixel: isHalfPixel)
        #expect(operation.evaluate([picture, regions, pictures])[0].shape == [2, 1, 1, 2])
      }
    }
  }
}

@Test func determinantConstraints() throws {
  #expect(try constraint(of: Determinant(), on: [floats(2, 3, 3)]) == "accepted")
  #expect(try constraint(of: Determinant(), on: [floats(2, 3, 4)]) == "Determinant.square")
  #expect(try constraint(of: Determinant(), on: [floats(3)]) == "Determinant.square")
  #expect(try constraint(of: Determinant(), on: [TensorType(.int32, [2, 2])]) == "Determinant.floatingPoint")
  #expect(try constraint(of: Determinant(), on: []) == "Determinant.inputCount")
}

@Test func determinants() {
  func value(_ numbers: [Double], _ size: Int) -> Double {
    Determinant().evaluate([Tensor(TensorType(.float64, [size, size]), doubles: numbers)])[0].doubles[0]
  }
  #expect(value([0, 1, 1, 0], 2) == -1)
  #expect(value([2, 0, 0, 0, 0, 3, 0, 4, 0], 3) == -24)
  #expect(value([1, 2, 2, 4], 2) == 0)
  #expect(value([], 0) == 1)
  #expect(value([.nan, 1, 1, 1], 2).isNaN)
}

@Test func bitCastConstraints() throws {
  for (from, to, answer) in [
    (ElementType.float32, ElementType.int32, "accepted"), (.float32, .float16, "BitCast.width"),
    (.bool, .uint8, "accepted"), (.int64, .int32, "BitCast.width"),
  ] {
    #expect(try constraint(of: BitCast(to: to), on: [TensorType(from, [3])]) == answer)
  }
  let bytes = Tensor(TensorType(.uint8, [3]), integers: [0, 1, 200])
  #expect(BitCast(to: .bool).evaluate([bytes])[0] == Tensor([false, true, true], shape: [3]))
}

@Test func shiftConstraints() throws {
  for function in [BinaryFunction.shiftLeft, .shiftRight] {
    #expect(try constraint(of: Binary(function), on: [floats(2), floats(2)]) == "Binary.integer")
    let integers = TensorType(.int8, [2])
    #expect(try constraint(of: Binary(function), on: [integers, integers]) == "accepted")
  }
}
