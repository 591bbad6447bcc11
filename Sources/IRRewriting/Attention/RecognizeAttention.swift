import IRGraph
import IROperators
import IRTensor

/// softmax(q kᵀ · scale + terms) · v in heads becomes one operator that reads its operands where tokens have
/// them, whatever movements lie between. Nodes decrease; reassociates a factor.
struct RecognizeAttention: RewriteRule {
  static let name = "recognize-attention"
  /// Scores of this many keys for a panel of queries still stay in a core's own cache.
  private static let keyLimit = 4096
  private static let sizeLimit = 128
  let support: KernelSupport

  func patch(for id: NodeID, in graph: Graph) throws(GraphError) -> GraphPatch? {
    let node = graph[id]
    guard let product = node.operator as? MatrixMultiply, !product.transposesA,
      graph[node.outputs[0]].type.elementType == .float32,
      let (softmaxID, softmax, scored) = graph.producer(of: node.inputs[0], as: Softmax.self),
      graph.onlyUser(of: node.inputs[0]) == id, graph[node.inputs[0]].type.shape.rank == 4, softmax.axis == 3,
      var scores = Scores(scored[0], usedBy: softmaxID, in: graph)
    else { return nil }
    let shape = graph[node.inputs[0]].type.shape
    let (batch, heads, queries, keys) = (shape[0], shape[1], shape[2], shape[3])
    let size = graph[scores.query].type.shape[3]
    let result = graph[node.outputs[0]].type.shape
    guard batch > 0, heads > 0, queries > 0, (1...Self.keyLimit).contains(keys),
      (1...Self.sizeLimit).contains(size),
      (1...Self.sizeLimit).contains(result[3]), result[0] == batch, result[1] == heads,
      graph[scores.query].type.shape == [batch, heads, queries, size],
      let q = Head(scores.query, batch, heads, queries, size, isAcross: false, graph),
      let k = Head(scores.key, batch, heads, keys, size, isAcross: !scores.transposesKey, graph),
      let v = Head(
        node.inputs[1], batch, heads, keys, result[3], isAcross: product.transposesB, graph),
      v.scale == 1, scores.terms.count <= support.attentionTerms, scores.alignTerms(to: shape, in: graph)
    else { return nil }
    let attention = Attention(
      heads: heads, size: size, valueSize: result[3],
      scale: Float(scores.scale * q.scale * k.scale), starts: [q.start, k.start, v.start])
    var patch = GraphPatch(to: graph)
    var operands: [GraphPatch.Operand] = []
    for head in [q, k, v] { operands.append(try head.operand(&patch, graph)) }
    for term in scores.terms { operands.append(try across(term, &patch, graph)) }
    let tokens = try patch.value(attention, operands, name: node.name)
    let cut = try patch.value(
      Reshape(shape: [batch, queries, heads, result[3]]), [tokens], name: "\(node.name).heads")
    patch.replace(
      node.outputs[0],
      with: try patch.value(Transpose(permutation: [0, 2, 1, 3]), [cut], name: "\(node.name).moved"))
    return patch
  }

  /// A term with keys before queries.
  private func across(
    _ term: Scores.Term, _ patch: inout GraphPatch, _ graph: Graph
  ) throws(GraphError) -> GraphPatch.Operand {
    let swap = Transpose(permutation: [0, 1, 3, 2])
    let name = graph[term.value].name
    if let tensor = graph.constant(term.value) {
      return patch.constant(swap.evaluate([tensor.reshaped(to: term.shape)])[0], name: "\(name).across")
    }
    let whole = try patch.value(Reshape(shape: term.shape), [.existing(term.value)], name: "\(name).term")
    return try patch.value(swap, [whole], name: "\(name).across")
  }
}

/// Scores `[batch, heads, queries, keys]` as the product and the terms they are made of.
private struct Scores {
  struct Term {
    var value: ValueID
    /// Of rank 4, in the end.
    var shape: Shape
    /// The scores' shape where it is added.
    var scores: Shape
  }

  var query: ValueID
  var key: ValueID
  var transposesKey: Bool
  var scale: Double = 1
  var terms: [Term] = []

  init?(_ value: ValueID, usedBy user: NodeID, in graph: Graph) {
    var (value, user) = (value, user)
    while graph.onlyUser(of: value) == user, let id = graph.producer(of: value) {
      let node = graph[id]
      let type = graph[value].type
      switch node.operator {
      case let product as MatrixMultiply:
        guard !product.transposesA, type.shape.rank == 4 else { return nil }
        (query, key, transposesKey) = (node.inputs[0], node.inputs[1], product.transposesB)
        return
      case is Reshape:
        value = node.inputs[0]
      case let binary as Binary where binary.function == .add:
        // A factor further out would be the term's too.
        guard scale == 1 else { return nil }
        let isFirst = graph[node.inputs[0]].type == type && Self.leadsToProduct(node.inputs[0], graph)
        guard isFirst || graph[node.inputs[1]].type == type else { return nil }
        let term = node.inputs[isFirst ? 1 : 0]
        terms.append(Term(value: term, shape: graph[term].type.shape, scores: type.shape))
        value = node.inputs[isFirst ? 0 : 1]
      case let binary as Binary where binary.function == .multiply || binary.function == .divide:
        guard graph[node.inputs[0]].type == type, let factor = graph.uniform(node.inputs[1]) else {
          return nil
        }
        scale *= binary.function == .divide ? 1 / factor : factor
        value = node.inputs[0]
      default: return nil
      }
      user = id
    }
    return nil
  }

  /// Whether only sums, factors and shapes come before a product with a value that is not constant.
  private static func leadsToProduct(_ value: ValueID, _ graph: Graph) -> Bool {
    var value = value
    while let id = graph.producer(of: value) {
      let node = graph[id]
      switch node.operator {
      case is MatrixMultiply: return true
      case is Reshape, is Binary: value = node.inputs[0]
      default: return false
      }
    }
    return false
  }

  /// Brings the terms to rank 4; false where one does not fit.
  mutating func alignTerms(to scores: Shape, in graph: Graph) -> Bool {
    for index in terms.indices {
      let (shape, place) = (terms[index].shape, terms[index].scores)
      guard shape.rank <= place.rank, place.rank >= 4 else { return false }
      let full = [Int](repeating: 1, count: place.rank - shape.rank) + shape.extents
      let tail = place.rank - 3
      // Axes before the heads together are the batch.
      guard place[tail...].elementsEqual(scores.extents[1...]), full[(tail + 1)...] == scores.extents[2...]
      else { return false }
      let before = Array(full[..<tail])
      let isWhole = before == Array(place.extents[..<tail])
      let isOneOnly = before.allSatisfy { $0 == 1 }
      guard isWhole || isOneOnly, full[tail] == 1 || full[tail] == scores[1] else { return false }
      terms[index].shape = [isWhole ? scores[0] : 1, full[tail], scores[2], scores[3]]
    }
    return true
  }
}

/// An operand of attention in heads as channels of tokens `[batch, count, C]`, or of pixels
/// `[batch, H, W, C]` as tokens.
private struct Head {
  var tokens: ValueID
  var start: Int
  var scale: Double

  /// `isAcross`: the channels come before the tokens.
  init?(
    _ value: ValueID, _ batch: Int, _ heads: Int, _ count: Int, _ size: Int, isAcross: Bool, _ graph: Graph
  ) {
    typealias Digit = Origin.Digit
    func wanted(_ places: [Digit], channelAxis: Int) -> [[Digit]] {
      let channels = Origin.digits([Digit(axis: channelAxis, extent: size, stride: 1)])
      let tokens = Origin.digits(places)
      return [
        Origin.digits([Digit(axis: 0, extent: batch, stride: 1)]),
        Origin.digits([Digit(axis: channelAxis, extent: heads, stride: size)]),
      ] + (isAcross ? [channels, tokens] : [tokens, channels])
    }
    func isFound(_ origin: Origin) -> Bool {
      let shape = graph[origin.root].type.shape
      guard shape.rank == 3 || shape.rank == 4, shape[0] == batch,
        shape.elementCount(in: 1..<(shape.rank - 1)) == count, origin.offsets.allSatisfy({ $0 == 0 }),
        origin.starts.dropLast().allSatisfy({ $0 == 0 })
      else { return false }
      let places = (1..<(shape.rank - 1)).map { Digit(axis: $0, extent: shape[$0], stride: 1) }
      return origin.axes == wanted(places, channelAxis: shape.rank - 1)
    }
    var origin = Origin(of: value, in: graph)
    var found: Origin?
    repeat {
      if isFound(origin) { found = origin }
    } while origin.step()
    guard let found, let start = found.starts.last else { return nil }
    (tokens, self.start, scale) = (found.root, start, found.scale)
  }

  /// The tokens, those of pixels one after the other.
  func operand(_ patch: inout GraphPatch, _ graph: Graph) throws(GraphError) -> GraphPatch.Operand {
    let shape = graph[tokens].type.shape
    guard shape.rank == 4 else { return .existing(tokens) }
    return try patch.value(
      Reshape(shape: [shape[0], shape[1] * shape[2], shape[3]]), [.existing(tokens)],
      name: "\(graph[tokens].name).tokens")
  }
}
