import IRTensor

/// A weight of a network as its official checkpoint names it.
package struct Parameter: Hashable, Sendable {
  package var name: String
  package var shape: Shape
  package var initialization: Initialization
  /// False for what official checkpoints hold and the network never reads.
  package var isUsed: Bool

  package init(_ name: String, _ shape: Shape, _ initialization: Initialization, isUsed: Bool = true) {
    self.name = name
    self.shape = shape
    self.initialization = initialization
    self.isUsed = isUsed
  }
}

/// How a parameter starts before training.
package enum Initialization: Hashable, Sendable {
  case constant(Double)
  /// Evenly between two numbers.
  case uniform(Double, Double)
  /// Normal with mean 0.
  case normal(Double)
  /// These values.
  case start([Float])
  /// These values always: a buffer, which nothing changes.
  case values([Float])

  /// PyTorch's for convolutions and linear maps: ±1/√fanIn, the inputs of one output.
  package static func fanIn(_ count: Int) -> Initialization {
    let bound = 1 / Double(max(count, 1)).squareRoot()
    return .uniform(-bound, bound)
  }
}

extension Collection where Element == Parameter {
  /// The number of elements, unused parameters included, buffers not.
  package var elementCount: Int {
    reduce(0) { if case .values = $1.initialization { $0 } else { $0 + $1.shape.elementCount } }
  }
}
