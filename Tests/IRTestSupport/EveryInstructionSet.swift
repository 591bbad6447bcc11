import CIRKernels
import Testing

/// The instruction sets that this processor has.
package let availableISAs: [ir_isa] = [IR_ISA_SCALAR, IR_ISA_AVX2, IR_ISA_AVX512].filter {
  ir_kernels_for($0) != nil
}

/// Runs `body` for every ISA with 1, 2 and 3 threads; it must come within
/// `tolerance * (1 + |expected|)`, and be the same bytes for every number of threads.
package func expectEverywhere(
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

package func expectClose(
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
