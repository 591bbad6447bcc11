import IRGraph
import IROperators
import IRTensor

/// An operator with inputs to try it on. One sample serves every way of running the operator.
package struct OperatorSample: Sendable, CustomStringConvertible {
  package var operation: any Operator
  package var inputs: [Tensor]
  /// The inputs that a model holds as constants, as weights are.
  package var constantInputs: Set<Int>
  /// Of the result's range, for compiled programs.
  package var tolerance: Double

  package init(
    _ operation: any Operator, _ inputs: [Tensor], constants: Set<Int> = [], tolerance: Double = 2e-6
  ) {
    self.operation = operation
    self.inputs = inputs
    constantInputs = constants
    self.tolerance = tolerance
  }

  /// As above, float32 inputs of these shapes with values in `range`; the first is an input of the graph,
  /// the others are constants where `hasWeights`.
  package init(
    _ operation: any Operator, _ shapes: Shape..., in range: ClosedRange<Float> = -2...2,
    hasWeights: Bool = false,
    tolerance: Double = 2e-6
  ) {
    var generator = SeededGenerator(seed: UInt64(shapes.count * 1000 + shapes[0].elementCount))
    self.init(
      operation, shapes.map { generator.tensor($0, in: range) },
      constants: hasWeights ? Set(shapes.indices.dropFirst()) : [], tolerance: tolerance)
  }

  package var description: String { "\(operation.name) \(operation) on \(inputs.map(\.type))" }

  /// A graph of this one node, with outputs y0, y1, …
  package func graph() throws(GraphError) -> Graph {
    var builder = GraphBuilder(name: operation.name)
    var values: [ValueID] = []
    for (index, input) in inputs.enumerated() {
      values.append(
        constantInputs.contains(index)
          ? builder.constant(input, name: "w\(index)") : builder.input("x\(index)", input.type))
    }
    for (index, output) in try builder.apply(operation, values, name: "node").enumerated() {
      builder.output(output, name: "y\(index)")
    }
    return try builder.finished()
  }

  /// The graph's inputs by name.
  package var feeds: [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, input) in inputs.enumerated() where !constantInputs.contains(index) {
      result["x\(index)"] = input
    }
    return result
  }

  /// The definition's results, by name.
  package var expected: [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, tensor) in operation.evaluate(inputs).enumerated() { result["y\(index)"] = tensor }
    return result
  }
}
