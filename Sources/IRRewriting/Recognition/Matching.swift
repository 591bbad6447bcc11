import IRGraph
import IROperators
import IRTensor

/// Looking at what makes a value, for rules.
extension Graph {
  /// The node of operator type `O` that makes the value, with the operator.
  func producer<O: Operator>(of value: ValueID, as _: O.Type) -> (
    id: NodeID, operation: O, inputs: [ValueID]
  )? {
    guard let id = producer(of: value), let operation = self[id].operator as? O else { return nil }
    return (id, operation, self[id].inputs)
  }

  /// The operands where the value is made by this function of two.
  func operands(of value: ValueID, _ function: BinaryFunction) -> (ValueID, ValueID)? {
    guard let (_, binary, inputs) = producer(of: value, as: Binary.self), binary.function == function else {
      return nil
    }
    return (inputs[0], inputs[1])
  }

  /// The operand where the value is made by this function of one.
  func operand(of value: ValueID, _ function: UnaryFunction) -> ValueID? {
    guard let (_, unary, inputs) = producer(of: value, as: Unary.self), unary.function == function else {
      return nil
    }
    return inputs[0]
  }

  /// The number that a constant repeats in every element.
  func uniform(_ value: ValueID) -> Double? {
    guard let tensor = constant(value), tensor.elementType.isFloatingPoint, tensor.elementCount > 0,
      tensor.elementCount <= 1 << 16
    else { return nil }
    let values = tensor.doubles
    return values.allSatisfy { $0 == values[0] } ? values[0] : nil
  }

  /// The constant factors of each channel of a value `[N, C, …]` that is multiplied by this one.
  func channelFactors(_ value: ValueID, of product: Shape) -> [Double]? {
    if let factor = uniform(value) { return [Double](repeating: factor, count: product[1]) }
    guard let tensor = constant(value), tensor.elementType.isFloatingPoint,
      isOfChannels(tensor.shape, product)
    else { return nil }
    return tensor.doubles
  }

  /// Whether a shape, broadcast to `[N, C, …]`, has a number for each channel.
  func isOfChannels(_ shape: Shape, _ product: Shape) -> Bool {
    let axis = shape.rank - product.rank + 1
    return axis >= 0 && shape[axis] == product[1] && shape.elementCount == product[1]
  }

  /// The other operand, if the value is that function of it and a uniform constant of this number.
  func operand(of value: ValueID, _ function: BinaryFunction, with number: Double, within: Double = 1e-6)
    -> ValueID?
  {
    guard let (a, b) = operands(of: value, function) else { return nil }
    if let found = uniform(b), (found - number).magnitude <= within { return a }
    let commutes = function == .add || function == .multiply
    if commutes, let found = uniform(a), (found - number).magnitude <= within { return b }
    return nil
  }

  /// x where the value is x², by whatever operator.
  func squared(_ value: ValueID) -> ValueID? {
    if let (a, b) = operands(of: value, .multiply), a == b { return a }
    if let (a, b) = operands(of: value, .power), uniform(b) == 2 { return a }
    return operand(of: value, .square)
  }

  /// The value under the reshapes that only add or drop axes of extent 1.
  func withoutUnitReshapes(_ value: ValueID) -> ValueID {
    var value = value
    while let (_, _, inputs) = producer(of: value, as: Reshape.self),
      self[inputs[0]].type.shape.filter({ $0 != 1 }) == self[value].type.shape.filter({ $0 != 1 })
    { value = inputs[0] }
    return value
  }

  /// The value under all reshapes.
  func withoutReshapes(_ value: ValueID) -> ValueID {
    var value = value
    while let (_, _, inputs) = producer(of: value, as: Reshape.self) { value = inputs[0] }
    return value
  }

  /// Whether the value is an input of the graph.
  func isInput(_ value: ValueID) -> Bool {
    if case .input = self[value].definition { true } else { false }
  }

  /// The input and axes where the value is this reduction of it.
  func reduced(_ value: ValueID, _ function: ReduceFunction) -> (input: ValueID, axes: [Int])? {
    guard let (_, reduce, inputs) = producer(of: withoutUnitReshapes(value), as: Reduce.self),
      reduce.function == function
    else { return nil }
    return (inputs[0], reduce.axes.sorted())
  }
}
