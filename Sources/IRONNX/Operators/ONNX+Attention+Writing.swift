import IRGraph
import IROperators
import IRTensor

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
