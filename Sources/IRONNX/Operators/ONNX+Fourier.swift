import Foundation
import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let fourier: [String: Reader] = ["DFT": discreteFourierTransform]

  /// The transform as one product with a constant matrix: exact in the sense of its definition, and meant for
  /// the short transforms that networks hold.
  private static let discreteFourierTransform: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let shape = n.shape(x)
    let given = n.opset >= 20 ? (n.has(2) ? try n.integers(2).first ?? -2 : -2) : n.int("axis", 1)
    let axis = try n.axis(given, rank: shape.rank)
    guard shape.rank >= 2, axis < shape.rank - 1, let parts = shape.last, parts == 1 || parts == 2 else {
      throw .unsupported("axis \(given) of \(shape)")
    }
    let (isInverse, isOneSided) = (n.int("inverse") != 0, n.int("onesided") != 0)
    let count = shape[axis]
    let givesReal = isInverse && isOneSided
    let length = n.has(1) ? try n.integers(1).first ?? 0 : (givesReal ? 2 * (count - 1) : count)
    guard (1...8192).contains(length), count * parts <= 16384 else {
      throw .unsupported("a transform of \(length)")
    }
    let used = min(count, givesReal ? length / 2 + 1 : length)
    let results = isOneSided && !isInverse ? length / 2 + 1 : length
    let resultParts = givesReal ? 1 : 2

    // Row (position, part), column (result, part).
    let width = results * resultParts
    var matrix = [Double](repeating: 0, count: count * parts * width)
    for position in 0..<used {
      // Of a half spectrum each line stands for two, but for the first and the middle one.
      let isSingle = position == 0 || 2 * position == length
      let weight = (isInverse ? 1 / Double(length) : 1) * (givesReal && !isSingle ? 2 : 1)
      for k in 0..<results {
        let angle = 2 * Double.pi * Double(position * k % length) / Double(length) * (isInverse ? 1 : -1)
        let (c, s) = (weight * cos(angle), weight * sin(angle))
        for part in 0..<parts {
          let row = (position * parts + part) * width + k * resultParts
          matrix[row] = part == 0 ? c : -s
          if resultParts == 2 { matrix[row + 1] = part == 0 ? s : c }
        }
      }
    }
    let others = shape.indices.filter { $0 != axis && $0 != shape.rank - 1 }
    let order = others + [axis, shape.rank - 1]
    let moved = try n.emit(Transpose(permutation: order), x)
    let outer = others.map { shape[$0] }
    let rows = try n.reshaped(moved, [outer.reduce(1, *), count * parts])
    let type = TensorType(n.type(x).elementType, [count * parts, width])
    let product = try n.emit(MatrixMultiply(), rows, n.constant(Tensor(type, doubles: matrix)))
    let lines = try n.reshaped(product, Shape(outer + [results, resultParts]))
    let back = order.indices.map { order.firstIndex(of: $0) ?? $0 }
    return [try n.emit(Transpose(permutation: back), lines)]
  }
}
