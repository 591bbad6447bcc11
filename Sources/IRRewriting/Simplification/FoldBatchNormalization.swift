import IRGraph
import IROperators
import IRTensor

/// A batch normalization of constant statistics becomes part of the convolution in front of it, or a
/// factor and a term per channel. Nodes decrease, or an operator without a kernel becomes two with one;
/// reassociates: weights are multiplied once, in float64.
struct FoldBatchNormalization: RewriteRule {
  static let name = "fold-batch-normalization"

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let normalization = node.operator as? BatchNormalization else { return nil }
    let parameters = node.inputs.dropFirst().compactMap { graph.constant($0)?.doubles }
    guard parameters.count == 4 else { return nil }
    let type = graph[node.outputs[0]].type
    let factors = zip(parameters[0], parameters[3]).map {
      $0 / ($1 + Double(normalization.epsilon)).squareRoot()
    }
    let terms = zip(parameters[1], zip(parameters[2], factors)).map { $0 - $1.0 * $1.1 }
    var patch = GraphPatch(to: graph)
    if let (convolutionID, convolution, inputs) = graph.producer(of: node.inputs[0], as: Convolution.self),
      graph.onlyUser(of: node.inputs[0]) == id, let weight = graph.constant(inputs[1]),
      let bias = inputs.count > 2
        ? graph.constant(inputs[2])?.doubles : [Double](repeating: 0, count: factors.count)
    {
      let shifted = zip(bias, zip(factors, terms)).map { $0 * $1.0 + $1.1 }
      let name = graph[convolutionID].name
      let operands = [
        GraphPatch.Operand.existing(inputs[0]),
        patch.constant(weight.scaled(alongFirstAxis: factors), name: graph[inputs[1]].name),
        patch.constant(
          Tensor(TensorType(type.elementType, [factors.count]), doubles: shifted), name: "\(name).bias"),
      ]
      patch.replace(node.outputs[0], with: try patch.value(convolution, operands, name: name))
      return patch
    }
    let column = TensorType(
      type.elementType, Shape([factors.count] + [Int](repeating: 1, count: type.shape.rank - 2)))
    let factor = patch.constant(Tensor(column, doubles: factors), name: "\(node.name).factor")
    let term = patch.constant(Tensor(column, doubles: terms), name: "\(node.name).term")
    let scaled = try patch.value(
      Binary(.multiply), [.existing(node.inputs[0]), factor], name: "\(node.name).scaled")
    patch.replace(node.outputs[0], with: try patch.value(Binary(.add), [scaled, term], name: node.name))
    return patch
  }
}
