import IRGraph
import IRTensor

/// Why gradients could not be taken.
package enum AutodiffError: Error, Sendable {
  /// The differentiated value is not one floating-point number.
  case notAScalar(value: String, TensorType)
  /// A gradient would have to flow through an operator that has no rule for it.
  case notDifferentiable(node: String, operator: String)
  /// A gradient rule made an invalid graph: a defect of the rule, or a use that it does not cover.
  case rule(node: String, operator: String, GraphError)
}
