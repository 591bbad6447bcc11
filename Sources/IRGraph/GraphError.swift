import IRTensor

/// A fault of a graph.
package enum GraphError: Error, Sendable {
  /// An operator refused the types of its inputs.
  case type(node: String, operator: String, TypeError)
  /// A value has more elements than any machine could hold.
  case tooLarge(node: String, operator: String, TensorType)
  /// A rule of the graph's form is broken; `place` is a node, value or output.
  case invalid(rule: String, place: String, detail: String)
  /// Text that is not a graph.
  case text(line: Int, detail: String)
  /// Inputs given to a run do not fit the graph's.
  case inputs(detail: String)
}
