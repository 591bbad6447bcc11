import ArgumentParser
import IRRuntime
import IRTensor

/// The numbers that products are computed with.
package struct PrecisionOptions: ParsableArguments {
  package enum Choice: String, ExpressibleByArgument, CaseIterable {
    case f32, bf16, auto
  }

  @Option(
    help: """
      Numbers that products are computed with: f32, bf16 (operands rounded to 8 bits of precision, sums in float32; twice \
      the rate on processors that multiply bfloat16) or auto (bf16 on these processors).
      """)
  package var precision = Choice.f32

  package init() {}

  package var value: Precision {
    switch precision {
    case .f32: .float32
    case .bf16: .bfloat16
    case .auto: RuntimeOptions.fastestPrecision
    }
  }
}
