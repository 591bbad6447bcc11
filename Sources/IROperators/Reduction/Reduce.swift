import IRGraph
import IRTensor

package enum ReduceFunction: String, Hashable, Sendable, Codable, CaseIterable {
  case sum, mean, maximum, minimum, product, sumSquare, l1, l2, logSum, logSumExp
}

/// Combines the elements along some axes; no axes leave every element as its own set.
package struct Reduce: Operator {
  package var function: ReduceFunction
  package var axes: [Int]
  package var keepsAxes: Bool
  package static let name = "Reduce"

  package init(_ function: ReduceFunction, axes: [Int], keepsAxes: Bool = true) {
    self.function = function
    self.axes = axes
    self.keepsAxes = keepsAxes
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    let x = inputs[0]
    try requireAxes(axes, x.shape, Self.name)
    if x.elementType == .bool, function != .maximum, function != .minimum {
      throw TypeError("Reduce.numeric", "\(function.rawValue) of bool")
    }
    let extents: [Int] = x.shape.indices.compactMap { axis in
      axes.contains(axis) ? (keepsAxes ? 1 : nil) : x.shape[axis]
    }
    return [x.with(shape: Shape(extents))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let type = try? outputTypes(for: inputs.map(\.type)).first else {
      preconditionFailure("checked by outputTypes")
    }
    let x = inputs[0]
    let kept = x.shape.indices.filter { !axes.contains($0) }
    let sorted = axes.sorted()
    let strides = x.shape.strides
    let starts = StridedWalk(Shape(kept.map { x.shape[$0] }), strides: kept.map { strides[$0] }).offsets
    let steps = StridedWalk(Shape(sorted.map { x.shape[$0] }), strides: sorted.map { strides[$0] }).offsets
    if !x.elementType.isFloatingPoint, let integer = integerFunction(x.elementType) {
      let values = x.integers
      return [Tensor(type, integers: starts.map { start in integer(steps.map { values[start + $0] }) })]
    }
    let values = x.doubles
    return [Tensor(type, doubles: starts.map { start in value(of: steps.map { values[start + $0] }) })]
  }

  private func integerFunction(_ type: ElementType) -> (([Int64]) -> Int64)? {
    let isUnsigned = type == .uint64
    func less(_ a: Int64, _ b: Int64) -> Bool {
      isUnsigned ? UInt64(bitPattern: a) < UInt64(bitPattern: b) : a < b
    }
    switch function {
    case .sum: return { $0.reduce(0, &+) }
    case .product: return { $0.reduce(1, &*) }
    case .sumSquare: return { $0.reduce(0) { $0 &+ $1 &* $1 } }
    case .l1: return { $0.reduce(0) { $0 &+ ($1 < 0 && !isUnsigned ? 0 &- $1 : $1) } }
    case .maximum: return { $0.max(by: less) ?? (type.isSigned ? -(1 << (type.byteCount * 8 - 1)) : 0) }
    case .minimum:
      return {
        $0.min(by: less) ?? (type == .bool ? 1 : type.isSigned ? (1 << (type.byteCount * 8 - 1)) &- 1 : -1)
      }
    default: return nil
    }
  }

  /// The function in float64 of one set, the empty one included.
  private func value(of set: [Double]) -> Double {
    switch function {
    case .sum: return set.reduce(0, +)
    case .mean: return set.reduce(0, +) / Double(set.count)
    case .product: return set.reduce(1, *)
    case .sumSquare: return set.reduce(0) { $0 + $1 * $1 }
    case .l1: return set.reduce(0) { $0 + $1.magnitude }
    case .l2: return set.reduce(0) { $0 + $1 * $1 }.squareRoot()
    case .logSum: return mathLog(set.reduce(0, +))
    case .maximum: return set.reduce(-.infinity) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
    case .minimum: return set.reduce(.infinity) { $0.isNaN || $1.isNaN ? .nan : min($0, $1) }
    case .logSumExp:
      let largest = set.reduce(-.infinity) { max($0, $1) }
      if largest.isInfinite { return largest }
      return largest + mathLog(set.reduce(0) { $0 + mathExp($1 - largest) })
    }
  }
}

extension Reduce: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .reducing(axes, keepsAxes: keepsAxes, types.inputs[0].shape.rank)
  }
}

extension Reduce: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let dropped = context.ofOutputs[0] else { return context.none }
    let (x, shape) = (context.inputs[0], g.shape(of: context.inputs[0]))
    // One factor for each set, that broadcasts over it.
    let c = try g.withAxes(dropped, axes, of: shape)
    let y = try g.withAxes(context.outputs[0], axes, of: shape)
    let count = axes.reduce(1) { $0 * shape[$1] }
    switch function {
    case .sum: return [try g.stretched(c, to: shape)]
    case .mean: return [try g.stretched(try g.affine(c, 1 / Double(max(count, 1))), to: shape)]
    case .sumSquare: return [try g.product(try g.affine(c, 2), x)]
    case .l1: return [try g.product(c, try g.unary(.sign, x))]
    case .l2:
      // 0 where all are 0.
      let least = g.constant(Tensor(TensorType(g.type(of: y).elementType, .scalar), repeating: 1e-30))
      return [try g.product(x, try g.quotient(c, try g.binary(.maximum, y, least)))]
    case .product: return [try g.quotient(try g.product(c, y), x)]
    case .logSum:
      let sum = try g.unary(.exp, y)
      return [try g.stretched(try g.quotient(c, sum), to: shape)]
    case .logSumExp: return [try g.product(c, try g.unary(.exp, try g.difference(x, y)))]
    case .maximum, .minimum:
      // Shared evenly among equal extremes.
      let distance = try g.unary(.sign, try g.unary(.abs, try g.difference(x, y)))
      let mask = try g.affine(distance, -1, 1)
      let share = try g.quotient(c, try g.summed(mask, over: axes))
      return [try g.product(mask, share)]
    }
  }
}
