import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let recurrent: [String: Reader] = [
    "RNN": { (n) throws(ImportFailure) in try RecurrenceReader(n: n, cell: .simple).read() },
    "GRU": { (n) throws(ImportFailure) in try RecurrenceReader(n: n, cell: .gru).read() },
    "LSTM": { (n) throws(ImportFailure) in try RecurrenceReader(n: n, cell: .lstm).read() },
  ]
}

private struct RecurrenceReader {
  let n: NodeReader
  let cell: RecurrentCell

  func read() throws(ImportFailure) -> [ValueID?] {
    let direction = n.text("direction", "forward")
    guard let direction = RecurrentDirection(rawValue: direction) else {
      throw .unsupported("direction \(direction)")
    }
    let directions = direction == .bidirectional ? 2 : 1
    let operation = Recurrence(
      cell, direction: direction, activations: try activations(count: directions * cell.activationCount),
      clip: n.float("clip"), isLinearBeforeReset: n.int("linear_before_reset") != 0,
      couplesForget: n.int("input_forget") != 0)
    let isBatchFirst = n.int("layout") != 0
    let (weight, recurrentWeight) = (try n.input(1), try n.input(2))
    let x = try swapped(try n.input(0), isBatchFirst)
    let (shape, hidden) = (n.shape(x), n.shape(recurrentWeight).last ?? 0)
    guard shape.rank == 3, (1...(1 << 24)).contains(hidden) else {
      throw .unsupported("sequences of \(shape) with a state of \(hidden)")
    }
    guard n.int("hidden_size", hidden) == hidden else {
      throw .unsupported("hidden_size is \(n.int("hidden_size")), the recurrent weight has \(hidden)")
    }
    func state(_ index: Int) throws(ImportFailure) -> ValueID {
      if n.has(index) { return try swapped(try n.input(index), isBatchFirst) }
      return try zeros([directions, shape[1], hidden], like: x)
    }
    let bias =
      n.has(3) ? try n.input(3) : try zeros([directions, 2 * cell.gateCount * hidden], like: x)
    let lengths: ValueID
    if n.has(4) {
      lengths = try n.input(4)
    } else {
      let longest = Double(min(shape[0], Int(Int32.max)))
      lengths = try n.filled(longest, TensorType(.int32, [shape[1]]))
    }
    var inputs = [x, weight, recurrentWeight, bias, lengths, try state(5)]
    if cell == .lstm {
      inputs.append(try state(6))
      inputs.append(n.has(7) ? try n.input(7) : try zeros([directions, 3 * hidden], like: x))
    }
    let results = try n.emitAll(operation, inputs)
    guard isBatchFirst else { return results }
    var swappedResults: [ValueID] = [try n.emit(Transpose(permutation: [2, 0, 1, 3]), results[0])]
    for result in results.dropFirst() { swappedResults.append(try swapped(result, true)) }
    return swappedResults
  }

  /// The value with its first two axes exchanged.
  private func swapped(_ value: ValueID, _ isNeeded: Bool) throws(ImportFailure) -> ValueID {
    guard isNeeded else { return value }
    guard n.shape(value).rank == 3 else { throw .unsupported("a state of \(n.shape(value))") }
    return try n.emit(Transpose(permutation: [1, 0, 2]), value)
  }

  private func zeros(_ shape: Shape, like x: ValueID) throws(ImportFailure) -> ValueID {
    try n.filled(0, TensorType(n.type(x).elementType, shape))
  }

  private func activations(count: Int) throws(ImportFailure) -> [RecurrentActivation] {
    guard let names = n.texts("activations"), !names.isEmpty else { return [] }
    guard names.count == count else { throw .unsupported("\(names.count) activations, it takes \(count)") }
    var alphas = (n.floats("activation_alpha") ?? [])[...]
    var betas = (n.floats("activation_beta") ?? [])[...]
    var result: [RecurrentActivation] = []
    for name in names {
      let function = RecurrentFunction.allCases.first { $0.rawValue.lowercased() == name.lowercased() }
      guard let function else { throw .unsupported("activation \(name)") }
      result.append(
        RecurrentActivation(
          function, alpha: function.parameters.alpha == nil ? nil : alphas.popFirst(),
          beta: function.parameters.beta == nil ? nil : betas.popFirst()))
    }
    return result
  }
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let recurrentWriters: [(String, Writer)] = [
    writer(Recurrence.self) { (recurrence, w) throws(ExportFailure) in
      let opTypes: [RecurrentCell: String] = [.simple: "RNN", .gru: "GRU", .lstm: "LSTM"]
      guard let opType = opTypes[recurrence.cell], let hidden = w.inputTypes[2].shape.last else {
        throw ExportFailure("a recurrent layer of \(recurrence.cell.rawValue)")
      }
      let functions = recurrence.activations
      let alphas = functions.filter { $0.function.parameters.alpha != nil }.map(\.alpha)
      let betas = functions.filter { $0.function.parameters.beta != nil }.map(\.beta)
      var operands = w.inputs
      if w.inputTypes[4].elementType != .int32 {
        operands[4] = w.step("Cast", [operands[4]], [.int("to", Int(ElementType.int32.rawValue))])
      }
      w.emit(
        opType, operands,
        [
          .int("hidden_size", hidden), .string("direction", recurrence.direction.rawValue),
          .strings("activations", functions.map(\.function.onnxName)),
          alphas.isEmpty ? nil : .floats("activation_alpha", alphas),
          betas.isEmpty ? nil : .floats("activation_beta", betas),
          recurrence.clip > 0 ? .float("clip", recurrence.clip) : nil,
          recurrence.cell == .gru ? .flag("linear_before_reset", recurrence.isLinearBeforeReset) : nil,
          recurrence.cell == .lstm ? .flag("input_forget", recurrence.couplesForget) : nil,
        ])
    }
  ]
}

extension RecurrentFunction {
  fileprivate var onnxName: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
