import IRGraph
import IRTensor

/// The determinants of the square matrices in the last two axes, by elimination with row pivots.
///
/// Input `[…, M, M]`, result `[…]`; the determinant of an empty matrix is 1.
package struct Determinant: Operator {
  package static let name = "Determinant"

  package init() {}

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 1...1, Self.name)
    try requireFloating(inputs[0], Self.name)
    let shape = inputs[0].shape
    guard shape.rank >= 2, shape[shape.rank - 1] == shape[shape.rank - 2] else {
      throw TypeError("Determinant.square", "needs square matrices, has \(shape)")
    }
    return [inputs[0].with(shape: Shape(Array(shape.dropLast(2))))]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let size = shape[shape.rank - 1]
    let type = inputs[0].type.with(shape: Shape(Array(shape.dropLast(2))))
    var values = inputs[0].doubles
    let results = (0..<type.shape.elementCount).map { matrix in
      determinant(&values, start: matrix * size * size, size: size)
    }
    return [Tensor(type, doubles: results)]
  }

  private func determinant(_ values: inout [Double], start: Int, size: Int) -> Double {
    var result = 1.0
    for column in 0..<size {
      func at(_ row: Int, _ column: Int) -> Int { start + row * size + column }
      let pivot = (column..<size).max { values[at($0, column)].magnitude < values[at($1, column)].magnitude }
      guard let pivot else { return result }
      if pivot != column {
        for k in 0..<size { values.swapAt(at(pivot, k), at(column, k)) }
        result = -result
      }
      let divisor = values[at(column, column)]
      result *= divisor
      if divisor == 0 { return result }
      for row in (column + 1)..<max(size, column + 1) {
        let factor = values[at(row, column)] / divisor
        for k in column..<size { values[at(row, k)] -= factor * values[at(column, k)] }
      }
    }
    return result
  }
}

extension Determinant: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    .eachAlone(types.outputs[output].shape.rank)
  }
}
