import Glibc
import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let fourier: [String: Reader] = [
    "DFT": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      let shape = n.shape(x)
      let given = n.opset >= 20 ? (n.has(2) ? try n.integers(2).first ?? -2 : -2) : n.int("axis", 1)
      let axis = try n.axis(given, rank: shape.rank)
      guard shape.rank >= 2, axis < shape.rank - 1 else { throw .unsupported("axis \(given) of \(shape)") }
      return [
        try transformed(
          n, x, axis: axis, length: n.has(1) ? try n.integers(1).first ?? 0 : nil,
          isInverse: n.int("inverse") != 0, isOneSided: n.int("onesided") != 0)
      ]
    },
    "STFT": shortTimeTransform,
    "HannWindow": window { 0.5 - 0.5 * cos($0) }, "HammingWindow": window { 25.0 / 46 - 21.0 / 46 * cos($0) },
    "BlackmanWindow": window { 0.42 - 0.5 * cos($0) + 0.08 * cos(2 * $0) },
    "MelWeightMatrix": melWeights,
  ]

  /// The discrete Fourier transform as one product with a constant matrix: exact in the sense of its
  /// definition, and meant for the short transforms that networks hold.
  private static func transformed(
    _ n: NodeReader, _ x: ValueID, axis: Int, length stated: Int?, isInverse: Bool, isOneSided: Bool
  ) throws(ImportFailure) -> ValueID {
    let shape = n.shape(x)
    guard let parts = shape.last, parts == 1 || parts == 2 else {
      throw .unsupported("numbers of \(shape.last ?? 0) parts in \(shape)")
    }
    let count = shape[axis]
    let givesReal = isInverse && isOneSided
    let length = stated ?? (givesReal ? 2 * (count - 1) : count)
    guard (1...8192).contains(length), count * parts <= 16384 else {
      throw .unsupported("a transform of \(length)")
    }
    let used = min(count, givesReal ? length / 2 + 1 : length)
    let results = isOneSided && !isInverse ? length / 2 + 1 : length
    let resultParts = givesReal ? 1 : 2

    // Row (position, part), column (result, part).
    let width = results * resultParts
    try n.countElements(count * parts * width)
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
    return try n.emit(Transpose(permutation: back), lines)
  }

  /// Transforms of frames that begin a step apart, each weighted by a window.
  private static let shortTimeTransform: Reader = { (n) throws(ImportFailure) in
    var x = try n.input(0)
    if n.shape(x).rank == 2 { x = try n.reshaped(x, Shape(n.shape(x).extents + [1])) }
    let shape = n.shape(x)
    let step = try n.integers(1).first ?? 0
    let window = n.has(2) ? try n.input(2) : nil
    let length = try n.has(3) ? n.integers(3).first ?? 0 : window.map { n.shape($0).elementCount } ?? 0
    guard shape.rank == 3, step > 0, (1...8192).contains(length), length <= shape[1],
      let total = Shape([(shape[1] - length) / step + 1, length]).checkedElementCount, total <= 1 << 24
    else { throw .unsupported("frames of \(length) every \(step) of \(shape)") }
    let frames = (shape[1] - length) / step + 1
    let positions = (0..<(frames * length)).map { Int64($0 / length * step + $0 % length) }
    var own = try n.emit(Gather(axis: 1), x, n.constant(Tensor(positions, shape: [frames, length])))
    if let window {
      guard n.shape(window) == [length] else {
        throw .unsupported("a window of \(n.shape(window)) for frames of \(length)")
      }
      own = try n.binary(.multiply, own, try n.reshaped(window, [length, 1]))
    }
    return [
      try transformed(
        n, own, axis: 2, length: length, isInverse: false, isOneSided: n.int("onesided", 1) != 0)
    ]
  }

  /// A window by its value at an angle that goes once around.
  private static func window(_ value: @escaping @Sendable (Double) -> Double) -> Reader {
    { (n) throws(ImportFailure) in
      let size = try n.integers(0).first ?? 0
      let stated = Int32(clamping: n.int("output_datatype", 1))
      guard (0...(1 << 24)).contains(size), let type = ElementType(rawValue: stated) else {
        throw .unsupported("a window of \(size) elements of \(ONNXTensor.typeName(stated))")
      }
      try n.countElements(size)
      let period = n.int("periodic", 1) != 0 ? size : size - 1
      let values = (0..<size).map { period > 0 ? value(2 * Double.pi * Double($0) / Double(period)) : 1 }
      return [n.constant(Tensor(TensorType(type, [size]), doubles: values))]
    }
  }

  /// Triangles over the bins of a spectrum, evenly apart on the mel scale.
  private static let melWeights: Reader = { (n) throws(ImportFailure) in
    let (bins, length, rate) = (
      try n.integers(0).first ?? 0, try n.integers(1).first ?? 0, try n.integers(2).first ?? 0
    )
    let (low, high) = (try n.constant(3).doubles.first ?? 0, try n.constant(4).doubles.first ?? 0)
    let stated = Int32(clamping: n.int("output_datatype", 1))
    guard (1...1024).contains(bins), (1...32768).contains(length), rate > 0, low >= 0, low <= high,
      high <= Double(rate) / 2, let type = ElementType(rawValue: stated)
    else { throw .unsupported("\(bins) mel bins of \(length) samples at \(rate) from \(low) to \(high) Hz") }
    func mel(_ frequency: Double) -> Double { 2595 * log10(1 + frequency / 700) }
    let spacing = (mel(high) - mel(low)) / Double(bins + 2)
    let count = length / 2 + 1
    let corners = (0..<(bins + 2)).map { index -> Int in
      let frequency = 700 * (pow(10, (mel(low) + Double(index) * spacing) / 2595) - 1)
      return min(Int((Double(length + 1) * frequency / Double(rate)).rounded(.down)), count - 1)
    }
    try n.countElements(count * bins)
    var result = [Double](repeating: 0, count: count * bins)
    for bin in 0..<bins {
      let (start, centre, end) = (corners[bin], corners[bin + 1], corners[bin + 2])
      if centre == start { result[centre * bins + bin] = 1 }
      for k in start..<(centre == start ? start : centre + 1) {
        result[k * bins + bin] = Double(k - start) / Double(centre - start)
      }
      for k in centre..<end { result[k * bins + bin] = Double(end - k) / Double(end - centre) }
    }
    return [n.constant(Tensor(TensorType(type, [count, bins]), doubles: result))]
  }
}
