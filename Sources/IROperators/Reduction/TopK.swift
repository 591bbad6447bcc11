import IRGraph
import IRTensor

/// The `count` largest or smallest elements along an axis and their indices (int64), in order; of equals
/// the lower index first.
package struct TopK: Operator {
  package var axis: Int
  package var count: Int
  package var findsLargest: Bool
  package var isSorted: Bool
  package static let name = "TopK"

  package init(axis: Int, count: Int, findsLargest: Bool = true, isSorted: Bool = true) {
    self.axis = axis
    self.count = count
    self.findsLargest = findsLargest
    self.isSorted = isSorted
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireAxis(axis, inputs[0].shape, Self.name)
    guard count >= 0, count <= inputs[0].shape[axis] else {
      throw TypeError("TopK.count", "\(count) of \(inputs[0].shape[axis]) elements")
    }
    var shape = inputs[0].shape
    shape[axis] = count
    return [inputs[0].with(shape: shape), TensorType(.int64, shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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

extension TopK: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.inputs[0].shape.rank, mixing: [axis])
  }
}

extension TopK: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let zeros = g.zeros(g.type(of: context.inputs[0]))
    return [try g.value(ScatterElements(axis: axis, reduction: .add), [zeros, context.outputs[1], c])]
  }
}
