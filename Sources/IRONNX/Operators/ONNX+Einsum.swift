import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let einsum: [String: Reader] = [
    "Einsum": { (n) throws(ImportFailure) in
      let equation = n.text("equation").filter { $0 != " " }
      guard n.inputs.count <= 16, equation.utf8.count <= 256 else {
        throw .unsupported("equation \(equation)")
      }
      var operands: [Einsum.Operand] = []
      var einsum = try Einsum(n, equation)
      for (index, term) in einsum.terms.enumerated() {
        operands.append(try einsum.operand(try n.input(index), term))
      }
      var result = operands[0]
      for (index, next) in operands.enumerated().dropFirst() {
        let kept = einsum.output + operands[(index + 1)...].flatMap(\.labels)
        result = try einsum.contracted(result, next, keeping: Set(kept))
      }
      return [try einsum.finished(result)]
    }
  ]
}

/// Einstein's sum in matrix products: operands are contracted from the left.
private struct Einsum {
  struct Operand {
    var value: ValueID
    /// One a axis, all different.
    var labels: [Character]
  }

  private let n: NodeReader
  private(set) var terms: [[Character]] = []
  private(set) var output: [Character] = []
  /// The axes of the longest ellipsis.
  private var ellipsis: [Character] = []

  init(_ n: NodeReader, _ equation: String) throws(ImportFailure) {
    self.n = n
    let sides = equation.split(separator: "->", omittingEmptySubsequences: false).map(String.init)
    let inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard sides.count <= 2, inputs.count == n.inputs.count else {
      throw .unsupported("equation \(equation) with \(n.inputs.count) inputs")
    }
    var rest: [Int] = []
    for (index, text) in inputs.enumerated() {
      let count = n.shape(try n.input(index)).rank - text.filter(\.isLetter).count
      guard count >= 0, count == 0 || text.contains("..."), text.filter({ !$0.isLetter && $0 != "." }).isEmpty
      else {
        throw .unsupported("term \(text) for an input of shape \(n.shape(try n.input(index)))")
      }
      rest.append(text.contains("...") ? count : 0)
    }
    ellipsis = (0..<(rest.max() ?? 0)).map { Character(Unicode.Scalar(UInt8(0x30 + $0))) }
    for (text, count) in zip(inputs, rest) { terms.append(expanded(text, count)) }
    if sides.count == 2 {
      output = expanded(sides[1], ellipsis.count)
    } else {
      // Without an arrow: the ellipsis, then what occurs once, in order of the alphabet.
      let letters = terms.joined().filter(\.isLetter)
      output = ellipsis + Set(letters).filter { letter in letters.count { $0 == letter } == 1 }.sorted()
    }
    guard Set(output).count == output.count, Set(output).isSubset(of: terms.joined()) else {
      throw .unsupported("equation \(equation): its output names what no input has, or something twice")
    }
  }

  private func expanded(_ text: String, _ count: Int) -> [Character] {
    guard let range = text.firstRange(of: "...") else { return Array(text) }
    return Array(text[..<range.lowerBound]) + ellipsis.suffix(count) + Array(text[range.upperBound...])
  }

  /// The input with axes of equal labels reduced to their diagonal.
  func operand(_ value: ValueID, _ labels: [Character]) throws(ImportFailure) -> Operand {
    var (value, labels) = (value, labels)
    while let second = labels.indices.first(where: { labels[..<$0].contains(labels[$0]) }),
      let first = labels.firstIndex(of: labels[second])
    {
      let others = labels.indices.filter { $0 != first && $0 != second }
      let moved = try n.emit(Transpose(permutation: others + [first, second]), value)
      let shape = n.shape(moved)
      let extent = shape[shape.rank - 1]
      guard shape[shape.rank - 2] == extent else { throw .unsupported("the diagonal of \(n.shape(value))") }
      let kept = Array(shape.dropLast(2))
      let flat = try n.reshaped(moved, Shape(kept + [extent * extent]))
      let zeros = [Int](repeating: 0, count: kept.count + 1)
      let ones = [Int](repeating: 1, count: kept.count)
      value = try n.emit(Slice(starts: zeros, steps: ones + [extent + 1], extents: kept + [extent]), flat)
      labels = others.map { labels[$0] } + [labels[second]]
    }
    return Operand(value: value, labels: labels)
  }

  /// The product of two operands, summed over the axes that are not kept.
  func contracted(_ a: Operand, _ b: Operand, keeping kept: Set<Character>) throws(ImportFailure) -> Operand {
    let a = try summed(a, keeping: kept.union(b.labels))
    let b = try summed(b, keeping: kept.union(a.labels))
    let batch = a.labels.filter { b.labels.contains($0) && kept.contains($0) }
    let inner = a.labels.filter { b.labels.contains($0) && !kept.contains($0) }
    let rows = a.labels.filter { !b.labels.contains($0) }
    let columns = b.labels.filter { !a.labels.contains($0) }
    var extents: [Character: Int] = [:]
    for operand in [a, b] {
      for (label, extent) in zip(operand.labels, n.shape(operand.value)) {
        let known = extents[label, default: 1]
        guard known == 1 || extent == 1 || known == extent else {
          throw .unsupported("\(label) is \(known) and \(extent)")
        }
        extents[label] = max(known, extent)
      }
    }
    func sizes(_ labels: [Character]) -> [Int] { labels.map { extents[$0] ?? 1 } }
    func product(_ labels: [Character]) -> Int { sizes(labels).reduce(1, *) }
    func matrix(_ operand: Operand, _ order: [Character], _ shape: Shape) throws(ImportFailure) -> ValueID {
      let moved = try transposed(operand, to: order)
      let whole = Shape(sizes(order))
      let wide = n.shape(moved) == whole ? moved : try n.emit(Expand(shape: whole), moved)
      return try n.reshaped(wide, shape)
    }
    let left = try matrix(a, batch + rows + inner, [product(batch), product(rows), product(inner)])
    let right = try matrix(b, batch + inner + columns, [product(batch), product(inner), product(columns)])
    let labels = batch + rows + columns
    let result = try n.reshaped(try n.emit(MatrixMultiply(), left, right), Shape(sizes(labels)))
    return Operand(value: result, labels: labels)
  }

  private func summed(_ operand: Operand, keeping kept: Set<Character>) throws(ImportFailure) -> Operand {
    let axes = operand.labels.indices.filter { !kept.contains(operand.labels[$0]) }
    guard !axes.isEmpty else { return operand }
    let value = try n.emit(Reduce(.sum, axes: axes, keepsAxes: false), operand.value)
    return Operand(value: value, labels: operand.labels.filter { kept.contains($0) })
  }

  private func transposed(_ operand: Operand, to order: [Character]) throws(ImportFailure) -> ValueID {
    let permutation = order.compactMap { operand.labels.firstIndex(of: $0) }
    return permutation == Array(permutation.indices)
      ? operand.value : try n.emit(Transpose(permutation: permutation), operand.value)
  }

  func finished(_ operand: Operand) throws(ImportFailure) -> ValueID {
    try transposed(try summed(operand, keeping: Set(output)), to: output)
  }
}
