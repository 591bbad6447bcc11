import COpenBLAS

/// Linear algebra of small symmetric matrices, row by row, by LAPACK.
enum SymmetricMatrix {
  /// xᵀ A⁺ x with the pseudoinverse of A: eigenvalues below `count` · 2⁻⁵² of the largest are left out.
  /// - Throws: `QualityError.model` if A is not finite, or LAPACK finds no eigenvalues.
  static func inverseForm(_ matrix: [Double], _ x: [Double]) throws(QualityError) -> Double {
    let count = x.count
    precondition(matrix.count == count * count && count > 0)
    guard matrix.allSatisfy(\.isFinite), x.allSatisfy(\.isFinite) else {
      throw .model("or the picture's statistics are not finite")
    }
    var (vectors, eigenvalues) = (matrix, [Double](repeating: 0, count: count))
    var work = [Double](repeating: 0, count: 64 * count)
    var (order, length, failure) = (Int32(count), Int32(work.count), Int32(0))
    // The library's threads are of no use here, and stand in the way of ours.
    openblas_set_num_threads(1)
    dsyev_("V", "U", &order, &vectors, &order, &eigenvalues, &work, &length, &failure)
    guard failure == 0 else { throw .model("has no eigenvalues: dsyev says \(failure)") }
    let limit = Double(count) * 0x1p-52 * (eigenvalues.map(\.magnitude).max() ?? 0)
    var sum = 0.0
    for (index, value) in eigenvalues.enumerated() where value.magnitude > limit {
      let part = (0..<count).reduce(0.0) { $0 + vectors[index * count + $1] * x[$1] }
      sum += part * part / value
    }
    return sum
  }

  /// The mean of each column, and the unbiased covariance of the columns.
  /// - Precondition: at least two rows, of one length.
  static func statistics(_ rows: [[Double]]) -> (mean: [Double], covariance: [Double]) {
    let count = rows[0].count
    let mean = (0..<count).map { column in rows.reduce(0) { $0 + $1[column] } / Double(rows.count) }
    var covariance = [Double](repeating: 0, count: count * count)
    for row in rows {
      for i in 0..<count {
        for j in 0..<count { covariance[i * count + j] += (row[i] - mean[i]) * (row[j] - mean[j]) }
      }
    }
    return (mean, covariance.map { $0 / Double(rows.count - 1) })
  }
}
