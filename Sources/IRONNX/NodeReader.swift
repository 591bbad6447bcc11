import IRGraph
import IROperators
import IRTensor

/// One ONNX node while it is imported: its inputs as values of the graph, its attributes by type, and
/// the operators that take its place.
struct NodeReader {
  let node: ONNXNode
  let opset: Int64
  /// The operator sets of the graph that the node is in, for graphs inside its attributes.
  let opsets: [String: Int64]
  let inputs: [ImportedValue?]
  let context: ImportContext

  /// Counts the elements of a constant that is made from a stated size.
  /// - Throws: `ImportFailure.unsupported` if those of all nodes together are over the limit.
  func countElements(_ count: Int) throws(ImportFailure) {
    let limit = ONNXLimits.statedElementCount
    guard count <= limit, context.statedElementCount + count <= limit else {
      throw .unsupported("its constants have over \(limit) elements, those of all nodes together")
    }
    context.statedElementCount += count
  }

  func has(_ index: Int) -> Bool {
    guard index < inputs.count, let value = inputs[index] else { return false }
    if case .absent = value { return false }
    return true
  }

  func value(_ index: Int) throws(ImportFailure) -> ImportedValue {
    guard index < inputs.count, let value = inputs[index] else {
      throw .unsupported("input \(index) is missing")
    }
    return value
  }

  func input(_ index: Int) throws(ImportFailure) -> ValueID {
    switch try value(index) {
    case .tensor(let value): return value
    case .sequence(let elements):
      throw .unsupported("input \(index) is a sequence of \(elements.count) tensors, it takes a tensor")
    case .absent: throw .unsupported("input \(index) is an optional without an element")
    case .masked(let masked):
      guard let result = try MaskedReader.materialized(masked, context, name: name) else {
        throw unknown(masked.mask)
      }
      return result
    }
  }

  /// The failure of a node that must know a value.
  func unknown(_ value: ValueID) -> ImportFailure {
    let inputs = context.origins(of: value)
    guard inputs.isEmpty else { return .needsValues(inputs) }
    return .unsupported("its result has a size that is known only when the model runs")
  }

  /// The inputs that are there, all tensors.
  func allInputs() throws(ImportFailure) -> [ValueID] {
    var result: [ValueID] = []
    for index in inputs.indices { result.append(try input(index)) }
    return result
  }

  func type(_ value: ValueID) -> TensorType { context.builder.type(of: value) }
  func shape(_ value: ValueID) -> Shape { context.builder.shape(of: value) }

  /// The input's value, which must be known.
  func constant(_ index: Int) throws(ImportFailure) -> Tensor { try constant(of: try input(index)) }

  func constant(of value: ValueID) throws(ImportFailure) -> Tensor {
    if let tensor = try context.known(value) { return tensor }
    throw unknown(value)
  }

  func integers(_ index: Int) throws(ImportFailure) -> [Int] {
    try constant(index).integers.map { Int(clamping: $0) }
  }

  // Attributes. One of another type than asked for is noted, and refuses the node once it is read.

  func int(_ name: String, _ standard: Int = 0) -> Int {
    switch node[attribute: name] {
    case .int(let value)?: return Int(clamping: value)
    case nil: return standard
    default: return mistyped(name, "an integer", standard)
    }
  }

  func float(_ name: String, _ standard: Float = 0) -> Float {
    switch node[attribute: name] {
    case .float(let value)?: return value
    case nil: return standard
    default: return mistyped(name, "a number", standard)
    }
  }

  func text(_ name: String, _ standard: String = "") -> String {
    switch node[attribute: name] {
    case .string(let value)?: return String(decoding: value, as: UTF8.self)
    case nil: return standard
    default: return mistyped(name, "a text", standard)
    }
  }

  func ints(_ name: String) -> [Int]? {
    switch node[attribute: name] {
    case .ints(let values)?: return values.map { Int(clamping: $0) }
    case nil: return nil
    default: return mistyped(name, "a list of integers", nil)
    }
  }

  private func mistyped<T>(_ name: String, _ expected: String, _ standard: T) -> T {
    context.attributeProblem = "its attribute \(name) is not \(expected)"
    return standard
  }

  func floats(_ name: String) -> [Float]? {
    switch node[attribute: name] {
    case .floats(let values)?: return values
    case nil: return nil
    default: return mistyped(name, "a list of numbers", nil)
    }
  }

  func texts(_ name: String) -> [String]? {
    switch node[attribute: name] {
    case .strings(let values)?: return values.map { String(decoding: $0, as: UTF8.self) }
    case nil: return nil
    default: return mistyped(name, "a list of texts", nil)
    }
  }

  func graph(_ name: String) throws(ImportFailure) -> ONNXGraph {
    guard case .graph(let graph)? = node[attribute: name] else {
      throw .unsupported("it has no graph \(name)")
    }
    return graph
  }

  /// A list that is an attribute in old operator sets and an input in new ones.
  func list(_ name: String, input index: Int) throws(ImportFailure) -> [Int]? {
    if let values = ints(name) { return values }
    return has(index) ? try integers(index) : nil
  }

  /// An axis counted from the front.
  func axis(_ axis: Int, rank: Int) throws(ImportFailure) -> Int {
    let result = axis < 0 ? axis &+ rank : axis
    guard (0..<rank).contains(result) else {
      throw .unsupported("axis \(axis) is outside a rank of \(rank)")
    }
    return result
  }

  func axes(_ axes: [Int], rank: Int) throws(ImportFailure) -> [Int] {
    var result: [Int] = []
    for value in axes { result.append(try axis(value, rank: rank)) }
    guard Set(result).count == result.count else { throw .unsupported("axes \(axes) repeat one") }
    return result
  }

  // Operators.

  var name: String { node.name.isEmpty ? (node.outputs.first ?? node.opType) : node.name }

  func emit(_ operator: any Operator, _ inputs: ValueID...) throws(ImportFailure) -> ValueID {
    try context.emit(`operator`, inputs, name: name)[0]
  }

  func emitAll(_ operator: any Operator, _ inputs: [ValueID]) throws(ImportFailure) -> [ValueID] {
    try context.emit(`operator`, inputs, name: name)
  }

  func constant(_ tensor: Tensor) -> ValueID { context.builder.constant(tensor, name: name) }

  /// A scalar of the element type of `value`.
  func scalar(_ number: Double, like value: ValueID) -> ValueID {
    constant(Tensor(TensorType(type(value).elementType, .scalar), doubles: [number]))
  }

  /// A tensor of one number; nothing of its size is allocated.
  func filled(_ number: Double, _ type: TensorType) throws(ImportFailure) -> ValueID {
    let scalar = constant(Tensor(TensorType(type.elementType, .scalar), doubles: [number]))
    return type.shape.rank == 0 ? scalar : try emit(Expand(shape: type.shape), scalar)
  }

  func reshaped(_ value: ValueID, _ shape: Shape) throws(ImportFailure) -> ValueID {
    shape == self.shape(value) ? value : try emit(Reshape(shape: shape), value)
  }

  func binary(_ function: BinaryFunction, _ a: ValueID, _ b: ValueID) throws(ImportFailure) -> ValueID {
    try emit(Binary(function), a, b)
  }

  func unary(_ function: UnaryFunction, _ a: ValueID) throws(ImportFailure) -> ValueID {
    try emit(Unary(function), a)
  }
}
