/// One direction of a `Recurrence`, for one sequence at a time.
struct RecurrentLayer {
  let recurrence: Recurrence
  let hidden: Int
  let functions: [RecurrentActivation]
  let weight: [Double]
  let recurrentWeight: [Double]
  let bias: [Double]
  let peepholes: [Double]

  /// The state, and for `lstm` the cell, after one more element.
  func advance(_ x: [Double], _ state: inout [Double], _ memory: inout [Double]) {
    switch recurrence.cell {
    case .simple:
      let own = products(weight, x, rows: 0..<hidden)
      let old = products(recurrentWeight, state, rows: 0..<hidden)
      for k in 0..<hidden { state[k] = apply(0, own[k] + old[k] + bias[k] + bias[hidden + k]) }
    case .gru: gru(x, &state)
    case .lstm: lstm(x, &state, &memory)
    }
  }

  private func gru(_ x: [Double], _ state: inout [Double]) {
    let rows = 3 * hidden
    let own = products(weight, x, rows: 0..<rows)
    let old = products(recurrentWeight, state, rows: 0..<(2 * hidden))
    func gate(_ index: Int, _ k: Int) -> Double {
      let row = index * hidden + k
      return apply(0, own[row] + old[row] + bias[row] + bias[rows + row])
    }
    let reset = (0..<hidden).map { gate(1, $0) }
    let candidates = 2 * hidden..<rows
    let past =
      recurrence.isLinearBeforeReset
      ? products(recurrentWeight, state, rows: candidates)
      : products(recurrentWeight, (0..<hidden).map { reset[$0] * state[$0] }, rows: candidates)
    let next = (0..<hidden).map { k -> Double in
      let row = 2 * hidden + k
      let from =
        recurrence.isLinearBeforeReset
        ? reset[k] * (past[k] + bias[rows + row]) : past[k] + bias[rows + row]
      let candidate = apply(1, own[row] + bias[row] + from)
      let update = gate(0, k)
      return (1 - update) * candidate + update * state[k]
    }
    state = next
  }

  private func lstm(_ x: [Double], _ state: inout [Double], _ memory: inout [Double]) {
    let rows = 4 * hidden
    let own = products(weight, x, rows: 0..<rows)
    let old = products(recurrentWeight, state, rows: 0..<rows)
    func sum(_ index: Int, _ k: Int) -> Double {
      let row = index * hidden + k
      return own[row] + old[row] + bias[row] + bias[rows + row]
    }
    for k in 0..<hidden {
      let input = apply(0, sum(0, k) + peepholes[k] * memory[k])
      let forget =
        recurrence.couplesForget ? 1 - input : apply(0, sum(2, k) + peepholes[2 * hidden + k] * memory[k])
      let next = forget * memory[k] + input * apply(1, sum(3, k))
      let output = apply(0, sum(1, k) + peepholes[hidden + k] * next)
      memory[k] = next
      state[k] = output * functions[2].value(at: next)
    }
  }

  /// A function of the layer, of a number clipped to the layer's bound.
  private func apply(_ index: Int, _ x: Double) -> Double {
    let bound = Double(recurrence.clip)
    return functions[index].value(at: bound > 0 && !x.isNaN ? min(max(x, -bound), bound) : x)
  }

  private func products(_ matrix: [Double], _ vector: [Double], rows: Range<Int>) -> [Double] {
    matrix.withUnsafeBufferPointer { matrix in
      vector.withUnsafeBufferPointer { vector in
        rows.map { row in
          var sum = 0.0
          for k in vector.indices { sum += matrix[row * vector.count + k] * vector[k] }
          return sum
        }
      }
    }
  }
}
