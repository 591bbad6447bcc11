import IRTensor

/// An operator that knows how gradients flow back through it.
package protocol DifferentiableOperator: Operator {
  /// Adds what turns the cotangents of the results into those of the inputs.
  /// - Returns: one value per input, of the input's type; nil if no gradient flows to it.
  /// - Throws: `GraphError.type`, which is a defect of the rule.
  func cotangents(
    _ context: Cotangents, into graph: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?]
}

/// One node on the way back, as its operator's rule sees it.
package struct Cotangents: Sendable {
  package var inputs: [ValueID]
  package var outputs: [ValueID]
  /// The derivative of the scalar by each output; nil is zero.
  package var ofOutputs: [ValueID?]
  /// The inputs whose cotangent is asked for; others may be left nil.
  package var isWanted: [Bool]

  package init(inputs: [ValueID], outputs: [ValueID], ofOutputs: [ValueID?], isWanted: [Bool]) {
    self.inputs = inputs
    self.outputs = outputs
    self.ofOutputs = ofOutputs
    self.isWanted = isWanted
  }

  /// No gradient to any input.
  package var none: [ValueID?] { inputs.map { _ in nil } }
}
