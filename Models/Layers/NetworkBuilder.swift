import IRGraph
import IROperators
import IRTensor

/// Builds a network's graph and keeps the list of its parameters, by their official names.
///
/// Layers are functions of this builder (`b.convolution(x, "intro", …)`): each takes the prefix of its
/// parameters' names, which also names its nodes.
package struct NetworkBuilder {
  package private(set) var graph: GraphBuilder
  /// In the order of use.
  package private(set) var parameters: [Parameter] = []
  private var known: [String: ValueID] = [:]
  private let weights: [String: Tensor]?
  /// Results beside the restored picture, in order.
  private(set) var furtherOutputs: [(name: String, value: ValueID)] = []
  private var isNeverRead = false
  private var choice: (rows: Int, row: ValueID)?

  /// A builder that makes constants of `weights`, or without them an input of every parameter.
  package init(name: String, weights: [String: Tensor]?) {
    graph = GraphBuilder(name: name)
    self.weights = weights
  }

  /// The extents of a value.
  package func shape(of value: ValueID) -> Shape { graph.shape(of: value) }

  /// The channels of an image value `[N, C, H, W]`.
  package func channels(_ value: ValueID) -> Int { graph.shape(of: value)[1] }

  /// Adds an input beside the image.
  package mutating func input(_ name: String, _ type: TensorType) -> ValueID { graph.input(name, type) }

  /// Adds a result; of a restorer, one beside the restored picture and behind it in the graph's list.
  package mutating func output(_ value: ValueID, name: String) { furtherOutputs.append((name, value)) }

  /// Adds the restored picture, where there is one, and the further results to the graph.
  mutating func finish(_ restored: ValueID? = nil) {
    if let restored { graph.output(restored, name: "restored") }
    for (name, value) in furtherOutputs { graph.output(value, name: name) }
  }

  /// The graph without what no result needs.
  func finished() throws(ModelError) -> Graph {
    do {
      var graph = try graph.finished()
      graph.removeDeadNodes()
      return graph
    } catch { throw .graph(error) }
  }

  /// A parameter; asked for again, the same value.
  /// - Throws: `GraphError.tooLarge` for a shape that no memory holds.
  package mutating func parameter(
    _ name: String, _ shape: Shape, _ initialization: Initialization
  ) throws(GraphError) -> ValueID {
    if let value = known[name] { return value }
    let whole = choice.map { Shape([$0.rows] + shape.extents) } ?? shape
    let type = TensorType(.float32, whole)
    guard Graph.holds(type) else { throw .tooLarge(node: name, operator: "parameter", type) }
    parameters.append(Parameter(name, whole, initialization, isUsed: !isNeverRead))
    var value: ValueID
    if isNeverRead, weights?[name] == nil {
      value = graph.constant(Tensor(zeros: type), name: name)
    } else if let weights {
      guard let tensor = weights[name], tensor.type == type else {
        throw .inputs(
          detail: "the weight \(name) must be \(type), not \(weights[name]?.type.description ?? "missing")")
      }
      value = graph.constant(tensor, name: name)
    } else {
      value = graph.input(name, type)
    }
    if let choice {
      let row = try apply(Gather(axis: 0), value, choice.row, name: "\(name).row")
      value = try apply(Reshape(shape: shape), row, name: "\(name).chosen")
    }
    known[name] = value
    return value
  }

  /// Gives the parameters that follow an axis in front, of `rows` alternatives, of which the network computes
  /// with the one that `row` `[1]` int64 says.
  package mutating func chooseParameters(row: ValueID, of rows: Int) { choice = (rows, row) }

  /// Names a parameter that checkpoints hold and the network never reads.
  package mutating func unusedParameter(_ name: String, _ shape: Shape, _ initialization: Initialization) {
    parameters.append(Parameter(name, shape, initialization, isUsed: false))
  }

  /// Adds nodes whose results the official network computes and drops: checkpoints hold their parameters.
  package mutating func neverRead(
    _ body: (inout NetworkBuilder) throws(GraphError) -> Void
  ) throws(GraphError) {
    isNeverRead = true
    defer { isNeverRead = false }
    try body(&self)
  }

  /// A constant of the network's definition, no parameter.
  package mutating func constant(_ values: [Float], _ shape: Shape, _ name: String) -> ValueID {
    graph.constant(Tensor(values, shape: shape), name: name)
  }

  package mutating func constant(_ tensor: Tensor, _ name: String) -> ValueID {
    graph.constant(tensor, name: name)
  }

  package mutating func integers(_ values: [Int], _ name: String) -> ValueID {
    graph.constant(Tensor(values.map { Int64($0) }, shape: [values.count]), name: name)
  }

  /// The operator's only result.
  package mutating func apply(
    _ operator: any Operator, _ inputs: ValueID..., name: String
  ) throws(GraphError) -> ValueID {
    try graph.value(`operator`, inputs, name: name)
  }

  /// All results of the operator.
  package mutating func results(
    _ operator: any Operator, _ inputs: ValueID..., name: String
  ) throws(GraphError) -> [ValueID] {
    try graph.apply(`operator`, inputs, name: name)
  }

  package mutating func sum(_ a: ValueID, _ b: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Binary(.add), a, b, name: name)
  }

  package mutating func product(_ a: ValueID, _ b: ValueID, _ name: String) throws(GraphError) -> ValueID {
    try apply(Binary(.multiply), a, b, name: name)
  }

  package mutating func concatenation(_ a: ValueID, _ b: ValueID, _ name: String) throws(GraphError)
    -> ValueID
  {
    try apply(Concatenate(axis: 1), a, b, name: name)
  }

  package mutating func concatenated(
    _ values: [ValueID], axis: Int, _ name: String
  ) throws(GraphError) -> ValueID {
    try graph.value(Concatenate(axis: axis), values, name: name)
  }

  /// The value in equal parts along its channels.
  package mutating func chunks(
    _ x: ValueID, _ count: Int, _ name: String
  ) throws(GraphError) -> [ValueID] {
    let size = channels(x) / count
    return try results(Split(axis: 1, sizes: [Int](repeating: size, count: count)), x, name: name)
  }

  /// Values `[N, K]` of several layers as `[N, layers, K]`.
  package mutating func stacked(_ values: [ValueID], _ name: String) throws(GraphError) -> ValueID {
    var rows: [ValueID] = []
    for (index, value) in values.enumerated() {
      let shape = shape(of: value)
      rows.append(try apply(Reshape(shape: [shape[0], 1, shape[1]]), value, name: "\(name).\(index)"))
    }
    return try graph.value(Concatenate(axis: 1), rows, name: name)
  }

  /// `[N, K]` as K values `[N, 1, 1, 1]`, to multiply pictures with.
  package mutating func columns(_ x: ValueID, _ name: String) throws(GraphError) -> [ValueID] {
    let shape = shape(of: x)
    let picture = try apply(Reshape(shape: [shape[0], shape[1], 1, 1]), x, name: "\(name).picture")
    return try results(
      Split(axis: 1, sizes: [Int](repeating: 1, count: shape[1])), picture, name: "\(name).columns")
  }
}
