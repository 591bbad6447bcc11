import IRGraph
import IROperators
import IRTensor

extension Graph {
  /// The graph for `count` images at once, of one that was exported for a single one: every value that depends
  /// on `input` gets `count` as its first extent instead of 1. Weights that are chosen by the image (DaAIR's experts)
  /// may lie one image's after the other's along the first axis, which is then `count` times as long.
  /// - Precondition: `input` is an input of the graph.
  /// - Throws: `TrainingError.notBatchable` where a node would mix images or has a first axis that is no batch.
  func batched(_ input: ValueID, count: Int) throws(TrainingError) -> Graph {
    guard self[input].type.shape.first == 1 else {
      throw .notBatchable(
        node: self[input].name, operator: "input", detail: "its first extent is not 1: \(self[input].type)")
    }
    var builder = GraphBuilder(name: name)
    var values: [ValueID: ValueID] = [:]
    var batched: Set<ValueID> = [input]
    for id in inputs {
      var type = self[id].type
      if id == input { type.shape[0] = count }
      values[id] = builder.input(self[id].name, type)
    }
    func value(_ id: ValueID) -> ValueID {
      if let known = values[id] { return known }
      guard let tensor = constant(id) else { preconditionFailure("\(id) used before it is computed") }
      let made = builder.constant(tensor, name: self[id].name)
      values[id] = made
      return made
    }
    for id in nodesInOrder {
      let node = self[id]
      let isBatched = node.inputs.map { batched.contains($0) }
      var operation = node.operator
      if isBatched.contains(true) {
        switch batchedOperator(operation, isBatched, node, count) {
        case .success(let made): operation = made
        case .failure(let problem):
          throw .notBatchable(node: node.name, operator: operation.name, detail: problem.detail)
        }
      }
      let outputs: [ValueID]
      do {
        if let convolution = operation as? Convolution, isBatched.dropFirst().contains(true) {
          outputs = [try imageByImage(convolution, node, node.inputs.map { value($0) }, count, &builder)]
        } else {
          outputs = try builder.apply(operation, node.inputs.map { value($0) }, name: node.name)
        }
      } catch {
        throw .notBatchable(node: node.name, operator: operation.name, detail: "\(error)")
      }
      for (old, new) in zip(node.outputs, outputs) {
        values[old] = new
        guard isBatched.contains(true) else { continue }
        var expected = self[old].type
        guard expected.shape.rank > 0, expected.shape[0] == 1 || operation is Reshape else {
          throw .notBatchable(
            node: node.name, operator: operation.name, detail: "its result has no axis of images")
        }
        expected.shape[0] *= count
        guard builder.type(of: new) == expected else {
          throw .notBatchable(
            node: node.name, operator: operation.name,
            detail: "its result becomes \(builder.type(of: new)), not \(expected)")
        }
        batched.insert(old)
      }
    }
    for output in outputs { builder.output(value(output.value), name: output.name) }
    var result = builder.graph
    result.metadata = metadata
    return result
  }

  private struct Problem: Error { var detail: String }

  /// A convolution of each image with kernels of its own: the images' channels become groups of one picture.
  private func imageByImage(
    _ convolution: Convolution, _ node: Node, _ inputs: [ValueID], _ count: Int, _ builder: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    var convolution = convolution
    convolution.groupCount *= count
    var wide = builder.shape(of: inputs[0])
    (wide[0], wide[1]) = (1, count * wide[1])
    let picture = try builder.value(Reshape(shape: wide), [inputs[0]], name: "\(node.name).images")
    let result = try builder.value(convolution, [picture] + inputs.dropFirst(), name: node.name)
    var narrow = self[node.outputs[0]].type.shape
    narrow[0] = count
    return try builder.value(Reshape(shape: narrow), [result], name: "\(node.name).apart")
  }

  /// The operator for several images, where it treats each for itself.
  private func batchedOperator(
    _ operation: any Operator, _ isBatched: [Bool], _ node: Node, _ count: Int
  ) -> Result<any Operator, Problem> {
    func require(_ condition: Bool, _ made: any Operator) -> Result<any Operator, Problem> {
      condition ? .success(made) : .failure(Problem(detail: "it mixes the images of a batch"))
    }
    let onlyFirst = isBatched[0] && !isBatched.dropFirst().contains(true)
    switch operation {
    case is Unary, is Activation, is Cast, is IsInfinite: return .success(operation)
    case is Binary, is Select:
      // The images' axis of one that has fewer would meet another axis.
      let rank = self[node.outputs[0]].type.shape.rank
      let isSound = zip(node.inputs, isBatched).allSatisfy { !$1 || self[$0].type.shape.rank == rank }
      return require(isSound, operation)
    case is Convolution:
      return require(isBatched[0] && (onlyFirst || !isBatched.contains(false)), operation)
    case is ConvolutionTranspose, is GroupNormalization, is BatchNormalization, is MaxPool,
      is AveragePool, is LpPool, is DepthToSpace, is SpaceToDepth:
      return require(onlyFirst, operation)
    case var reshape as Reshape:
      guard reshape.shape.rank > 0 else { return require(false, operation) }
      reshape.shape[0] *= count
      return .success(reshape)
    case var expand as Expand:
      guard expand.shape.first == 1 else { return require(false, operation) }
      expand.shape[0] = count
      return .success(expand)
    case var slice as Slice:
      let isWhole = slice.starts[0] == 0 && slice.extents[0] == 1
      (slice.steps[0], slice.extents[0]) = (1, count)
      return require(isWhole, slice)
    case var resize as Resize:
      let isWhole = resize.extents[0] == 1 && resize.scales[0] == 1
      resize.extents[0] = count
      return require(isWhole, resize)
    case let pad as Pad: return require(pad.before[0] == 0 && pad.after[0] == 0, pad)
    case let tile as Tile: return require(tile.repeats[0] == 1, tile)
    case let transpose as Transpose: return require(transpose.permutation[0] == 0, transpose)
    case let concatenate as Concatenate:
      return require(concatenate.axis != 0 && !isBatched.contains(false), concatenate)
    case let split as Split: return require(split.axis != 0, split)
    case let softmax as Softmax: return require(softmax.axis != 0, softmax)
    case let softmax as LogSoftmax: return require(softmax.axis != 0, softmax)
    case let layer as LayerNormalization: return require(!layer.axes.contains(0) && onlyFirst, layer)
    case let rms as RMSNormalization: return require(!rms.axes.contains(0) && onlyFirst, rms)
    case let l2 as L2Normalization: return require(l2.axis != 0, l2)
    case let reduce as Reduce: return require(!reduce.axes.contains(0), reduce)
    case let extreme as ArgExtreme: return require(extreme.axis != 0, extreme)
    case let top as TopK: return require(top.axis != 0, top)
    case let sum as CumulativeSum: return require(sum.axis != 0, sum)
    case let hot as OneHot: return require(hot.axis != 0 && onlyFirst, hot)
    case let gather as Gather:
      // Rows chosen by the image: the indices' first axis comes first.
      let isChoice = gather.axis == 0 && isBatched == [false, true]
      return require(isChoice || (gather.axis != 0 && onlyFirst), gather)
    case let gather as GatherElements: return require(gather.axis != 0 && !isBatched.contains(false), gather)
    case is MatrixMultiply:
      // An operand of more than two axes has the images in front; two are one matrix for all.
      let ranks = node.inputs.map { self[$0].type.shape.rank }
      let isSound = zip(ranks, isBatched).allSatisfy { $0 > 2 || !$1 || ($0 == 2 && onlyFirst) }
      return require(isSound, operation)
    default: return require(false, operation)
    }
  }
}
