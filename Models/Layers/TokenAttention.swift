import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// softmax(q kᵀ · scale + bias) v between tokens, `[N, T, C]` each, in heads that follow each other in C.
  /// `bias` is added to the scores `[N, heads, T, T]`.
  package mutating func tokenAttention(
    query: ValueID, key: ValueID, value: ValueID, _ name: String, heads: Int, scale: Double? = nil,
    bias: (inout NetworkBuilder, ValueID) throws(GraphError) -> ValueID = { (_, scores) throws(GraphError) in
      scores
    }
  ) throws(GraphError) -> ValueID {
    let width = shape(of: query).last ?? 0
    guard heads > 0, width % heads == 0 else {
      throw .invalid(rule: "Attention.heads", place: name, detail: "\(width) channels in \(heads) heads")
    }
    let size = width / heads
    let factor = constant([Float(scale ?? 1 / Double(size).squareRoot())], [1], "\(name).scale")
    let q = try product(try headed(query, heads, "\(name).q"), factor, "\(name).q.scaled")
    let k = try headed(key, heads, "\(name).k")
    let scores = try bias(&self, try apply(MatrixMultiply(transposesB: true), q, k, name: "\(name).scores"))
    let weights = try apply(Softmax(axis: 3), scores, name: "\(name).softmax")
    let mixed = try apply(
      MatrixMultiply(), weights, try headed(value, heads, "\(name).v"), name: "\(name).mixed")
    let moved = try apply(Transpose(permutation: [0, 2, 1, 3]), mixed, name: "\(name).tokens")
    return try reshaped(moved, [.batch, .extent(axis: 1), SizeExpression(width)], "\(name).merged")
  }

  /// `[N, T, C]` as `[N, heads, T, C / heads]`.
  private mutating func headed(_ x: ValueID, _ heads: Int, _ name: String) throws(GraphError) -> ValueID {
    let size = (shape(of: x).last ?? 0) / heads
    let split = try reshaped(
      x, [.batch, .extent(axis: 1), SizeExpression(heads), SizeExpression(size)], "\(name).heads")
    return try apply(Transpose(permutation: [0, 2, 1, 3]), split, name: name)
  }

  /// The picture cut into squares of `size`, a token each: `[N, H/size · W/size, C · size²]`, channels first.
  package mutating func patches(_ x: ValueID, size: Int, _ name: String) throws(GraphError) -> ValueID {
    let side = SizeExpression(size)
    let count = SizeExpression(channels(x))
    let cut = try reshaped(x, [.batch, count, .height / side, side, .width / side, side], "\(name).cut")
    let moved = try apply(Transpose(permutation: [0, 2, 4, 1, 3, 5]), cut, name: "\(name).moved")
    return try reshaped(
      moved, [.batch, .extent(axis: 1) * .extent(axis: 2), count * side * side], name)
  }

  /// The inverse of `patches`, of a picture with the sides of `reference`.
  package mutating func picture(
    _ tokens: ValueID, like reference: ValueID, size: Int, _ name: String
  ) throws(GraphError) -> ValueID {
    let side = SizeExpression(size)
    let count = SizeExpression((shape(of: tokens).last ?? 0) / (size * size))
    let cells = [SizeExpression.like(2) / side, .like(3) / side]
    let cut = try reshaped(
      tokens, [.batch, cells[0], cells[1], count, side, side], like: reference, "\(name).cut")
    let moved = try apply(Transpose(permutation: [0, 3, 1, 4, 2, 5]), cut, name: "\(name).moved")
    return try reshaped(moved, [.batch, count, .like(2), .like(3)], like: reference, name)
  }

  /// The pixels of a picture as tokens, `[N, H · W, C]`.
  package mutating func tokens(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let rows = try reshaped(x, [.batch, .extent(axis: 1), .height * .width], "\(name).rows")
    return try apply(Transpose(permutation: [0, 2, 1]), rows, name: name)
  }

  /// The inverse of `tokens`, of a picture with the sides of `reference`.
  package mutating func picture(
    _ tokens: ValueID, like reference: ValueID, _ name: String
  ) throws(GraphError) -> ValueID {
    let rows = try apply(Transpose(permutation: [0, 2, 1]), tokens, name: "\(name).rows")
    return try reshaped(rows, [.batch, .extent(axis: 1), .like(2), .like(3)], like: reference, name)
  }
}
