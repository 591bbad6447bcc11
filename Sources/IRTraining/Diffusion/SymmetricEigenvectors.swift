/// Eigenvalues of a symmetric matrix, largest first, and their eigenvectors of length 1, by Jacobi's
/// rotations: the same bits on every machine. Of each vector the entry of largest magnitude is positive.
/// - Precondition: `size` rows of `size` finite numbers.
func symmetricEigenvectors(_ matrix: [Double], size: Int) -> (values: [Double], vectors: [[Double]]) {
  precondition(matrix.count == size * size && matrix.allSatisfy(\.isFinite))
  var a = matrix
  var v = [Double](repeating: 0, count: size * size)
  for i in 0..<size { v[i * size + i] = 1 }
  let total = matrix.reduce(0) { $0 + $1 * $1 }
  let sweepLimit = 100
  for _ in 0..<sweepLimit {
    var rest = 0.0
    for i in 0..<size { for j in 0..<i { rest += a[i * size + j] * a[i * size + j] } }
    if rest <= 1e-30 * total { break }
    for p in 0..<size {
      for q in (p + 1)..<size where a[p * size + q] != 0 {
        let theta = (a[q * size + q] - a[p * size + p]) / (2 * a[p * size + q])
        let t = (theta < 0 ? -1 : 1) / (theta.magnitude + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<size {
          let (x, y) = (a[k * size + p], a[k * size + q])
          (a[k * size + p], a[k * size + q]) = (c * x - s * y, s * x + c * y)
        }
        for k in 0..<size {
          let (x, y) = (a[p * size + k], a[q * size + k])
          (a[p * size + k], a[q * size + k]) = (c * x - s * y, s * x + c * y)
        }
        for k in 0..<size {
          let (x, y) = (v[p * size + k], v[q * size + k])
          (v[p * size + k], v[q * size + k]) = (c * x - s * y, s * x + c * y)
        }
      }
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
