import IRCompiler
import IRGraph

/// An operator that a driver of the C library computes.
protocol FastOperator: Operator {
  /// Whether the driver takes other elements than float32.
  static var takesEveryType: Bool { get }

  /// The kernel of a node; nil where the driver does not cover it, and the reference implementation runs.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)?
}

extension FastOperator {
  static var takesEveryType: Bool { false }
}
