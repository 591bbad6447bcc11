/// Makes a symmetric matrix diagonal by Jacobi's rotations, the same bits on every machine: its eigenvalues
/// are then on the diagonal, in no order.
///
/// A rotation of rows p and q by an angle of cosine c and sine s, which `rotated` is told, is left out where
/// the entry (p, q) is not above `negligible`; after `sweepLimit` passes over all pairs it ends in any case.
/// - Precondition: `n` rows of `n` finite numbers.
package func diagonalize(
  _ matrix: inout [Double], size n: Int, negligible: Double, sweepLimit: Int,
  rotated: (_ p: Int, _ q: Int, _ c: Double, _ s: Double) -> Void = { _, _, _, _ in }
) {
  precondition(matrix.count == n * n && matrix.allSatisfy(\.isFinite))
  matrix.withUnsafeMutableBufferPointer { a in
    for _ in 0..<sweepLimit {
      var isDone = true
      for p in 0..<n {
        for q in (p + 1)..<max(n, p + 1) where a[p * n + q].magnitude > negligible {
          isDone = false
          let theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q])
          let root = (theta * theta + 1).squareRoot()
          let t = theta >= 0 ? 1 / (theta + root) : 1 / (theta - root)
          let c = 1 / (t * t + 1).squareRoot()
          let s = t * c
          for k in 0..<n {
            let (x, y) = (a[p * n + k], a[q * n + k])
            (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y)
          }
          for k in 0..<n {
            let (x, y) = (a[k * n + p], a[k * n + q])
            (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y)
          }
          rotated(p, q, c, s)
        }
      }
      if isDone { return }
    }
  }
}
