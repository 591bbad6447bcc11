import IRGraph
import IROperators
import IRTensor

/// Parts of newer transformers: rotary positions, linear attention, attention with graphs of its own.
extension ONNXOperatorTable {
  static let attentionVariants: [String: Reader] = [
    "RotaryEmbedding": { (n) throws(ImportFailure) in
      [
        try rotated(
          n, cosine: 1, sine: 2, positions: 3, heads: n.int("num_heads"),
          width: n.int("rotary_embedding_dim"), isInterleaved: n.int("interleaved") != 0)
      ]
    },
    "CausalConvWithState": causalConvolution, "LinearAttention": linearAttention,
    "SwiGLU": { (n) throws(ImportFailure) in
      let (a, b) = (try n.input(0), try n.input(1))
      guard n.shape(a) == n.shape(b) else { throw .unsupported("\(n.shape(a)) gates \(n.shape(b))") }
      return [try n.binary(.multiply, try n.emit(Activation(.swish, alpha: n.float("alpha", 1)), a), b)]
    },
  ]

  static let preview: [String: Reader] = ["FlexAttention": flexibleAttention]

  /// Pairs of elements of each head turned by the angle of the position.
  static func rotated(
    _ n: NodeReader, cosine: Int, sine: Int, positions: Int, heads: Int, width: Int, isInterleaved: Bool
  ) throws(ImportFailure) -> ValueID {
    let x = try n.input(0)
    let shape = n.shape(x)
    // [batch, length, heads, size].
    var own: ValueID
    if shape.rank == 4 {
      own = try n.emit(Transpose(permutation: [0, 2, 1, 3]), x)
    } else {
      guard shape.rank == 3, heads > 0, shape[2] % heads == 0 else {
        throw .unsupported("\(heads) heads of \(shape)")
      }
      own = try n.reshaped(x, [shape[0], shape[1], heads, shape[2] / heads])
    }
    let split = n.shape(own)
    let turned = width == 0 ? split[3] : width
    guard turned > 0, turned % 2 == 0, turned <= split[3] else {
      throw .unsupported("\(turned) of \(split[3]) elements of a head are turned")
    }
    let half = turned / 2
    func cache(_ index: Int) throws(ImportFailure) -> ValueID {
      var value = try n.input(index)
      if n.has(positions) {
        guard n.shape(value).rank == 2 else { throw .unsupported("a table of \(n.shape(value))") }
        value = try n.emit(Gather(axis: 0), value, try n.input(positions))
      }
      let extents = n.shape(value)
      guard extents.rank == 3, extents[2] == half, extents[1] == split[1] else {
        throw .unsupported("a table of \(extents) for \(split[1]) positions and \(turned) elements")
      }
      return try n.reshaped(value, [extents[0], extents[1], 1, half])
    }
    let (cosines, sines) = (try cache(cosine), try cache(sine))
    func part(_ value: ValueID, start: Int, step: Int, count: Int) throws(ImportFailure) -> ValueID {
      var extents = n.shape(value).extents
      guard extents[3] != count else { return value }
      extents[3] = count
      return try n.emit(Slice(starts: [0, 0, 0, start], steps: [1, 1, 1, step], extents: extents), value)
    }
    let first = try part(own, start: 0, step: isInterleaved ? 2 : 1, count: half)
    let second = try part(own, start: isInterleaved ? 1 : half, step: isInterleaved ? 2 : 1, count: half)
    let real = try n.binary(
      .subtract, try n.binary(.multiply, first, cosines), try n.binary(.multiply, second, sines))
    let imaginary = try n.binary(
      .add, try n.binary(.multiply, first, sines), try n.binary(.multiply, second, cosines))
    var parts = [real, imaginary]
    if isInterleaved {
      let pair: Shape = [split[0], split[1], split[2], half, 1]
      let joined = try n.emitAll(
        Concatenate(axis: 4), [try n.reshaped(real, pair), try n.reshaped(imaginary, pair)])[0]
      parts = [try n.reshaped(joined, [split[0], split[1], split[2], turned])]
    }
    if turned < split[3] { parts.append(try part(own, start: turned, step: 1, count: split[3] - turned)) }
    own = parts.count == 1 ? parts[0] : try n.emitAll(Concatenate(axis: 3), parts)[0]
    return shape.rank == 4
      ? try n.emit(Transpose(permutation: [0, 2, 1, 3]), own) : try n.reshaped(own, shape)
  }

  /// A depthwise convolution along a sequence that continues the one before.
  private static let causalConvolution: Reader = { (n) throws(ImportFailure) in
    let (x, weight) = (try n.input(0), try n.input(1))
    let (shape, kernel) = (n.shape(x), n.shape(weight))
    guard shape.rank == 3, kernel.rank == 3, kernel[0] == shape[1], kernel[1] == 1, kernel[2] > 0 else {
      throw .unsupported("a weight of \(kernel) over \(shape)")
    }
    let past = kernel[2] - 1
    let type = n.type(x).elementType
    let state = n.has(3) ? try n.input(3) : try n.filled(0, TensorType(type, [shape[0], shape[1], past]))
    guard n.shape(state) == [shape[0], shape[1], past] else {
      throw .unsupported("a state of \(n.shape(state)) for \(past) elements before \(shape)")
    }
    let whole = past == 0 ? x : try n.emitAll(Concatenate(axis: 2), [state, x])[0]
    // The convolution and its activation are computed in float32.
    func wide(_ value: ValueID) throws(ImportFailure) -> ValueID {
      type == .float16 || type == .bfloat16 ? try n.emit(Cast(to: .float32), value) : value
    }
    let operation = Convolution(
      strides: [1], padsBefore: [0], padsAfter: [0], dilations: [1], groupCount: shape[1])
    var operands = [try wide(whole), try wide(weight)]
    if n.has(2) { operands.append(try wide(try n.input(2))) }
    var result = try n.emitAll(operation, operands)[0]
    switch n.text("activation", "none") {
    case "none": break
    case "silu", "swish": result = try n.emit(Activation(.swish, alpha: 1), result)
    case let other: throw .unsupported("activation \(other)")
    }
    if n.type(result).elementType != type { result = try n.emit(Cast(to: type), result) }
    guard past > 0 else { return [result, state] }
    let last = Slice(
      starts: [0, 0, n.shape(whole)[2] - past], steps: [1, 1, 1], extents: [shape[0], shape[1], past])
    return [result, try n.emit(last, whole)]
  }

  /// Attention whose state is a matrix for each head, changed by each element of the sequence.
  private static let linearAttention: Reader = { (n) throws(ImportFailure) in
    let rule = n.text("update_rule", "gated_delta")
    let rules: [String: (isGated: Bool, hasDelta: Bool)] = [
      "linear": (false, false), "gated": (true, false), "delta": (false, true), "gated_delta": (true, true),
    ]
    guard let rule = rules[rule] else { throw .unsupported("update_rule \(rule)") }
    let query = try n.input(0)
    let (heads, keyHeads) = (n.int("q_num_heads"), n.int("kv_num_heads"))
    let shape = n.shape(query)
    guard shape.rank == 3, heads > 0, keyHeads > 0, heads % keyHeads == 0, shape[2] % heads == 0, shape[2] > 0
    else { throw .unsupported("\(heads) heads on \(keyHeads) for \(shape)") }
    let (batch, length, groups) = (shape[0], shape[1], heads / keyHeads)
    n.context.nodeCount += 8 * min(length, ONNXLimits.nodeCount)
    guard n.context.nodeCount <= ONNXLimits.nodeCount else {
      throw .unsupported("it takes \(length) steps, too many to unroll")
    }
    /// An input as `[batch, key heads, length, size]` in float32.
    func split(_ index: Int, rows: Int) throws(ImportFailure) -> ValueID {
      let x = try n.input(index)
      let own = n.shape(x)
      guard own.rank == 3, own[0] == batch, own[1] == length, own[2] % rows == 0 else {
        throw .unsupported("input \(index) of shape \(own) in \(rows) heads")
      }
      let cut = try n.reshaped(x, [batch, length, rows, own[2] / rows])
      let moved = try n.emit(Transpose(permutation: [0, 2, 1, 3]), cut)
      return n.type(moved).elementType == .float32 ? moved : try n.emit(Cast(to: .float32), moved)
    }
    func at(_ value: ValueID, _ step: Int) throws(ImportFailure) -> ValueID {
      var extents = n.shape(value).extents
      extents[2] = 1
      return try n.emit(Slice(starts: [0, 0, step, 0], steps: [1, 1, 1, 1], extents: extents), value)
    }
    let (queries, keys, values) = (
      try split(0, rows: heads), try split(1, rows: keyHeads), try split(2, rows: keyHeads)
    )
    let (keySize, valueSize) = (n.shape(keys)[3], n.shape(values)[3])
    guard n.shape(queries)[3] == keySize else {
      throw .unsupported("queries of \(shape), keys of \(keySize)")
    }
    let decays = rule.isGated ? try n.unary(.exp, try split(4, rows: keyHeads)) : nil
    var betas: ValueID?
    if rule.hasDelta { betas = try split(5, rows: n.shape(try n.input(5)).last == 1 ? 1 : keyHeads) }
    let scale = n.float("scale") == 0 ? 1 / Double(keySize).squareRoot() : Double(n.float("scale"))
    var state =
      n.has(3)
      ? try n.emit(Cast(to: .float32), try n.input(3))
      : try n.filled(0, TensorType(.float32, [batch, keyHeads, keySize, valueSize]))
    var results: [ValueID] = []
    for step in 0..<length {
      let key = try at(keys, step)
      var value = try at(values, step)
      if let decays {
        let decay = try at(decays, step)
        state = try n.binary(
          .multiply, state, try n.reshaped(decay, [batch, keyHeads, n.shape(decay)[3], 1]))
      }
      if let betas {
        let stored = try n.emit(MatrixMultiply(), key, state)
        value = try n.binary(.multiply, try n.binary(.subtract, value, stored), try at(betas, step))
      }
      state = try n.binary(.add, state, try n.emit(MatrixMultiply(transposesA: true), key, value))
      let own = try n.reshaped(try at(queries, step), [batch, keyHeads, groups, keySize])
      let read = try n.emit(MatrixMultiply(), own, state)
      results.append(try n.reshaped(read, [batch, 1, heads * valueSize]))
    }
    guard let first = results.first else { throw .unsupported("a sequence without elements") }
    let joined = results.count == 1 ? first : try n.emitAll(Concatenate(axis: 1), results)[0]
    let scaled = try n.binary(.multiply, joined, n.scalar(scale, like: joined))
    let stateType = n.has(3) ? n.type(try n.input(3)).elementType : n.type(query).elementType
    return [try n.emit(Cast(to: n.type(query).elementType), scaled), try n.emit(Cast(to: stateType), state)]
  }

  /// Attention whose scores and weights pass through graphs of the node.
  private static let flexibleAttention: Reader = { (n) throws(ImportFailure) in
    let (query, keys, values) = (try n.input(0), try n.input(1), try n.input(2))
    let (q, k, v) = (n.shape(query), n.shape(keys), n.shape(values))
    guard q.rank == 4, k.rank == 4, v.rank == 4, k[1] == v[1], k[2] == v[2], k[1] > 0, q[1] % k[1] == 0,
      q[3] > 0
    else { throw .unsupported("queries of \(q), keys of \(k), values of \(v)") }
    let groups = q[1] / k[1]
    func repeated(_ x: ValueID) throws(ImportFailure) -> ValueID {
      guard groups > 1 else { return x }
      let s = n.shape(x)
      let wide = try n.emit(
        Expand(shape: [s[0], s[1], groups, s[2], s[3]]), try n.reshaped(x, [s[0], s[1], 1, s[2], s[3]]))
      return try n.reshaped(wide, [s[0], q[1], s[2], s[3]])
    }
    let type = n.type(query).elementType
    let stated = Int32(clamping: n.int("softmax_precision"))
    guard
      let precision = stated == 0 ? (type == .float64 ? .float64 : .float32) : ElementType(rawValue: stated),
      precision.isFloatingPoint
    else { throw .unsupported("softmax_precision \(ONNXTensor.typeName(stated))") }
    let scale = n.node[attribute: "scale"] == nil ? 1 / Double(q[3]).squareRoot() : Double(n.float("scale"))
    let root = n.scalar(scale.squareRoot(), like: query)
    let product = try n.emit(
      MatrixMultiply(transposesB: true), try n.binary(.multiply, query, root),
      try n.binary(.multiply, try repeated(keys), root))
    func modified(_ x: ValueID, _ name: String) throws(ImportFailure) -> ValueID? {
      guard case .graph(let graph)? = n.node[attribute: name] else { return x }
      let results = try n.context.body(graph, n.opsets, inputs: [.tensor(x)])
      guard case .tensor(let result)?? = results.first else { return nil }
      return result
    }
    let scores = precision == type ? product : try n.emit(Cast(to: precision), product)
    // A problem inside a graph has been reported.
    guard let own = try modified(scores, "score_mod") else { return [nil] }
    guard let weights = try modified(try n.emit(Softmax(axis: 3), own), "prob_mod") else { return [nil] }
    let mixed = try n.emit(MatrixMultiply(), weights, try n.emit(Cast(to: precision), try repeated(values)))
    return [try n.emit(Cast(to: n.type(values).elementType), mixed)]
  }
}
