import IRGraph
import IROperators
import IRTensor

/// Sequences and optionals, which exist at import only.
extension ONNXOperatorTable {
  static let sequences: [String: ValueReader] = [
    "Identity": { (n) throws(ImportFailure) in [try n.value(0)] },
    "SequenceEmpty": { (_) throws(ImportFailure) in [.sequence([])] },
    "SequenceConstruct": { (n) throws(ImportFailure) in [try n.sequence(try n.allInputs())] },
    "SequenceInsert": { (n) throws(ImportFailure) in
      var elements = try n.elements(0)
      let position = n.has(2) ? try n.integers(2).first ?? 0 : elements.count
      let own = position < 0 ? position &+ elements.count : position
      guard (0...elements.count).contains(own) else {
        throw .unsupported("position \(position) in a sequence of \(elements.count)")
      }
      elements.insert(try n.input(1), at: own)
      return [try n.sequence(elements)]
    },
    "SequenceErase": { (n) throws(ImportFailure) in
      var elements = try n.elements(0)
      elements.remove(at: try n.position(n.has(1) ? 1 : nil, in: elements))
      return [try n.sequence(elements)]
    },
    "SequenceAt": { (n) throws(ImportFailure) in
      let elements = try n.elements(0)
      return [.tensor(elements[try n.position(1, in: elements)])]
    },
    "SequenceLength": { (n) throws(ImportFailure) in
      [.tensor(n.constant(Tensor([Int64(try n.elements(0).count)], shape: .scalar)))]
    },
    "SplitToSequence": splitToSequence,
    "ConcatFromSequence": { (n) throws(ImportFailure) in
      let elements = try n.elements(0)
      guard let first = elements.first else { throw .unsupported("it joins a sequence without elements") }
      if n.int("new_axis") != 0 { return [.tensor(try n.stacked(elements, axis: n.int("axis"), like: nil))] }
      let axis = try n.axis(n.int("axis"), rank: n.shape(first).rank)
      return [.tensor(try n.emitAll(Concatenate(axis: axis), elements)[0])]
    },
    "SequenceMap": sequenceMap,
    "Optional": { (n) throws(ImportFailure) in [n.has(0) ? try n.value(0) : .absent] },
    "OptionalHasElement": { (n) throws(ImportFailure) in
      [.tensor(n.constant(Tensor([n.has(0)], shape: .scalar)))]
    },
    "OptionalGetElement": { (n) throws(ImportFailure) in
      guard n.has(0) else { throw .unsupported("the optional has no element") }
      return [try n.value(0)]
    },
  ]

  private static let splitToSequence: ValueReader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let axis = try n.axis(n.int("axis"), rank: shape.rank)
    var sizes: [Int]
    var keepsAxis = true
    func equal(_ size: Int) throws(ImportFailure) -> [Int] {
      guard size > 0 else { throw .unsupported("parts of \(size) along axis \(axis) of \(shape)") }
      let count = (shape[axis] - 1) / size + 1
      guard shape[axis] > 0, count <= ONNXLimits.portCount else {
        throw .unsupported(
          "\(count) parts along axis \(axis) of \(shape), the limit is \(ONNXLimits.portCount)")
      }
      return (0..<count).map { min(size, shape[axis] - $0 * size) }
    }
    if n.has(1) {
      let split = try n.constant(1)
      sizes = try n.integers(1)
      if split.shape.rank == 0 {
        // ONNX ignores keepdims here, ONNX Runtime and the files of PyTorch's exporter do not.
        keepsAxis = sizes.first != 1 || n.int("keepdims", 1) != 0
        sizes = try equal(sizes.first ?? 0)
      }
    } else {
      sizes = try equal(1)
      keepsAxis = n.int("keepdims", 1) != 0
    }
    guard sizes.count <= ONNXLimits.portCount else {
      throw .unsupported("\(sizes.count) parts, the limit is \(ONNXLimits.portCount)")
    }
    var parts = try n.emitAll(Split(axis: axis, sizes: sizes), [x])
    if !keepsAxis {
      var extents = shape.extents
      extents.remove(at: axis)
      parts = try parts.map { part throws(ImportFailure) in try n.reshaped(part, Shape(extents)) }
    }
    return [try n.sequence(parts)]
  }

  /// The body's nodes once for each element; inputs that are tensors go to each.
  private static let sequenceMap: ValueReader = { (n) throws(ImportFailure) in
    let body = try n.graph("body")
    let count = try n.elements(0).count
    var results = [[ValueID]](repeating: [], count: body.outputs.count)
    for position in 0..<count {
      var inputs: [ImportedValue] = []
      for index in n.inputs.indices {
        switch try n.value(index) {
        case .sequence(let elements):
          guard elements.count == count else {
            throw .unsupported("sequences of \(count) and \(elements.count) elements")
          }
          inputs.append(.tensor(elements[position]))
        case let other: inputs.append(other)
        }
      }
      for (index, result) in try n.context.body(body, n.opsets, inputs: inputs).enumerated() {
        guard case .tensor(let value)? = result else {
          return [ImportedValue?](repeating: nil, count: body.outputs.count)
        }
        results[index].append(value)
      }
    }
    return try results.map { elements throws(ImportFailure) in try n.sequence(elements) }
  }
}

extension NodeReader {
  /// The elements of an input that is a sequence.
  func elements(_ index: Int) throws(ImportFailure) -> [ValueID] {
    guard case .sequence(let elements) = try value(index) else {
      throw .unsupported("input \(index) is not a sequence")
    }
    return elements
  }

  /// A sequence of these elements, within the limit of all sequences together.
  func sequence(_ elements: [ValueID]) throws(ImportFailure) -> ImportedValue {
    context.sequenceElementCount += elements.count
    guard context.sequenceElementCount <= ONNXLimits.sequenceElementCount else {
      throw .unsupported(
        "the model's sequences have over \(ONNXLimits.sequenceElementCount) elements together")
    }
    return .sequence(elements)
  }

  /// A position in a sequence, counted from the front; the last one where no input states it.
  fileprivate func position(_ index: Int?, in elements: [ValueID]) throws(ImportFailure) -> Int {
    let stated = try index.map { index throws(ImportFailure) in try integers(index).first ?? 0 } ?? -1
    let own = stated < 0 ? stated &+ elements.count : stated
    guard elements.indices.contains(own) else {
      throw .unsupported("position \(stated) in a sequence of \(elements.count)")
    }
    return own
  }
}
