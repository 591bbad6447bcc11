import IRGraph
import IRTensor

/// The largest element under a window; with `hasIndices` also where it was (int64, flat over the whole
/// tensor, the spatial part column-major where asked).
package struct MaxPool: Operator {
  package var window: PoolingWindow
  package var columnMajorIndices: Bool
  package var hasIndices: Bool
  package static let name = "MaxPool"

  package init(window: PoolingWindow, columnMajorIndices: Bool = false, hasIndices: Bool = false) {
    self.window = window
    self.columnMajorIndices = columnMajorIndices
    self.hasIndices = hasIndices
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let type = try window.outputType(for: inputs, Self.name)
    return hasIndices ? [type, type.with(elementType: .int64)] : [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let x = inputs[0]
    let (type, taps) = window.taps(inputs[0].type, Self.name)
    let plane = x.shape.elementCount(in: 2..<x.shape.rank)
    let extents = Array(x.shape.dropFirst(2))
    let source = x.doubles
    var values: [Double] = []
    var indices: [Int64] = []
    for p in 0..<(x.shape[0] * x.shape[1]) {
      for offsets in taps {
        var best = -Double.infinity
        var found = -1
        for offset in offsets where offset >= 0 {
          let value = source[p * plane + offset]
          if found < 0 || value > best || value.isNaN { (best, found) = (value, offset) }
        }
        values.append(found < 0 ? 0 : best)
        indices.append(Int64(p * plane + columnMajor(max(found, 0), extents)))
      }
    }
    let first = Tensor(type, doubles: values)
    return hasIndices ? [first, Tensor(type.with(elementType: .int64), integers: indices)] : [first]
  }

  private func columnMajor(_ offset: Int, _ extents: [Int]) -> Int {
    guard columnMajorIndices else { return offset }
    var (rest, index) = (offset, [Int]())
    for extent in extents.reversed() {
      index.insert(rest % extent, at: 0)
      rest /= extent
    }
    var (result, stride) = (0, 1)
    for (axis, extent) in extents.enumerated() {
      result += index[axis] * stride
      stride *= extent
    }
    return result
  }
}

/// The mean under a window, of the elements inside the input or, with `countsPadding`, of the padded
/// input.
package struct AveragePool: Operator {
  package var window: PoolingWindow
  package var countsPadding: Bool
  package static let name = "AveragePool"

  package init(window: PoolingWindow, countsPadding: Bool = false) {
    self.window = window
    self.countsPadding = countsPadding
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let type = try window.outputType(for: inputs, Self.name)
    try requireFloating(type, Self.name)
    return [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let (type, taps) = window.taps(inputs[0].type, Self.name)
    let counts =
      countsPadding ? window.paddedCounts(inputs[0].shape, type.shape) : taps.map { $0.count { $0 >= 0 } }
    return [
      pooled(inputs[0], type, taps) { values, position in
        values.reduce(0, +) / Double(max(counts[position], 1))
      }
    ]
  }
}

/// (Σ |x|^p)^(1/p) under a window.
package struct LpPool: Operator {
  package var window: PoolingWindow
  package var p: Int
  package static let name = "LpPool"

  package init(window: PoolingWindow, p: Int = 2) {
    self.window = window
    self.p = p
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    let type = try window.outputType(for: inputs, Self.name)
    try requireFloating(type, Self.name)
    guard p > 0 else { throw TypeError("LpPool.p", "p is \(p)") }
    return [type]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let (type, taps) = window.taps(inputs[0].type, Self.name)
    let power = Double(p)
    return [
      pooled(inputs[0], type, taps) { values, _ in
        mathPow(values.reduce(0) { $0 + mathPow($1.magnitude, power) }, 1 / power)
      }
    ]
  }
}

private func pooled(_ x: Tensor, _ type: TensorType, _ taps: [[Int]], _ body: ([Double], Int) -> Double)
  -> Tensor
{
  let plane = x.shape.elementCount(in: 2..<x.shape.rank)
  let source = x.doubles
  var result: [Double] = []
  for p in 0..<(x.shape[0] * x.shape[1]) {
    for (position, offsets) in taps.enumerated() {
      result.append(body(offsets.filter { $0 >= 0 }.map { source[p * plane + $0] }, position))
    }
  }
  return Tensor(type, doubles: result)
}

extension AveragePool: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    [.same(0), .same(1)] + window.axes(types.inputs[0].shape, types.outputs[output].shape)
  }
}

extension AveragePool: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let shape = g.shape(of: context.inputs[0])
    return [try g.value(AveragePoolGradient(pool: self, shape: shape), [c])]
  }
}

extension MaxPool: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    // Indices are places in the whole tensor.
    if output == 1 { return .mixed(types.outputs[1].shape.rank) }
    return [.same(0), .same(1)] + window.axes(types.inputs[0].shape, types.outputs[0].shape)
  }
}

extension MaxPool: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.value(MaxPoolGradient(pool: self), [context.inputs[0], c])]
  }
}

extension LpPool: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    [.same(0), .same(1)] + window.axes(types.inputs[0].shape, types.outputs[output].shape)
  }
}
