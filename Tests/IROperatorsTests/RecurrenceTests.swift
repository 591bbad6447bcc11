import IRGraph
import IROperators
import IRTensor
import Testing

private func types(
  _ cell: RecurrentCell, steps: Int = 3, batch: Int = 2, size: Int = 4, hidden: Int = 5, directions: Int = 1
) -> [TensorType] {
  let gates = [RecurrentCell.simple: 1, .gru: 3, .lstm: 4][cell] ?? 0
  let state = floats(directions, batch, hidden)
  let shared = [
    floats(steps, batch, size), floats(directions, gates * hidden, size),
    floats(directions, gates * hidden, hidden), floats(directions, 2 * gates * hidden),
    TensorType(.int32, [batch]), state,
  ]
  return cell == .lstm ? shared + [state, floats(directions, 3 * hidden)] : shared
}

@Test(arguments: RecurrentCell.allCases) func recurrenceConstraints(_ cell: RecurrentCell) throws {
  let right = types(cell)
  #expect(try constraint(of: Recurrence(cell), on: right) == "accepted")
  func answer(_ index: Int, _ type: TensorType, _ operation: Recurrence? = nil) throws -> String {
    var inputs = right
    inputs[index] = type
    return try constraint(of: operation ?? Recurrence(cell), on: inputs)
  }
  #expect(try constraint(of: Recurrence(cell), on: Array(right.dropLast())) == "Recurrence.inputCount")
  #expect(try answer(0, TensorType(.int32, [3, 2, 4])) == "Recurrence.floatingPoint")
  #expect(try answer(1, right[1].with(elementType: .float64)) == "Recurrence.elementTypes")
  #expect(try answer(0, floats(3, 2)) == "Recurrence.rank")
  #expect(try answer(2, floats(1, 5)) == "Recurrence.rank")
  #expect(try answer(2, floats(1, 0, 0)) == "Recurrence.rank")
  #expect(try answer(2, floats(1, 1, 1 << 40)) == "Recurrence.rank")
  #expect(try answer(1, floats(1, 5, 3)) == "Recurrence.weightShape")
  #expect(try answer(2, floats(2, 5, 5)) == "Recurrence.recurrentWeightShape")
  #expect(try answer(3, floats(1, 5)) == "Recurrence.biasShape")
  #expect(try answer(4, TensorType(.int32, [3])) == "Recurrence.lengthsShape")
  #expect(try answer(4, floats(2)) == "Recurrence.lengths")
  #expect(try answer(5, floats(1, 2, 4)) == "Recurrence.stateShape")
  if cell == .lstm {
    #expect(try answer(6, floats(2, 2, 5)) == "Recurrence.cellShape")
    #expect(try answer(7, floats(1, 5)) == "Recurrence.peepholesShape")
  }
  let one = Recurrence(cell, activations: [RecurrentActivation](repeating: .init(.relu), count: 7))
  #expect(try constraint(of: one, on: right) == "Recurrence.activations")
  #expect(try constraint(of: Recurrence(cell, clip: -1), on: right) == "Recurrence.clip")
  #expect(try constraint(of: Recurrence(cell, clip: .nan), on: right) == "Recurrence.clip")
  #expect(
    try constraint(of: Recurrence(cell, direction: .bidirectional), on: right) == "Recurrence.weightShape")
}

@Test func hugeSequencesAreRefused() throws {
  let long = types(.lstm, steps: 1 << 40, batch: 1 << 20, hidden: 1 << 10)
  #expect(try constraint(of: Recurrence(.lstm), on: long) == "tooLarge")
  let wide = types(.gru, size: 1 << 25)
  #expect(try constraint(of: Recurrence(.gru), on: wide) == "Recurrence.rank")
}

/// Lengths beyond the sequence, negative ones and numbers that are none give some result.
@Test(arguments: RecurrentCell.allCases, RecurrentDirection.allCases)
func recurrenceTakesEveryValue(_ cell: RecurrentCell, _ direction: RecurrentDirection) {
  let directions = direction == .bidirectional ? 2 : 1
  for number in [Double.nan, .infinity, -.infinity, 1e300] {
    let inputs = types(cell, directions: directions).map { type in
      type.elementType == .int32
        ? Tensor(type, integers: [Int64(Int32.max), -7]) : Tensor(type, repeating: number)
    }
    let results = Recurrence(cell, direction: direction, clip: 1).evaluate(inputs)
    #expect(results[0].shape == [3, directions, 2, 5])
    // The second sequence has no elements.
    #expect((0..<3).allSatisfy { results[0].doubles[($0 * directions * 2 + 1) * 5] == 0 })
  }
}

/// The values of one step by hand.
@Test func oneStepOfEachCell() {
  func run(_ cell: RecurrentCell, coupled: Bool = false, linear: Bool = false) -> [Double] {
    let inputs = types(cell, steps: 1, batch: 1, size: 1, hidden: 1).map { type in
      type.elementType == .int32
        ? Tensor(type, integers: [1]) : Tensor(type.with(elementType: .float64), repeating: 0.5)
    }
    let operation = Recurrence(cell, isLinearBeforeReset: linear, couplesForget: coupled)
    return operation.evaluate(inputs).map { $0.doubles[0] }
  }
  func sigmoid(_ x: Double) -> Double { 1 / (1 + exponential(-x)) }
  func exponential(_ x: Double) -> Double { (0..<60).reversed().reduce(1) { 1 + x / Double($1 + 1) * $0 } }
  func tanh(_ x: Double) -> Double { 1 - 2 / (1 + exponential(2 * x)) }
  func isNear(_ a: Double, _ b: Double) -> Bool { (a - b).magnitude < 1e-12 }
  // Each sum is 0.25 + 0.25 + 0.5 + 0.5.
  #expect(isNear(run(.simple)[0], tanh(1.5)))
  let gate = sigmoid(1.5)
  #expect(isNear(run(.gru)[0], (1 - gate) * tanh(0.25 + 0.25 * gate + 1) + gate * 0.5))
  #expect(isNear(run(.gru, linear: true)[0], (1 - gate) * tanh(0.75 + gate * 0.75) + gate * 0.5))
  let input = sigmoid(1.75)
  let next = input * 0.5 + input * tanh(1.5)
  #expect(isNear(run(.lstm)[2], next))
  #expect(isNear(run(.lstm)[0], sigmoid(1.5 + 0.5 * next) * tanh(next)))
  #expect(isNear(run(.lstm, coupled: true)[2], (1 - input) * 0.5 + input * tanh(1.5)))
}
