import IRGraph
import IROperators
import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension NetworkBuilder {
  /// MoCE-IR's attention in the frequency domain: in squares of `side` the spectra of q and k are multiplied,
  /// which is a circular convolution; the result, normalized, weights v.
  mutating func fourierAttention(_ x: ValueID, _ name: String, side: Int) throws(GraphError) -> ValueID {
    let count = channels(x)
    let q = try depthwise(
      try pointwise(x, "\(name).q", to: count, bias: false), "\(name).q_dwconv", bias: true)
    let kv = try depthwise(
      try pointwise(x, "\(name).kv", to: 2 * count, bias: false), "\(name).kv_dwconv", kernel: 7, bias: true)
    let parts = try chunks(kv, 2, "\(name).split")
    let mixed = try circularConvolution(q, parts[0], "\(name).fft", side: side)
    let normal = try channelNormalization(mixed, "\(name).norm.body")
    return try pointwise(
      try product(normal, parts[1], "\(name).weighted"), "\(name).proj_out", to: count, bias: true)
  }

  /// The circular convolution of q with k in each square of `side`, pictures continued by zeros to whole
  /// squares and cropped back, by discrete Fourier transforms of both axes as matrix products.
  ///
  /// Along the rows a square's spectrum has side / 2 + 1 terms, its values being real; along the columns
  /// `side`. With c = cos, s = sin of 2π j k / side a spectrum is held as re and im of re - i im.
  private mutating func circularConvolution(
    _ q: ValueID, _ k: ValueID, _ name: String, side: Int
  ) throws(GraphError) -> ValueID {
    let transform = RealTransform(side: side)
    let both = try concatenation(q, k, "\(name).qk")
    let padded = try padded(both, toMultipleOf: side, .constant, "\(name).padded")
    let terms = SizeExpression(transform.terms)
    let (p, half) = (SizeExpression(side), SizeExpression(transform.terms * 2))
    // Rows of every square: [N C H/p, p, W/p, p] times [p, 2 terms].
    let rows = try reshaped(
      padded, [.batch * .extent(axis: 1) * .height / p, p, .width / p, p], "\(name).rows")
    let rowSpectrum = try mapped(rows, transform.row, "\(name).rowSpectrum")
    // Columns: [.., W/p, terms, (re, im) p] times [2 p, 2 p].
    let split = try reshaped(
      rowSpectrum, [.batch, p, .extent(axis: 2), 2, terms], "\(name).rowTerms")
    let columns = try reshaped(
      try apply(Transpose(permutation: [0, 2, 4, 3, 1]), split, name: "\(name).columns.moved"),
      [.batch, .extent(axis: 1), terms, 2 * p], "\(name).columns")
    let spectrum = try mapped(columns, transform.column, "\(name).spectrum")
    // (a - ib)(c - id) = (ac - bd) - i(ad + bc), q's channels before k's.
    let parts = try separated(spectrum, like: both, transform.terms, 2 * side, name)
    let (a, b) = (parts.q[0], parts.q[1])
    let (c, d) = (parts.k[0], parts.k[1])
    let real = try apply(
      Binary(.subtract), try product(a, c, "\(name).ac"), try product(b, d, "\(name).bd"), name: "\(name).re")
    let imaginary = try sum(try product(a, d, "\(name).ad"), try product(b, c, "\(name).bc"), "\(name).im")
    let product = try apply(Concatenate(axis: 4), real, imaginary, name: "\(name).product")
    let back = try mapped(product, transform.inverseColumn, "\(name).back")
    // [N, C H/p, W/p, terms, (u, v) p] to rows [.., p, W/p, (u, v) terms].
    let folded = try reshaped(
      back, [.batch * .extent(axis: 1), .extent(axis: 2), terms, 2, p], "\(name).back.split")
    let moved = try apply(Transpose(permutation: [0, 4, 1, 3, 2]), folded, name: "\(name).back.moved")
    let lines = try reshaped(moved, [.batch, p, .extent(axis: 2), half], "\(name).back.rows")
    let result = try mapped(lines, transform.inverseRow, "\(name).inverse")
    let picture = try reshaped(
      result, [.like(0), .like(1) / 2, .like(2), .like(3)], like: padded, "\(name).picture")
    return try cropped(picture, like: q, "\(name).cropped")
  }

  /// The last axis times a matrix, as one product of two matrices.
  private mutating func mapped(_ x: ValueID, _ matrix: [Float], _ name: String) throws(GraphError) -> ValueID
  {
    let rank = shape(of: x).rank
    let depth = shape(of: x)[rank - 1]
    let width = matrix.count / depth
    let count = (1..<(rank - 1)).reduce(SizeExpression.batch) { $0 * .extent(axis: $1) }
    let flat = try reshaped(x, [count, SizeExpression(depth)], "\(name).flat")
    let y = try apply(
      MatrixMultiply(), flat, constant(matrix, [depth, width], "\(name).matrix"), name: name)
    return try reshaped(
      y, (0..<(rank - 1)).map { .like($0) } + [SizeExpression(width)], like: x, "\(name).shaped")
  }

  /// The spectra `[N 2C H/p, W/p, terms, 2p]` of q and of k, each as re and im `[N, C H/p, W/p, terms, p]`.
  private mutating func separated(
    _ spectrum: ValueID, like both: ValueID, _ terms: Int, _ width: Int, _ name: String
  ) throws(GraphError) -> (q: [ValueID], k: [ValueID]) {
    let shape = try reshaped(
      spectrum,
      [
        .like(0), 2, .batch / (.like(0) * 2), .extent(axis: 1), SizeExpression(terms * width),
      ], like: both, "\(name).qk.split")
    let halves = try results(Split(axis: 1, sizes: [1, 1]), shape, name: "\(name).q.k")
    var parts: [[ValueID]] = []
    for (index, half) in halves.enumerated() {
      let plain = try reshaped(
        half,
        [.batch, .extent(axis: 2), .extent(axis: 3), SizeExpression(terms), SizeExpression(width)],
        "\(name).\(index).spectrum")
      parts.append(
        try results(Split(axis: 4, sizes: [width / 2, width / 2]), plain, name: "\(name).\(index).parts"))
    }
    return (parts[0], parts[1])
  }
}

/// The matrices of a discrete Fourier transform of real squares, row-major.
private struct RealTransform {
  let side: Int
  var terms: Int { side / 2 + 1 }

  private func cosine(_ j: Int, _ k: Int) -> Double { cos(2 * .pi * Double(j * k % side) / Double(side)) }
  private func sine(_ j: Int, _ k: Int) -> Double { sin(2 * .pi * Double(j * k % side) / Double(side)) }

  private func matrix(_ rows: Int, _ columns: Int, _ body: (Int, Int) -> Double) -> [Float] {
    (0..<(rows * columns)).map { Float(body($0 / columns, $0 % columns)) }
  }

  /// `[side, (c, s) terms]`.
  var row: [Float] {
    matrix(side, 2 * terms) { $1 < terms ? cosine($0, $1) : sine($0, $1 - terms) }
  }

  /// (t, u) to (t c - u s, t s + u c): `[2 side, 2 side]`.
  var column: [Float] {
    matrix(2 * side, 2 * side) { i, j in
      let (m, n) = (i % side, j % side)
      if i < side { return j < side ? cosine(m, n) : sine(m, n) }
      return j < side ? -sine(m, n) : cosine(m, n)
    }
  }

  /// (re, im) of re - i im to u + i v along the columns: u = re c + im s, v = re s - im c.
  var inverseColumn: [Float] {
    matrix(2 * side, 2 * side) { i, j in
      let (m, n) = (i % side, j % side)
      if i < side { return j < side ? cosine(m, n) : sine(m, n) }
      return j < side ? sine(m, n) : -cosine(m, n)
    }
  }

  /// (u, v) to the real values along the rows, `[(u, v) terms, side]`; terms between the first and the last
  /// stand for their mirror images too.
  var inverseRow: [Float] {
    matrix(2 * terms, side) { i, j in
      let k = i % terms
      let weight = (k == 0 || 2 * k == side ? 1.0 : 2.0) / Double(side * side)
      return i < terms ? weight * cosine(k, j) : -weight * sine(k, j)
    }
  }
}
