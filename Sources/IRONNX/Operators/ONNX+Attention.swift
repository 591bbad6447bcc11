import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let attention: [String: Reader] = [
    "Attention": { (n) throws(ImportFailure) in
      var reader = AttentionReader(n)
      return try reader.read()
    }
  ]
}

/// Scaled dot-product attention as ONNX defines it, in its parts: scores, soft cap, bias, softmax,
/// values. Masks that follow from sizes and attributes become constants.
private struct AttentionReader {
  private let n: NodeReader
  private var offsets: [Int] = [0]
  private var paddedLengths: [Int]?

  init(_ n: NodeReader) { self.n = n }

  mutating func read() throws(ImportFailure) -> [ValueID?] {
    let isFlat = n.shape(try n.input(0)).rank == 3
    let query = try heads(0, count: n.int("q_num_heads"))
    var key = try heads(1, count: n.int("kv_num_heads"))
    var value = try heads(2, count: n.int("kv_num_heads"))
    let queryCount = n.shape(query)[2]
    if n.has(4) { key = try n.emit(Concatenate(axis: 2), try n.input(4), key) }
    if n.has(5) { value = try n.emit(Concatenate(axis: 2), try n.input(5), value) }
    let present = (key, value)
    if n.has(4) { offsets = [n.shape(try n.input(4))[2]] }
    if n.has(6) {
      let lengths = try n.integers(6)
      guard lengths.count == n.shape(query)[0], lengths.allSatisfy({ $0.magnitude < 1 << 40 }) else {
        throw .unsupported("\(lengths.count) lengths for a batch of \(n.shape(query)[0])")
      }
      paddedLengths = lengths
      if !n.has(4) { offsets = lengths.map { $0 - queryCount } }
    }
    key = try repeated(key, to: n.shape(query)[1])
    value = try repeated(value, to: n.shape(query)[1])

    let scale =
      n.node[attribute: "scale"] == nil
      ? 1 / Double(n.shape(query)[3]).squareRoot() : Double(n.float("scale"))
    let root = n.scalar(scale.squareRoot(), like: query)
    let scores = try n.emit(
      MatrixMultiply(transposesB: true), try n.binary(.multiply, query, root),
      try n.binary(.multiply, key, root))
    let capped = try softCapped(scores)
    let bias = try bias(like: query, queryCount: queryCount, keyCount: n.shape(key)[2])
    let biased = if let bias { try n.binary(.add, capped, bias) } else { capped }
    let weights = try softmax(biased, bias: bias)
    var result = try n.emit(MatrixMultiply(), weights, value)
    if isFlat {
      result = try n.emit(Transpose(permutation: [0, 2, 1, 3]), result)
      let shape = n.shape(result)
      result = try n.reshaped(result, [shape[0], shape[1], shape[2] * shape[3]])
    }
    let shown: ValueID
    switch n.int("qk_matmul_output_mode") {
    // Both the raw scores and those after the cap are shown capped.
    case 0, 1: shown = capped
    case 2: shown = biased
    default: shown = weights
    }
    return [result, present.0, present.1, shown]
  }

  /// An input as `[batch, heads, length, size]`.
  private func heads(_ index: Int, count: Int) throws(ImportFailure) -> ValueID {
    let x = try n.input(index)
    let shape = n.shape(x)
    if shape.rank == 4 { return x }
    guard shape.rank == 3, count > 0, shape[2] % count == 0 else {
      throw .unsupported("input \(index) of shape \(shape) in \(count) heads")
    }
    let split = try n.reshaped(x, [shape[0], shape[1], count, shape[2] / count])
    return try n.emit(Transpose(permutation: [0, 2, 1, 3]), split)
  }

  /// Each head of keys or values for the several query heads that share it.
  private func repeated(_ x: ValueID, to count: Int) throws(ImportFailure) -> ValueID {
    let shape = n.shape(x)
    guard shape[1] != count else { return x }
    guard shape[1] > 0, count % shape[1] == 0 else {
      throw .unsupported("\(count) query heads on \(shape[1])")
    }
    let groups = count / shape[1]
    let column = try n.reshaped(x, [shape[0], shape[1], 1, shape[2], shape[3]])
    let wide = try n.emit(Expand(shape: [shape[0], shape[1], groups, shape[2], shape[3]]), column)
    return try n.reshaped(wide, [shape[0], count, shape[2], shape[3]])
  }

  private func softCapped(_ scores: ValueID) throws(ImportFailure) -> ValueID {
    let cap = n.float("softcap")
    guard cap > 0 else { return scores }
    let scalar = n.scalar(Double(cap), like: scores)
    return try n.binary(.multiply, try n.unary(.tanh, try n.binary(.divide, scores, scalar)), scalar)
  }

  /// The sum of all masks, 0 where a key may be attended to and -inf where not; nil without masks.
  private func bias(like query: ValueID, queryCount: Int, keyCount: Int) throws(ImportFailure) -> ValueID? {
    var result: ValueID?
    if n.has(3) {
      var mask = try n.input(3)
      let isBoolean = n.type(mask).elementType == .bool
      let shape = n.shape(mask)
      guard let last = shape.last else { throw .unsupported("a mask without axes") }
      if last < keyCount {
        var after = [Int](repeating: 0, count: shape.rank)
        after[shape.rank - 1] = keyCount - last
        let pad = Pad(
          before: [Int](repeating: 0, count: shape.rank), after: after, value: isBoolean ? 0 : -.infinity)
        mask = try n.emit(pad, mask)
      }
      if isBoolean {
        mask = try n.emit(Select(), mask, n.scalar(0, like: query), n.scalar(-.infinity, like: query))
      }
      result = mask
    }
    guard let own = staticBias(queryCount: queryCount, keyCount: keyCount) else { return result }
    let constant = n.constant(own.converted(to: n.type(query).elementType))
    return if let mask = result { try n.binary(.add, mask, constant) } else { constant }
  }

  /// Causal, window and padding masks together, `[queries, keys]` or `[batch, 1, queries, keys]`.
  private func staticBias(queryCount: Int, keyCount: Int) -> Tensor? {
    let isCausal = n.int("is_causal") != 0
    let (left, right) = (n.int("left_window_size", -1), n.int("right_window_size", -1))
    guard isCausal || left >= 0 || right >= 0 || paddedLengths != nil else { return nil }
    let batch = max(offsets.count, paddedLengths?.count ?? 1)
    var values: [Float] = []
    values.reserveCapacity(batch * queryCount * keyCount)
    for b in 0..<batch {
      let offset = offsets[min(b, offsets.count - 1)]
      let length = paddedLengths?[b] ?? keyCount
      for i in 0..<queryCount {
        for j in 0..<keyCount {
          let distance = i + offset - j
          let isAllowed =
            (!isCausal || distance >= 0) && (left < 0 || distance <= left)
            && (right < 0 || -distance <= right) && j < length
          values.append(isAllowed ? 0 : -.infinity)
        }
      }
    }
    return Tensor(values, shape: batch == 1 ? [queryCount, keyCount] : [batch, 1, queryCount, keyCount])
  }

  /// Softmax over keys in the precision asked for; a query that may attend to nothing gets zeros.
  private func softmax(_ scores: ValueID, bias: ValueID?) throws(ImportFailure) -> ValueID {
    var x = scores
    let type = n.type(scores).elementType
    let precision =
      ElementType(rawValue: Int32(clamping: n.int("softmax_precision", Int(type.rawValue)))) ?? type
    if precision != type { x = try n.emit(Cast(to: precision), x) }
    x = try n.emit(Softmax(axis: n.shape(x).rank - 1), x)
    if precision != type { x = try n.emit(Cast(to: type), x) }
    guard let bias else { return x }
    let best = try n.emit(Reduce(.maximum, axes: [n.shape(bias).rank - 1]), bias)
    let isMasked = try n.emit(IsInfinite(detectsNegative: true, detectsPositive: false), best)
    return try n.emit(Select(), isMasked, n.scalar(0, like: x), x)
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let attentionWriters: [(String, Writer)] = [
    writer(Roll.self) { (roll, w) throws(ExportFailure) in
      w.emit("Identity", [w.rolled(w.inputs[0], roll.offsets, w.inputTypes[0].shape)])
    },
    writer(Attention.self, attention),
  ]

  private static func attention(_ attention: Attention, _ w: NodeWriter) throws(ExportFailure) {
    let e = attention.extents(w.inputTypes)
    /// `[batch, heads, count, size]` of an operand.
    func heads(_ index: Int, _ count: Int, _ size: Int) -> String {
      let tokens = w.tokens(w.inputs[index], w.inputTypes[index].shape, attention)
      let (start, channels) = (attention.starts[index], attention.heads * size)
      let own = w.step(
        "Slice", [tokens, w.ints([start]), w.ints([start + channels]), w.ints([2]), w.ints([1])])
      let cut = w.reshape(own, [e.batch, count, attention.heads, size])
      return w.step("Transpose", [cut], [.ints("perm", [0, 2, 1, 3])])
    }
    let across = w.step(
      "Transpose", [heads(1, e.keys, attention.size)], [.ints("perm", [0, 1, 3, 2])])
    let product = w.step("MatMul", [heads(0, e.queries, attention.size), across])
    var scores = w.step("Mul", [product, w.scalar(Double(attention.scale), .float32)])
    for (term, type) in zip(w.inputs, w.inputTypes).dropFirst(3) {
      let rank = type.shape.rank
      let order = Array(0..<(rank - 2)) + [rank - 1, rank - 2]
      scores = w.step("Add", [scores, w.step("Transpose", [term], [.ints("perm", order)])])
    }
    let weights = w.step("Softmax", [scores], [.int("axis", 3)])
    let mixed = w.step("MatMul", [weights, heads(2, e.keys, attention.valueSize)])
    let moved = w.step("Transpose", [mixed], [.ints("perm", [0, 2, 1, 3])])
    let channels = attention.heads * attention.valueSize
    let tokens = w.reshape(moved, [e.batch, e.queries, channels])
    guard attention.window.count == 2 else { return w.emit("Identity", [tokens]) }
    let shape = w.outputTypes[0].shape
    let (down, wide) = (attention.window[0], attention.window[1])
    let cut = w.reshape(tokens, [shape[0], shape[2] / down, shape[3] / wide, down, wide, channels])
    let joined = w.reshape(
      w.step("Transpose", [cut], [.ints("perm", [0, 5, 1, 3, 2, 4])]), shape)
    let back = [0, 0] + zip(attention.offset, shape.extents[2...]).map { $0 == 0 ? 0 : $1 - $0 }
    w.emit("Identity", [w.rolled(joined, back, shape)])
  }
}

extension NodeWriter {
  /// The value with each axis beginning at its offset.
  fileprivate func rolled(_ value: String, _ offsets: [Int], _ shape: Shape) -> String {
    var value = value
    for (axis, offset) in offsets.enumerated() where offset != 0 {
      func part(_ start: Int, _ end: Int) -> String {
        step("Slice", [value, ints([start]), ints([end]), ints([axis]), ints([1])])
      }
      value = step("Concat", [part(offset, shape[axis]), part(0, offset)], [.int("axis", axis)])
    }
    return value
  }

  /// The operand of an attention as tokens `[batch, count, C]`.
  fileprivate func tokens(_ value: String, _ shape: Shape, _ attention: Attention) -> String {
    guard attention.window.count == 2 else { return value }
    let (down, wide) = (attention.window[0], attention.window[1])
    let first = rolled(value, [0, 0] + attention.offset, shape)
    let cut = reshape(first, [shape[0], shape[1], shape[2] / down, down, shape[3] / wide, wide])
    let moved = step("Transpose", [cut], [.ints("perm", [0, 2, 4, 3, 5, 1])])
    return reshape(moved, [shape[0] * (shape[2] / down) * (shape[3] / wide), down * wide, shape[1]])
  }
}
