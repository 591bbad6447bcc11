import CIROperators
import IRTestSupport
import Testing

/// The kernels and drivers, by instruction set. The chosen one holds for the whole process, so nothing here
/// runs in parallel.
@Suite(.serialized) struct KernelTests {}

/// Reproducible values in -1 ..< 1.
func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
  }
}

/// Sets the leading elements of a C array, which Swift sees as a tuple.
func assign<Tuple, Element>(_ tuple: inout Tuple, _ elements: [Element]) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    let target = bytes.bindMemory(to: Element.self)
    for (i, element) in elements.enumerated() { target[i] = element }
  }
}
