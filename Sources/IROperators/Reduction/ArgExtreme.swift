import IRGraph
import IRTensor

/// The index (int64) of the largest or smallest element along an axis; of equals the first, or the last
/// with `selectsLast`.
public struct ArgExtreme: Operator {
  public var findsMaximum: Bool
  public var axis: Int
  public var keepsAxis: Bool
  public var selectsLast: Bool
  public static let name = "ArgExtreme"

  public init(findsMaximum: Bool, axis: Int, keepsAxis: Bool = true, selectsLast: Bool = false) {
    self.findsMaximum = findsMaximum
    self.axis = axis
    self.keepsAxis = keepsAxis
    self.selectsLast = selectsLast
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard inputs[0].shape[axis] > 0 else { throw TypeError("ArgExtreme.empty", "axis \(axis) is empty") }
    var extents = inputs[0].shape.extents
    if keepsAxis { extents[axis] = 1 } else { extents.remove(at: axis) }
    return [TensorType(.int64, Shape(extents))]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let view = AxisView(inputs[0].shape, axis: axis)
    let values = inputs[0].doubles
    var result: [Int64] = []
    view.forEachLine { start in
      var best = 0
      for k in 1..<max(view.axis, 1) {
        let (a, b) = (values[start + k * view.inner], values[start + best * view.inner])
        if (findsMaximum ? a > b : a < b) || (selectsLast && a == b) { best = k }
      }
      result.append(Int64(best))
    }
    var extents = inputs[0].shape.extents
    if keepsAxis { extents[axis] = 1 } else { extents.remove(at: axis) }
    return [Tensor(result, shape: Shape(extents))]
  }
}

/// Running sums along an axis, each without its own element where exclusive, from the end where reversed.
public struct CumulativeSum: Operator {
  public var axis: Int
  public var isExclusive: Bool
  public var isReversed: Bool
  public static let name = "CumulativeSum"

  public init(axis: Int, isExclusive: Bool = false, isReversed: Bool = false) {
    self.axis = axis
    self.isExclusive = isExclusive
    self.isReversed = isReversed
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard inputs[0].elementType != .bool else { throw TypeError("CumulativeSum.numeric", "sums of bool") }
    return inputs
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    if x.elementType.isFloatingPoint {
      return [Tensor(x.type, doubles: summed(x.doubles, x.shape, 0, +))]
    }
    return [Tensor(x.type, integers: summed(x.integers, x.shape, 0, &+))]
  }

  private func summed<T>(_ values: [T], _ shape: Shape, _ zero: T, _ add: (T, T) -> T) -> [T] {
    let view = AxisView(shape, axis: axis)
    var result = values
    view.forEachLine { start in
      var sum = zero
      for step in 0..<view.axis {
        let index = start + (isReversed ? view.axis - 1 - step : step) * view.inner
        let next = add(sum, values[index])
        result[index] = isExclusive ? sum : next
        sum = next
      }
    }
    return result
  }
}

/// The `count` largest or smallest elements along an axis and their indices (int64), in order; of equals
/// the lower index first.
public struct TopK: Operator {
  public var axis: Int
  public var count: Int
  public var findsLargest: Bool
  public var isSorted: Bool
  public static let name = "TopK"

  public init(axis: Int, count: Int, findsLargest: Bool = true, isSorted: Bool = true) {
    self.axis = axis
    self.count = count
    self.findsLargest = findsLargest
    self.isSorted = isSorted
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard count >= 0, count <= inputs[0].shape[axis] else {
      throw TypeError("TopK.count", "\(count) of \(inputs[0].shape[axis]) elements")
    }
    var shape = inputs[0].shape
    shape[axis] = count
    return [inputs[0].with(shape: shape), TensorType(.int64, shape)]
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    let view = AxisView(x.shape, axis: axis)
    let values = x.doubles
    var shape = x.shape
    shape[axis] = count
    var offsets = [Int](repeating: 0, count: shape.elementCount)
    var indices = [Int64](repeating: 0, count: shape.elementCount)
    for o in 0..<view.outer {
      for i in 0..<view.inner {
        let start = o * view.axis * view.inner + i
        func key(_ k: Int) -> Double { values[start + k * view.inner] }
        let order = (0..<view.axis).sorted {
          key($0) == key($1) ? $0 < $1 : (findsLargest ? key($0) > key($1) : key($0) < key($1))
        }
        for (k, index) in order.prefix(count).enumerated() {
          let target = (o * count + k) * view.inner + i
          offsets[target] = start + index * view.inner
          indices[target] = Int64(index)
        }
      }
    }
    return [x.gathered(offsets, shape: shape), Tensor(indices, shape: shape)]
  }
}

extension CumulativeSum: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(CumulativeSum(axis: axis, isExclusive: isExclusive, isReversed: !isReversed), [c])]
  }
}

extension TopK: DifferentiableOperator {
  public func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let zeros = g.zeros(g.type(of: context.inputs[0]))
    return [try g.value(ScatterElements(axis: axis, reduction: .add), [zeros, context.outputs[1], c])]
  }
}
