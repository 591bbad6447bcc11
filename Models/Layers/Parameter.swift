import IRTensor

/// A weight of a network as its official checkpoint names it.
public struct Parameter: Hashable, Sendable {
  public var name: String
  public var shape: Shape
  public var initialization: Initialization
  /// False for what official checkpoints hold and the network never reads.
  public var isUsed: Bool

  public init(_ name: String, _ shape: Shape, _ initialization: Initialization, isUsed: Bool = true) {
    self.name = name
    self.shape = shape
    self.initialization = initialization
    self.isUsed = isUsed
  }
}

/// How a parameter starts before training.
public enum Initialization: Hashable, Sendable {
  case constant(Double)
  /// Evenly within ±bound.
  case uniform(Double)
  /// Normal with mean 0.
  case normal(Double)
  /// These values, whoever initialises (a filter, a table that training does not change).
  case values([Float])

  /// PyTorch's for convolutions and linear maps: ±1/√fanIn, the inputs of one output.
  public static func fanIn(_ count: Int) -> Initialization {
    .uniform(1 / Double(max(count, 1)).squareRoot())
  }
}

extension Collection where Element == Parameter {
  /// The number of elements, unused parameters included.
  public var elementCount: Int { reduce(0) { $0 + $1.shape.elementCount } }
}
