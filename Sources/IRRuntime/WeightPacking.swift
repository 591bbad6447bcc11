import CIROperators
import IRCompiler
import IRTensor

/// How the kernels of a program come to their packed weights.
struct WeightPacking {
  let weights: PackedWeights
  let packsHalvesAtRun: Bool

  /// Whether a constant is packed at each run, rather than once for all.
  func isAtRun(_ weight: Tensor) -> Bool { packsHalvesAtRun && weight.halves != nil }
}
