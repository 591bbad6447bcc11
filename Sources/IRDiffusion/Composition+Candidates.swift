extension Composition {
  /// The paper's 1512 candidates: weights of the six components in steps of 0.2, that add up to 1, at most
  /// one of them below 0 and then -0.2.
  package static let grid: [Composition] = {
    let steps = 5
    var result: [[Int]] = []
    // All ways to share `left` steps among the components from `position` on.
    func share(_ left: Int, _ position: Int, _ head: [Int]) {
      if position == Component.six.count - 1 {
        result.append(head + [left])
        return
      }
      for part in 0...left { share(left - part, position + 1, head + [part]) }
    }
    share(steps, 0, [])
    for negative in Component.six.indices {
      let first = result.count
      share(steps + 1, 1, [])
      for index in first..<result.count { result[index].insert(-1, at: negative) }
    }
    return result.map { vector in
      guard let composition = try? Composition(six: vector.map { Double($0) / Double(steps) }) else {
        preconditionFailure("\(vector) adds up to \(steps)")
      }
      return composition
    }
  }()

  /// Eight candidates to begin with, ours: those of the paper, the most frequent winners of its grid, are not
  /// published.
  package static let frequent: [Composition] = [
    [1, 0, 0, 0, 0, 0], [0.4, 0.4, 0.2, 0, 0, 0], [0.4, 0, 0.4, 0.2, 0, 0], [0.6, 0.2, 0, -0.2, 0.2, 0.2],
    [0.2, 0.6, 0.2, -0.2, 0, 0.2], [0.2, 0.2, 0.6, -0.2, 0, 0.2], [0.4, 0.2, 0.2, -0.2, 0.2, 0.2],
    [0.2, 0.2, 0.2, 0.2, 0, 0.2],
  ].map { weights in
    guard let composition = try? Composition(six: weights) else {
      preconditionFailure("\(weights) adds up to 1")
    }
    return composition
  }
}
