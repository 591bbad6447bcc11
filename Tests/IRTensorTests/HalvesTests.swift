import IRTensor
import Testing

private func halves(_ bits: [UInt16], _ shape: Shape) -> Tensor {
  Tensor(TensorType(.float16, shape)) { target in
    bits.withUnsafeBytes { target.copyMemory(from: $0) }
  }
}

/// Enough to be stored as they are.
private let many = halves((0..<8192).map { UInt16(truncatingIfNeeded: $0 &* 7) }, [64, 128])

@Test func everyHalfWidens() {
  let wide = halves(Array(UInt16.min ... .max), [65536]).converted(to: .float32)
  for (bits, value) in zip(UInt16.min ... .max, wide.floats) {
    let expected = float16Value(bits)
    #expect(expected.isNaN ? value.isNaN : Double(value) == expected, "\(bits)")
    #expect((value.sign == .minus) == (bits & 0x8000 != 0))
  }
}

@Test func widenedHalvesStayStored() {
  let wide = many.converted(to: .float32)
  #expect(wide.halves?.storage === many.storage)
  #expect(wide.reshaped(to: [8192]).halves?.shape == [8192])
  #expect(wide.converted(to: .float16).storage === many.storage)
  #expect(Tensor([Float(1)], shape: [1]).halves == nil)
  #expect(halves([0x3C00], [1]).converted(to: .float32).halves == nil, "few are widened at once")
}

@Test func widenedHalvesEqualTheirValues() {
  let wide = many.converted(to: .float32)
  let plain = Tensor(wide.floats, shape: wide.shape)
  #expect(wide == plain && plain == wide && wide == many.converted(to: .float32))
  #expect(wide.hashValue == plain.hashValue)
  let other = halves(many.withElements(as: UInt16.self) { $0.map { $0 ^ 1 } }, many.shape)
  #expect(wide != other.converted(to: .float32))
}

@Test func changedValuesLeaveTheHalves() {
  let wide = many.converted(to: .float32)
  var changed = wide
  changed.withUnsafeMutableBytes { $0.storeBytes(of: Float(5), as: Float.self) }
  #expect(changed.halves == nil && changed.floats[0] == 5 && changed.floats[1] == wide.floats[1])
  #expect(wide.halves != nil && wide.floats[0] == 0)
}

/// The address stays the same, and so do the values behind it.
@Test func valuesHaveOneAddress() {
  let wide = many.converted(to: .float32)
  let address = wide.storage.pointer
  #expect(wide.storage.pointer == address)
  let first = address.assumingMemoryBound(to: Float.self)
  let values = wide.floats
  #expect((0..<8192).allSatisfy { first[$0].bitPattern == values[$0].bitPattern })
}
