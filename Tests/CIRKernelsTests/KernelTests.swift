import CIRKernels
import CIROperators
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The chosen ISA is process-wide, so nothing here runs in parallel.
@Suite(.serialized) struct KernelTests {}

/// Memory whose last element ends a page, before a page that may not be touched.
final class Guarded<Element> {
  let count: Int
  let pointer: UnsafeMutablePointer<Element>
  private let mapping: UnsafeMutableRawPointer
  private let byteCount: Int

  init(count: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let needed = count * MemoryLayout<Element>.stride
    let usable = (needed + page - 1) / page * page
    byteCount = usable + page
    guard
      let mapping = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapping != MAP_FAILED
    else { preconditionFailure("no memory for \(count) elements") }
    precondition(mprotect(mapping + usable, page, PROT_NONE) == 0)
    self.mapping = mapping
    self.count = count
    pointer = (mapping + (usable - needed)).bindMemory(to: Element.self, capacity: count)
  }

  convenience init(_ elements: [Element]) {
    self.init(count: elements.count)
    for (i, element) in elements.enumerated() { pointer[i] = element }
  }

  deinit { munmap(mapping, byteCount) }

  var elements: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}

/// A workspace of exactly the bytes asked for, rounded to keep 64-byte alignment.
func workspace(_ byteCount: Int) -> Guarded<Float> {
  let workspace = Guarded<Float>(count: (byteCount + 63) / 64 * 16)
  for i in 0..<workspace.count { workspace.pointer[i] = .nan }
  return workspace
}

let availableISAs: [ir_isa] = [IR_ISA_SCALAR, IR_ISA_AVX2, IR_ISA_AVX512].filter {
  ir_kernels_for($0) != nil
}

/// Reproducible values in -1 ..< 1.
func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
  }
}

/// Runs `body` for every ISA with 1, 2 and 3 threads; it must come within
/// `tolerance * (1 + |expected|)`, and be the same bytes for every number of threads.
func expectEverywhere(
  _ expected: [Double], tolerance: Double, _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation, _ body: (Int32) -> [Float]
) {
  for isa in availableISAs {
    ir_kernels_select(isa)
    var first: [Float] = []
    for threads in Int32(1)...3 {
      let result = body(threads)
      if threads == 1 { first = result }
      let same = zip(first, result).allSatisfy { $0.bitPattern == $1.bitPattern }
      #expect(
        same, "\(label): isa \(isa.rawValue), \(threads) threads: other bytes than with 1",
        sourceLocation: sourceLocation)
    }
    expectClose(
      first, expected, tolerance: tolerance, "\(label), isa \(isa.rawValue)",
      sourceLocation: sourceLocation)
  }
  ir_kernels_select(ir_isa_best())
}

func expectClose(
  _ result: [Float], _ expected: [Double], tolerance: Double, _ label: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(result.count == expected.count, "\(label)", sourceLocation: sourceLocation)
  for (i, (x, y)) in zip(result, expected).enumerated() {
    if x.isNaN && y.isNaN || Double(x) == y || Float(y) == x { continue }
    let error = abs(Double(x) - y) / (1 + abs(y))
    if !(error <= tolerance) {
      Issue.record(
        "\(label): element \(i) is \(x), expected \(y)", sourceLocation: sourceLocation)
      return
    }
  }
}

/// Sets the leading elements of a C array, which Swift sees as a tuple.
func assign<Tuple, Element>(_ tuple: inout Tuple, _ elements: [Element]) {
  withUnsafeMutableBytes(of: &tuple) { bytes in
    let target = bytes.bindMemory(to: Element.self)
    for (i, element) in elements.enumerated() { target[i] = element }
  }
}
