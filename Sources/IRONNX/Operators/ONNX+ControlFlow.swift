import IRGraph
import IROperators
import IRTensor

/// Branches and loops: a graph has neither, so that a branch is taken or chosen from and loops are unrolled.
extension ONNXOperatorTable {
  /// Operators whose inputs or outputs are not tensors alone, by ONNX's operator type.
  static let controlFlow: [String: ValueReader] = ["If": branch, "Loop": loop, "Scan": scan]

  /// The branch taken where the condition is known, else both and a choice between their results.
  private static let branch: ValueReader = { (n) throws(ImportFailure) in
    let condition = try n.input(0)
    guard n.shape(condition).elementCount == 1, n.type(condition).elementType == .bool else {
      throw .unsupported("its condition is \(n.type(condition)), it takes one bool")
    }
    if let known = try n.context.known(condition) {
      let isTrue = known.booleans.first ?? false
      return try n.context.body(try n.graph(isTrue ? "then_branch" : "else_branch"), n.opsets)
    }
    let before = n.context.problems
    let taken = try n.context.body(try n.graph("then_branch"), n.opsets)
    let other = try n.context.body(try n.graph("else_branch"), n.opsets)
    let scalar = try n.reshaped(condition, .scalar)
    var results: [ImportedValue?] = []
    for (a, b) in zip(taken, other) {
      guard case .tensor(let a)? = a, case .tensor(let b)? = b, n.type(a) == n.type(b) else { break }
      results.append(.tensor(a == b ? a : try n.emit(Select(), scalar, a, b)))
    }
    guard results.count == n.node.outputs.count, n.context.problems.count == before.count else {
      // Branches of other types cannot be chosen from: the condition's value decides.
      n.context.restore(before)
      throw n.unknown(condition)
    }
    return results
  }

  /// Loops whose number of turns is known, each turn in its own nodes.
  private static let loop: ValueReader = { (n) throws(ImportFailure) in
    let body = try n.graph("body")
    var turns = Int.max
    if n.has(0) {
      guard let stated = try n.integers(0).first else { throw .unsupported("its number of turns is empty") }
      turns = max(stated, 0)
    }
    var goesOn = n.has(1) ? try n.constant(1).booleans.first ?? false : true
    var carried: [ImportedValue] = []
    for index in n.inputs.indices.dropFirst(2) { carried.append(n.inputs[index] ?? .absent) }
    let stackedCount = body.outputs.count - 1 - carried.count
    guard stackedCount >= 0, body.inputs.count == carried.count + 2 else {
      throw .unsupported(
        "its body has \(body.inputs.count) inputs and \(body.outputs.count) outputs for \(carried.count) "
          + "carried values")
    }
    guard !goesOn || turns <= ONNXLimits.turnCount || !n.has(0) || n.has(1) else {
      throw .unsupported("it runs \(turns) turns, at most \(ONNXLimits.turnCount) can be unrolled")
    }
    var stacked = [[ValueID]](repeating: [], count: stackedCount)
    var turn = 0
    while goesOn, turn < turns {
      guard turn < ONNXLimits.turnCount else {
        throw .unsupported("it runs over \(turn) turns, at most \(ONNXLimits.turnCount) can be unrolled")
      }
      let counter = n.constant(Tensor([Int64(turn)], shape: .scalar))
      let condition = n.constant(Tensor([true], shape: .scalar))
      let results = try n.context.body(
        body, n.opsets, inputs: [.tensor(counter), .tensor(condition)] + carried)
      guard let next = results.first else { throw .unsupported("its body has no condition") }
      // A problem inside the body has been reported.
      guard results.allSatisfy({ $0 != nil }), case .tensor(let next)? = next else {
        return [ImportedValue?](repeating: nil, count: carried.count + stackedCount)
      }
      turn += 1
      for (index, result) in results.dropFirst().enumerated() {
        guard let result else { continue }
        if index < carried.count { carried[index] = result; continue }
        guard case .tensor(let value) = result else {
          throw .unsupported("it stacks values other than tensors")
        }
        stacked[index - carried.count].append(value)
      }
      if turn < turns {
        guard let known = try n.context.known(next) else { throw n.unknown(next) }
        goesOn = known.booleans.first ?? false
      }
    }
    var results: [ImportedValue?] = carried.map { $0 }
    for (index, values) in stacked.enumerated() {
      results.append(
        .tensor(try n.stacked(values, axis: 0, like: body.outputs[1 + carried.count + index])))
    }
    return results
  }

  /// A loop over the slices of its inputs, each turn in its own nodes.
  private static let scan: ValueReader = { (n) throws(ImportFailure) in
    let body = try n.graph("body")
    let scanned = n.int("num_scan_inputs")
    // Operator set 8 has the lengths first, and an axis of batches before the others.
    let isBatched = n.opset < 9
    if isBatched, n.has(0) {
      throw .unsupported("lengths of sequences are not supported: pad them to one length")
    }
    let inputs = try Array(n.inputs.dropFirst(isBatched ? 1 : 0)).map { value throws(ImportFailure) in
      guard case .tensor(let id)? = value else { throw .unsupported("an input is missing or not a tensor") }
      return id
    }
    guard (0...inputs.count).contains(scanned), scanned > 0, body.inputs.count == inputs.count,
      body.outputs.count >= inputs.count - scanned
    else {
      throw .unsupported("\(scanned) of \(inputs.count) inputs are scanned by a body of \(body.inputs.count)")
    }
    let stateCount = inputs.count - scanned
    let scan = ScanReader(n: n, body: body, stateCount: stateCount)
    guard isBatched else { return try scan.results(inputs) }
    guard let first = inputs.first, let batch = n.shape(first).first, batch > 0, batch <= ONNXLimits.turnCount
    else { throw .unsupported("its inputs have no batch") }
    var parts = [[ValueID]](repeating: [], count: body.outputs.count)
    for position in 0..<batch {
      let own = try inputs.map { value throws(ImportFailure) in try n.slice(value, axis: 0, at: position) }
      for (index, result) in try scan.results(own).enumerated() {
        guard case .tensor(let value)? = result else {
          return [ImportedValue?](repeating: nil, count: body.outputs.count)
        }
        parts[index].append(value)
      }
    }
    return try zip(parts, body.outputs).map { values, info throws(ImportFailure) in
      .tensor(try n.stacked(values, axis: 0, like: info))
    }
  }
}

/// One `Scan` over its inputs without a batch.
private struct ScanReader {
  let n: NodeReader
  let body: ONNXGraph
  let stateCount: Int

  func results(_ inputs: [ValueID]) throws(ImportFailure) -> [ImportedValue?] {
    var states = inputs[..<stateCount].map { ImportedValue.tensor($0) }
    let scanned = Array(inputs[stateCount...])
    let axes = n.ints("scan_input_axes") ?? [Int](repeating: 0, count: scanned.count)
    let stackedCount = body.outputs.count - stateCount
    let outputAxes = n.ints("scan_output_axes") ?? [Int](repeating: 0, count: stackedCount)
    let directions =
      n.ints("scan_input_directions") ?? n.ints("directions") ?? [Int](repeating: 0, count: scanned.count)
    let outputDirections = n.ints("scan_output_directions") ?? [Int](repeating: 0, count: stackedCount)
    guard axes.count == scanned.count, directions.count == scanned.count, outputAxes.count == stackedCount,
      outputDirections.count == stackedCount
    else { throw .unsupported("axes and directions are not one for each scanned value") }
    var length: Int?
    var ownAxes: [Int] = []
    for (value, axis) in zip(scanned, axes) {
      let own = try n.axis(axis, rank: n.shape(value).rank)
      guard length ?? n.shape(value)[own] == n.shape(value)[own] else {
        throw .unsupported("it scans \(length ?? 0) and \(n.shape(value)[own]) slices")
      }
      length = n.shape(value)[own]
      ownAxes.append(own)
    }
    let turns = length ?? 0
    guard turns <= ONNXLimits.turnCount else {
      throw .unsupported("it scans \(turns) slices, at most \(ONNXLimits.turnCount) can be unrolled")
    }
    var stacked = [[ValueID]](repeating: [], count: stackedCount)
    for turn in 0..<turns {
      var slices: [ImportedValue] = []
      for (index, value) in scanned.enumerated() {
        let position = directions[index] == 0 ? turn : turns - 1 - turn
        slices.append(.tensor(try n.slice(value, axis: ownAxes[index], at: position)))
      }
      let results = try n.context.body(body, n.opsets, inputs: states + slices)
      for (index, result) in results.enumerated() {
        guard case .tensor(let value)? = result else {
          return [ImportedValue?](repeating: nil, count: body.outputs.count)
        }
        if index < stateCount {
          states[index] = .tensor(value)
        } else {
          stacked[index - stateCount].append(value)
        }
      }
    }
    var results: [ImportedValue?] = states.map { $0 }
    for (index, values) in stacked.enumerated() {
      let ordered = outputDirections[index] == 0 ? values : values.reversed()
      results.append(
        .tensor(try n.stacked(ordered, axis: outputAxes[index], like: body.outputs[stateCount + index])))
    }
    return results
  }
}

extension NodeReader {
  /// The slice of a value at one position of an axis, without the axis.
  func slice(_ value: ValueID, axis: Int, at position: Int) throws(ImportFailure) -> ValueID {
    let shape = self.shape(value)
    guard shape.indices.contains(axis), (0..<shape[axis]).contains(position) else {
      throw .unsupported("position \(position) on axis \(axis) of \(shape)")
    }
    var starts = [Int](repeating: 0, count: shape.rank)
    var extents = shape.extents
    (starts[axis], extents[axis]) = (position, 1)
    let part = try emit(
      Slice(starts: starts, steps: [Int](repeating: 1, count: shape.rank), extents: extents), value)
    extents.remove(at: axis)
    return try reshaped(part, Shape(extents))
  }

  /// The values side by side along a new axis. An empty list takes its type from `info`, the declared type of
  /// one value.
  func stacked(_ values: [ValueID], axis: Int, like info: ONNXValueInfo?) throws(ImportFailure) -> ValueID {
    guard let first = values.first else {
      guard case .tensor(let raw, let shape?)? = info?.type, let elementType = ElementType(rawValue: raw)
      else {
        throw .unsupported("it makes no value to stack, and its type is not declared")
      }
      let extents = shape.map { if case .fixed(let extent) = $0 { Int(clamping: extent) } else { 0 } }
      let type = TensorType(elementType, Shape([0] + extents))
      guard Graph.holds(type) else { throw .unsupported("\(type) is not a size") }
      return constant(Tensor(zeros: type))
    }
    let shape = self.shape(first)
    let own = try self.axis(axis, rank: shape.rank + 1)
    var parts: [ValueID] = []
    for value in values {
      guard type(value) == type(first) else {
        throw .unsupported("it stacks values of types \(type(first)) and \(type(value))")
      }
      var extents = shape.extents
      extents.insert(1, at: own)
      parts.append(try reshaped(value, Shape(extents)))
    }
    return parts.count == 1 ? parts[0] : try emitAll(Concatenate(axis: own), parts)[0]
  }
}
