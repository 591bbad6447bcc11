import IRGraph
import IROperators
import IRTensor

/// The usual name of a run of nodes.
struct BlockNaming {
  let graph: Graph
  let nodes: [NodeID]

  var name: (String, BlockGraph.Kind) {
    let operators = nodes.map { graph[$0].operator }
    let convolutions = operators.count { $0 is Convolution || $0 is ConvolutionTranspose }
    let products = operators.count { $0 is MatrixMultiply }
    let inside = Set(nodes.flatMap { graph[$0].outputs })
    // A sum with what the block was given.
    let isResidual = nodes.contains { id in
      guard let sum = graph[id].operator as? Binary, sum.function == .add else { return false }
      let sources = graph[id].inputs.filter { graph.constant($0) == nil }
      return sources.count == 2 && sources.contains { !inside.contains($0) } && nodes.count > 2
    }
    let sums = nodes.count { id in
      (graph[id].operator as? Binary)?.function == .add
        && !graph[id].inputs.contains { graph.constant($0) != nil }
    }
    let isAttention =
      products >= 2 && (convolutions > 0 || operators.contains { $0 is Softmax || $0 is L2Normalization })
    if isAttention { return (sums > 1 ? "transformer block" : "attention block", .attention) }
    if operators.contains(where: { $0 is Softmax }) { return ("attention", .attention) }
    if isResidual, convolutions + products > 1 { return ("residual block", .residual) }
    if nodes.count > 6, convolutions > 0 {
      return (convolutions == 1 ? "convolution" : "\(convolutions) convolutions", .convolution)
    }
    var words: [String] = []
    for id in nodes {
      guard let word = word(id), words.last != word else { continue }
      words.append(word)
    }
    let kind: BlockGraph.Kind =
      operators.contains {
        $0 is DepthToSpace || $0 is SpaceToDepth || $0 is Resize || $0 is ConvolutionTranspose
      }
        || changesSize ? .resampling : convolutions > 0 ? .convolution : .other
    guard !words.isEmpty else { return (graph[nodes[0]].operator.name, kind) }
    return (words.prefix(3).joined(separator: ", ") + (words.count > 3 ? ", …" : ""), kind)
  }

  private var changesSize: Bool {
    nodes.contains { id in (graph[id].operator as? Convolution)?.strides.contains { $0 > 1 } ?? false }
  }

  private func word(_ id: NodeID) -> String? {
    func kernel() -> String {
      graph[id].inputs.count > 1
        ? graph[graph[id].inputs[1]].type.shape.dropFirst(2).map(String.init).joined(separator: "×") : ""
    }
    switch graph[id].operator {
    case let c as Convolution:
      let stride = c.strides.first ?? 1
      return "conv \(kernel())" + (stride > 1 ? " /\(stride)" : "")
    case is ConvolutionTranspose: return "up-conv \(kernel())"
    case is MatrixMultiply: return "matmul"
    case let unary as Unary: return unary.function.rawValue
    case let activation as Activation: return activation.function.rawValue
    case let b as Binary:
      switch b.function {
      case .add: return "add"
      case .multiply: return "multiply"
      case .subtract: return "subtract"
      default: return nil
      }
    case is DepthToSpace: return "pixel shuffle"
    case is SpaceToDepth: return "pixel unshuffle"
    case is Resize: return "resize"
    case is Concatenate: return "concat"
    case is LayerNormalization, is RMSNormalization: return "norm"
    case is GroupNormalization, is BatchNormalization: return "norm"
    case is Softmax: return "softmax"
    case is MaxPool, is AveragePool: return "pool"
    case let reduce as Reduce: return reduce.function.rawValue
    case is Reshape, is Transpose, is Expand, is Cast, is Slice, is Split: return nil
    default: return graph[id].operator.name
    }
  }
}
