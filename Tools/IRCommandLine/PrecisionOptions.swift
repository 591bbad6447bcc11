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
      Precision of matrix products: f32; bf16, which rounds operands to 8 bits and sums in float32; or auto, which is bf16 \
      on processors that multiply bfloat16 at twice the speed (AMD's from Zen 4 on), and f32 on others.
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
