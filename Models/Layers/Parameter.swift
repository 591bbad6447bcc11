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
  /// Evenly between two numbers.
  case uniform(Double, Double)
  /// Normal with mean 0.
  case normal(Double)
  /// These values.
  case start([Float])
  /// These values always: a buffer, which nothing changes.
  case values([Float])

  /// PyTorch's for convolutions and linear maps: ±1/√fanIn, the inputs of one output.
  public static func fanIn(_ count: Int) -> Initialization {
    let bound = 1 / Double(max(count, 1)).squareRoot()
    return .uniform(-bound, bound)
  }
}

extension Collection where Element == Parameter {
  /// The number of elements, unused parameters included, buffers not.
  public var elementCount: Int {
    reduce(0) { if case .values = $1.initialization { $0 } else { $0 + $1.shape.elementCount } }
  }
}
