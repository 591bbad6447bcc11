import IRGraph
import IROperators
import IRTensor

/// Nodes on values whose size a mask decides: what is read at `NonZero(mask)` and written there again is a
/// choice between two values, whose size is known.
enum MaskedReader {
  /// The results of a node with such values; nil for a node that takes or makes none, or is not one of these.
  static func results(of n: NodeReader) throws(ImportFailure) -> [ImportedValue?]? {
    if n.node.opType == "NonZero" { return try nonZero(n) }
    let masked = n.inputs.contains { if case .masked? = $0 { true } else { false } }
    guard masked else { return nil }
    let result: MaskedValue?
    switch n.node.opType {
    case "ScatterND": return try scatter(n).map { [.tensor($0)] }
    case "Transpose": result = transposed(n)
    case "Shape": result = shape(n)
    case "Gather", "Slice": result = try part(n)
    case "Cast", "Reshape", "Squeeze", "Unsqueeze", "Concat": result = try moved(n)
    case "GatherND": result = try gathered(n)
    case "Expand", "ConstantOfShape": result = try stretched(n)
    case let opType where elementwise.contains(opType): result = try mapped(n)
    default: result = nil
    }
    return result.map { [.masked($0)] }
  }

  private static func nonZero(_ n: NodeReader) throws(ImportFailure) -> [ImportedValue?]? {
    let x = try n.input(0)
    guard n.context.builder.graph.constant(x) == nil else { return nil }
    let mask = n.type(x).elementType == .bool ? x : try n.emit(Cast(to: .bool), x)
    return [.masked(.indices(mask: mask, isTransposed: false))]
  }

  private static func masked(_ n: NodeReader, _ index: Int) -> MaskedValue? {
    guard index < n.inputs.count, case .masked(let value)? = n.inputs[index] else { return nil }
    return value
  }

  private static func transposed(_ n: NodeReader) -> MaskedValue? {
    guard case .indices(let mask, let isTransposed)? = masked(n, 0), n.ints("perm") ?? [1, 0] == [1, 0] else {
      return nil
    }
    return .indices(mask: mask, isTransposed: !isTransposed)
  }

  private static func shape(_ n: NodeReader) -> MaskedValue? {
    guard n.int("start") == 0, n.node[attribute: "end"] == nil else { return nil }
    switch masked(n, 0) {
    case .indices(let mask, isTransposed: true)?: return .shape(mask: mask)
    case .elements(let data, let mask)? where n.shape(data).rank == n.shape(mask).rank:
      return .count(mask: mask)
    default: return nil
    }
  }

  /// The count out of a shape, or all elements of a list of that count.
  private static func part(_ n: NodeReader) throws(ImportFailure) -> MaskedValue? {
    switch masked(n, 0) {
    case .shape(let mask)? where n.node.opType == "Gather":
      return try n.integers(1) == [0] ? .count(mask: mask) : nil
    case .shape(let mask)?:
      let steps = n.has(4) ? try n.integers(4) : [1]
      guard try n.integers(1) == [0], try n.integers(2) == [1], steps == [1] else { return nil }
      return .count(mask: mask)
    case .count(let mask)? where n.node.opType == "Gather":
      return try n.integers(1) == [0] ? .count(mask: mask) : nil
    case .elements(let data, let mask)? where n.node.opType == "Slice":
      let axes = n.has(3) ? try n.integers(3) : [0]
      let steps = n.has(4) ? try n.integers(4) : [1]
      guard case .count(let other)? = masked(n, 2), try n.integers(1) == [0], axes == [0], steps == [1],
        n.context.isSame(mask, other)
      else { return nil }
      return .elements(of: data, mask: mask)
    default: return nil
    }
  }

  /// The same elements in the same order.
  private static func moved(_ n: NodeReader) throws(ImportFailure) -> MaskedValue? {
    switch masked(n, 0) {
    case .count(let mask)?:
      guard n.node.opType != "Concat" || n.inputs.count == 1 else { return nil }
      return .count(mask: mask)
    case .shape(let mask)? where n.node.opType == "Cast": return .shape(mask: mask)
    case .indices(let mask, let isTransposed)? where n.node.opType == "Cast":
      return .indices(mask: mask, isTransposed: isTransposed)
    case .elements(let data, let mask)? where n.node.opType == "Cast":
      guard let type = ElementType(rawValue: Int32(clamping: n.int("to"))) else { return nil }
      return .elements(of: try n.emit(Cast(to: type), data), mask: mask)
    case .elements(let data, let mask)? where n.node.opType == "Reshape":
      guard masked(n, 1) == nil, try n.integers(1) == [-1], n.shape(data).rank == n.shape(mask).rank else {
        return nil
      }
      return .elements(of: data, mask: mask)
    default: return nil
    }
  }

  private static func gathered(_ n: NodeReader) throws(ImportFailure) -> MaskedValue? {
    guard case .indices(let mask, isTransposed: true)? = masked(n, 1), masked(n, 0) == nil,
      n.int("batch_dims") == 0
    else { return nil }
    let data = try n.input(0)
    guard n.shape(data).starts(with: n.shape(mask)) else { return nil }
    return .elements(of: data, mask: mask)
  }

  /// One number at each true element of a mask.
  private static func stretched(_ n: NodeReader) throws(ImportFailure) -> MaskedValue? {
    let isConstant = n.node.opType == "ConstantOfShape"
    guard case .count(let mask)? = masked(n, isConstant ? 0 : 1) else { return nil }
    let number: ValueID
    if isConstant {
      guard let tensor = try ONNXOperatorTable.fill(of: n) else { return nil }
      number = n.constant(tensor)
    } else {
      guard masked(n, 0) == nil else { return nil }
      number = try n.input(0)
    }
    guard n.shape(number).elementCount == 1 else { return nil }
    let scalar = try n.reshaped(number, .scalar)
    return .elements(of: try n.emit(Expand(shape: n.shape(mask)), scalar), mask: mask)
  }

  /// Operators that compute each element from those at its place.
  private static let elementwise: Set<String> = [
    "Abs", "Add", "Ceil", "Clip", "Cos", "Div", "Elu", "Erf", "Exp", "Floor", "Gelu", "HardSigmoid",
    "HardSwish",
    "LeakyRelu", "Log", "Max", "Min", "Mod", "Mul", "Neg", "Not", "Pow", "Reciprocal", "Relu", "Round",
    "Sigmoid",
    "Sign", "Sin", "Softplus", "Sqrt", "Sub", "Sum", "Tan", "Tanh",
  ]

  /// An elementwise operator on elements of one mask and single numbers: of all elements, then masked.
  private static func mapped(_ n: NodeReader) throws(ImportFailure) -> MaskedValue? {
    var mask: ValueID?
    var rank = 0
    var inputs: [ImportedValue?] = []
    for input in n.inputs {
      switch input {
      case .masked(.elements(let data, let own))?:
        guard n.context.isSame(mask ?? own, own), mask == nil || n.shape(data).rank == rank else {
          return nil
        }
        (mask, rank) = (own, n.shape(data).rank)
        inputs.append(.tensor(data))
      case .tensor(let value)?:
        guard n.shape(value).elementCount == 1 else { return nil }
        inputs.append(.tensor(try n.reshaped(value, .scalar)))
      case nil: inputs.append(nil)
      default: return nil
      }
    }
    guard let mask, let read = ONNXOperatorTable.readers(of: "")?[n.node.opType] else { return nil }
    let whole = NodeReader(
      node: n.node, opset: n.opset, opsets: n.opsets, inputs: inputs, context: n.context)
    guard let result = try read(whole).first.flatMap({ $0 }), n.shape(result).starts(with: n.shape(mask))
    else {
      return nil
    }
    return .elements(of: result, mask: mask)
  }

  private static func scatter(_ n: NodeReader) throws(ImportFailure) -> ValueID? {
    guard case .indices(let mask, isTransposed: true)? = masked(n, 1),
      case .elements(let updates, let other)? = masked(n, 2), masked(n, 0) == nil,
      n.text("reduction", "none") == "none", n.context.isSame(mask, other)
    else { return nil }
    let data = try n.input(0)
    let shape = n.shape(data)
    guard shape.starts(with: n.shape(mask)), n.type(updates) == n.type(data) else { return nil }
    let trailing = shape.rank - n.shape(mask).rank
    let column = try n.reshaped(mask, Shape(n.shape(mask).extents + [Int](repeating: 1, count: trailing)))
    return try n.emit(Select(), column, updates, data)
  }

  /// The value itself, once its mask is known; nil before.
  static func materialized(
    _ value: MaskedValue, _ context: ImportContext, name: String
  ) throws(ImportFailure) -> ValueID? {
    guard let mask = try context.known(value.mask) else { return nil }
    let found = indices(mask)
    func constant(_ tensor: Tensor) -> ValueID { context.builder.constant(tensor, name: name) }
    func rows() throws(ImportFailure) -> ValueID {
      try context.emit(Transpose(permutation: [1, 0]), [constant(found)], name: name)[0]
    }
    switch value {
    case .indices(_, isTransposed: false): return constant(found)
    case .indices(_, isTransposed: true): return try rows()
    case .shape: return constant(Tensor([Int64(found.shape[1]), Int64(found.shape[0])], shape: [2]))
    case .count: return constant(Tensor([Int64(found.shape[1])], shape: [1]))
    case .elements(let data, _): return try context.emit(GatherND(), [data, try rows()], name: name)[0]
    }
  }

  /// `NonZero` of a tensor: the coordinates of its true elements, `[rank, count]`.
  static func indices(_ tensor: Tensor) -> Tensor {
    let strides = tensor.shape.strides
    let found = tensor.booleans.enumerated().filter(\.element).map(\.offset)
    let indices = strides.indices.flatMap { axis in
      found.map { Int64($0 / strides[axis] % tensor.shape[axis]) }
    }
    return Tensor(indices, shape: [tensor.shape.rank, found.count])
  }
}

extension ImportContext {
  /// Whether two values are surely the same: one value, or the same operators on the same values.
  func isSame(_ a: ValueID, _ b: ValueID) -> Bool {
    var pairs = [(a, b)]
    var steps = 0
    while let (a, b) = pairs.popLast() {
      guard a != b else { continue }
      steps += 1
      let graph = builder.graph
      if let x = graph.constant(a), let y = graph.constant(b) {
        guard x == y else { return false }
        continue
      }
      guard steps < 1000, let first = graph.producer(of: a), let second = graph.producer(of: b),
        graph[first].inputs.count == graph[second].inputs.count,
        graph[first].outputs.firstIndex(of: a) == graph[second].outputs.firstIndex(of: b)
      else { return false }
      let (operation, other) = (graph[first].operator, graph[second].operator)
      let (key, otherKey) = (AnyHashable(operation), AnyHashable(other))
      guard key == otherKey else { return false }
      pairs += zip(graph[first].inputs, graph[second].inputs)
    }
    return true
  }
}
