import CIROperators
import IRTestSupport
import Testing

/// The kernels and drivers, by instruction set. The chosen one holds for the whole process, so nothing here
/// runs in parallel.
@Suite(.serialized) struct KernelTests {}

/// Reproducible values in -1 ..< 1.
func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in Float.random(in: -1..<1, using: &generator) }
}

/// Sets the leading elements of a C array, which Swift sees as a tuple.
func assign<Tuple, Element>(_ tuple: inout Tuple, _ elements: [Element]) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    let target = bytes.bindMemory(to: Element.self)
    for (i, element) in elements.enumerated() { target[i] = element }
  }
}
