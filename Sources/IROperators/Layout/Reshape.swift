import IRGraph
import IRTensor

/// The same elements in row-major order under another shape.
package struct Reshape: Operator {
  package var shape: Shape
  package static let name = "Reshape"

  package init(shape: Shape) { self.shape = shape }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    guard shape.checkedElementCount == inputs[0].shape.elementCount else {
      throw TypeError("Reshape.elementCount", "\(inputs[0].shape) cannot be read as \(shape)")
    }
    return [inputs[0].with(shape: shape)]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] { [inputs[0].reshaped(to: shape)] }
}

extension Reshape: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    reshapedAxes(types.inputs[0].shape, to: shape)
  }
}

/// Pairs the fewest axes of both shapes that have as many elements.
private func reshapedAxes(_ old: Shape, to new: Shape) -> [AxisRelation] {
  guard !old.contains(0) else { return .mixed(new.rank) }
  var result = [AxisRelation](repeating: .new, count: new.rank)
  var (i, j) = (0, 0)
  while i < old.rank, j < new.rank {
    if old[i] == 1 || new[j] == 1 {
      if old[i] == new[j] { result[j] = .same(i) }
      (i, j) = (old[i] == 1 ? i + 1 : i, new[j] == 1 ? j + 1 : j)
      continue
    }
    let (firstOld, firstNew) = (i, j)
    var (a, b) = (old[i], new[j])
    while a != b {
      if a < b { i += 1; a *= old[i] } else { j += 1; b *= new[j] }
    }
    (i, j) = (i + 1, j + 1)
    if i == firstOld + 1 {
      for axis in firstNew..<j where new[axis] > 1 {
        let step = new.elementCount(in: (axis + 1)..<j)
        result[axis] = new[axis] == old[firstOld] ? .same(firstOld) : .digit(of: firstOld, step: step)
      }
    } else if j == firstNew + 1 {
      result[firstNew] = .joined(firstOld..<i)
    } else {
      for axis in firstNew..<j { result[axis] = .mixed }
    }
  }
  return result
}

extension Reshape: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    return [try g.reshaped(c, to: g.shape(of: context.inputs[0]))]
  }
}
