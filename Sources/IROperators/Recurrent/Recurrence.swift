import IRGraph
import IRTensor

package enum RecurrentCell: String, Hashable, Sendable, Codable, CaseIterable {
  /// H = f(X W + H R + b).
  case simple
  /// Gated recurrent units (Cho et al. 2014): gates z, r, h.
  case gru
  /// Long short-term memory (Hochreiter and Schmidhuber 1997) with peepholes: gates i, o, f, c.
  case lstm

  package var gateCount: Int {
    switch self {
    case .simple: 1
    case .gru: 3
    case .lstm: 4
    }
  }

  /// Functions of each direction: of the gates, of the candidate, and of the cell's state.
  package var activationCount: Int {
    switch self {
    case .simple: 1
    case .gru: 2
    case .lstm: 3
    }
  }
}

package enum RecurrentDirection: String, Hashable, Sendable, Codable, CaseIterable {
  case forward, reverse, bidirectional
}

/// A recurrent layer over sequences, as ONNX's `RNN`, `GRU` and `LSTM` define it.
///
/// Inputs x `[T, N, I]`, W `[D, G H, I]`, R `[D, G H, H]`, bias `[D, 2 G H]` (of W, then of R), the length of
/// each sequence `[N]`, the first state `[D, N, H]`, and for `lstm` the first cell `[D, N, H]` and peepholes
/// `[D, 3 H]` (i, o, f), for D directions and G gates. Results y `[T, D, N, H]`, zero beyond a sequence's
/// length, the last state `[D, N, H]`, and for `lstm` the last cell.
package struct Recurrence: Operator {
  package var cell: RecurrentCell
  package var direction: RecurrentDirection
  /// `activationCount` functions for each direction.
  package var activations: [RecurrentActivation]
  /// The bound of what enters the functions of gates and candidates; 0 sets none.
  package var clip: Float
  /// GRU: the reset gate is applied after the product with R.
  package var isLinearBeforeReset: Bool
  /// LSTM: the forget gate is 1 minus the input gate.
  package var couplesForget: Bool
  package static let name = "Recurrence"

  package init(
    _ cell: RecurrentCell, direction: RecurrentDirection = .forward, activations: [RecurrentActivation] = [],
    clip: Float = 0, isLinearBeforeReset: Bool = false, couplesForget: Bool = false
  ) {
    self.cell = cell
    self.direction = direction
    let count = direction == .bidirectional ? 2 : 1
    let own: [RecurrentActivation] =
      cell == .simple
      ? [RecurrentActivation(.tanh)]
      : [RecurrentActivation(.sigmoid)]
        + [RecurrentActivation](repeating: RecurrentActivation(.tanh), count: cell.activationCount - 1)
    self.activations = activations.isEmpty ? (0..<count).flatMap { _ in own } : activations
    self.clip = clip
    self.isLinearBeforeReset = isLinearBeforeReset
    self.couplesForget = couplesForget
  }

  package var directionCount: Int { direction == .bidirectional ? 2 : 1 }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let count = cell == .lstm ? 8 : 6
    try requireCount(inputs, count...count, Self.name)
    try requireFloating(inputs[0], Self.name)
    var numbers = inputs
    numbers.remove(at: 4)
    try requireSameElementType(numbers, Self.name)
    let (x, r) = (inputs[0].shape, inputs[2].shape)
    let directions = directionCount
    guard x.rank == 3, r.rank == 3, (1...(1 << 24)).contains(r[2]), x[2] <= 1 << 24 else {
      throw TypeError("Recurrence.rank", "sequences of \(x) with a recurrent weight of \(r)")
    }
    let (hidden, gates) = (r[2], cell.gateCount)
    try requireShape(inputs[1], [directions, gates * hidden, x[2]], "weight", Self.name)
    try requireShape(inputs[2], [directions, gates * hidden, hidden], "recurrentWeight", Self.name)
    try requireShape(inputs[3], [directions, 2 * gates * hidden], "bias", Self.name)
    try requireShape(inputs[4], [x[1]], "lengths", Self.name)
    guard inputs[4].elementType.isInteger else {
      throw TypeError("Recurrence.lengths", "lengths are \(inputs[4].elementType), must be integers")
    }
    let state = Shape([directions, x[1], hidden])
    try requireShape(inputs[5], state, "state", Self.name)
    if cell == .lstm {
      try requireShape(inputs[6], state, "cell", Self.name)
      try requireShape(inputs[7], [directions, 3 * hidden], "peepholes", Self.name)
    }
    guard activations.count == directions * cell.activationCount else {
      throw TypeError(
        "Recurrence.activations",
        "\(activations.count) functions, \(cell.rawValue) takes \(directions * cell.activationCount)")
    }
    guard clip >= 0 else { throw TypeError("Recurrence.clip", "a bound of \(clip)") }
    let y = inputs[0].with(shape: [x[0], directions, x[1], hidden])
    return [y] + [TensorType](repeating: inputs[0].with(shape: state), count: cell == .lstm ? 2 : 1)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let types = try? outputTypes(for: inputs.map(\.type)) else {
      preconditionFailure("checked by outputTypes")
    }
    let lengths = inputs[4].integers.map { min(max(Int(clamping: $0), 0), inputs[0].shape[0]) }
    let numbers = inputs.enumerated().map { $0.offset == 4 ? [] : $0.element.doubles }
    var results = types.map { [Double](repeating: 0, count: $0.shape.elementCount) }
    let (steps, batch, size) = (inputs[0].shape[0], inputs[0].shape[1], inputs[0].shape[2])
    let hidden = inputs[2].shape[2]
    for d in 0..<directionCount {
      let isReversed = direction == .reverse || d == 1
      let rows = cell.gateCount * hidden
      func part(_ index: Int, _ count: Int) -> [Double] {
        Array(numbers[index][(d * count)..<((d + 1) * count)])
      }
      let layer = RecurrentLayer(
        recurrence: self, hidden: hidden,
        functions: Array(activations[(d * cell.activationCount)..<((d + 1) * cell.activationCount)]),
        weight: part(1, rows * size), recurrentWeight: part(2, rows * hidden), bias: part(3, 2 * rows),
        peepholes: cell == .lstm ? part(7, 3 * hidden) : [])
      for n in 0..<batch {
        let start = (d * batch + n) * hidden
        var state = Array(numbers[5][start..<(start + hidden)])
        var memory = cell == .lstm ? Array(numbers[6][start..<(start + hidden)]) : []
        for step in 0..<lengths[n] {
          let t = isReversed ? lengths[n] - 1 - step : step
          let first = (t * batch + n) * size
          layer.advance(Array(numbers[0][first..<(first + size)]), &state, &memory)
          let target = ((t * directionCount + d) * batch + n) * hidden
          results[0].replaceSubrange(target..<(target + hidden), with: state)
        }
        results[1].replaceSubrange(start..<(start + hidden), with: state)
        if cell == .lstm { results[2].replaceSubrange(start..<(start + hidden), with: memory) }
      }
    }
    precondition(results[0].count == steps * directionCount * batch * hidden)
    return zip(types, results).map { Tensor($0, doubles: $1) }
  }
}

extension Recurrence: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    // Sequences are alone; times, directions and channels are not.
    let sequences: Int? =
      switch input {
      case 0, 5, 6: 1
      case 4: 0
      default: nil
      }
    let isEverySequence = input > 0 && sequences == nil
    let place = output == 0 ? 2 : 1
    return (0..<types.outputs[output].shape.rank).map { axis in
      guard axis == place else { return .mixed }
      return isEverySequence ? .new : sequences.map { .same($0) } ?? .mixed
    }
  }
}
