import IRTensor

/// Eigenvalues of a symmetric matrix, largest first, and their eigenvectors of length 1: the same bits on
/// every machine. Of each vector the entry of largest magnitude is positive.
/// - Precondition: `size` rows of `size` finite numbers.
func symmetricEigenvectors(_ matrix: [Double], size: Int) -> (values: [Double], vectors: [[Double]]) {
  var a = matrix
  var v = [Double](repeating: 0, count: size * size)
  for i in 0..<size { v[i * size + i] = 1 }
  let norm = matrix.reduce(0) { $0 + $1 * $1 }.squareRoot()
  diagonalize(&a, size: size, negligible: 1e-15 * norm, sweepLimit: 100) { p, q, c, s in
    for k in 0..<size {
      let (x, y) = (v[p * size + k], v[q * size + k])
      (v[p * size + k], v[q * size + k]) = (c * x - s * y, s * x + c * y)
    }
  }
  let order = (0..<size).sorted { (-a[$0 * size + $0], $0) < (-a[$1 * size + $1], $1) }
  let vectors = order.map { row -> [Double] in
    let vector = Array(v[(row * size)..<((row + 1) * size)])
    let largest = vector.max { $0.magnitude < $1.magnitude } ?? 0
    return largest < 0 ? vector.map { -$0 } : vector
  }
  return (order.map { a[$0 * size + $0] }, vectors)
}
