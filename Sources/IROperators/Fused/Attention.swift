import IRGraph
import IRTensor

/// Softmax attention in heads, softmax(scale · q kᵀ + terms) · v, from tensors that hold more than one
/// operand; made by the compiler only. float32.
///
/// Inputs query, key and value, then any number of terms that broadcast to `[batch, heads, keys, queries]`:
/// the last two axes as wide as they are, keys first. Without `window` the operands are tokens `[batch,
/// count, C]`, and the result is `[batch, queries, heads · valueSize]`. With it they are feature maps `[N, C,
/// H, W]`, attended in windows that begin at `offset` and come in again at the other side; the batch is then
/// (image, row of windows, column), and the result is `[N, heads · valueSize, H, W]`. Channels of a head lie
/// together.
package struct Attention: ContractionOperator {
  package var heads: Int
  /// Channels of a head.
  package var size: Int
  package var valueSize: Int
  package var scale: Float
  /// The first channel of query, key and value in their inputs.
  package var starts: [Int]
  /// Height and width; none for tokens.
  package var window: [Int]
  /// The first window's first row and column.
  package var offset: [Int]
  package static let name = "Attention"

  package init(
    heads: Int, size: Int, valueSize: Int, scale: Float, starts: [Int] = [0, 0, 0], window: [Int] = [],
    offset: [Int] = []
  ) {
    self.heads = heads
    self.size = size
    self.valueSize = valueSize
    self.scale = scale
    self.starts = starts
    self.window = window
    self.offset = offset
  }

  /// Sizes of the products.
  package struct Extents: Sendable {
    package var batch: Int
    package var queries: Int
    package var keys: Int
  }

  /// - Precondition: `outputTypes` accepted the types.
  package func extents(_ inputs: [TensorType]) -> Extents {
    let (q, k) = (inputs[0].shape, inputs[1].shape)
    guard window.count == 2 else { return Extents(batch: q[0], queries: q[1], keys: k[1]) }
    let area = window[0] * window[1]
    return Extents(batch: q[0] * (q[2] / window[0]) * (q[3] / window[1]), queries: area, keys: area)
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...16, Self.name)
    let limit = Graph.extentLimit
    guard (1...limit).contains(heads), (1...limit).contains(size), (1...limit).contains(valueSize),
      starts.count == 3, starts.allSatisfy({ (0...limit).contains($0) })
    else {
      throw TypeError(
        "Attention.channels", "\(heads) heads of \(size) and \(valueSize) channels from \(starts)")
    }
    guard inputs.allSatisfy({ $0.elementType == .float32 }) else {
      throw TypeError("Attention.elementType", "\(inputs)")
    }
    let rank = window.isEmpty ? 3 : 4
    let shapes = inputs.prefix(3).map(\.shape)
    guard shapes.allSatisfy({ $0.rank == rank && $0[0] == shapes[0][0] }) else {
      throw TypeError("Attention.operands", "\(shapes)")
    }
    let axis = window.isEmpty ? 2 : 1
    for (index, shape) in shapes.enumerated() {
      let (count, overflow) = heads.multipliedReportingOverflow(by: index == 2 ? valueSize : size)
      guard !overflow, count <= shape[axis], starts[index] <= shape[axis] - count else {
        throw TypeError(
          "Attention.channels", "\(count) channels from \(starts[index]) on of operand \(index), \(shape)")
      }
    }
    try window.isEmpty ? checkTokens(shapes) : checkWindows(shapes)
    let extents = extents(inputs)
    for term in inputs.dropFirst(3) {
      let wanted = [extents.batch, heads, extents.keys, extents.queries]
      let full = [Int](repeating: 1, count: max(0, 4 - term.shape.rank)) + term.shape.extents
      guard term.shape.rank >= 2, full.count == 4, full[2...] == wanted[2...],
        (0..<2).allSatisfy({ full[$0] == 1 || full[$0] == wanted[$0] })
      else { throw TypeError("Attention.term", "\(term.shape) for \(Shape(wanted))") }
    }
    var shape = shapes[0].extents
    shape[axis] = heads * valueSize
    return [inputs[0].with(shape: Shape(shape))]
  }

  private func checkTokens(_ shapes: [Shape]) throws(TypeError) {
    guard shapes[1][1] == shapes[2][1], offset.isEmpty else {
      throw TypeError("Attention.tokens", "\(shapes[1][1]) keys and \(shapes[2][1]) values")
    }
  }

  private func checkWindows(_ shapes: [Shape]) throws(TypeError) {
    let (height, width) = (shapes[0][2], shapes[0][3])
    guard window.count == 2, offset.count == 2, window.allSatisfy({ (1...4096).contains($0) }),
      height % window[0] == 0, width % window[1] == 0,
      shapes.allSatisfy({ $0[2] == height && $0[3] == width }),
      offset[0] == 0 || (0..<height).contains(offset[0]), offset[1] == 0 || (0..<width).contains(offset[1])
    else {
      throw TypeError("Attention.window", "windows \(window) at \(offset) of feature maps \(shapes)")
    }
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    let e = extents(inputs)
    return e.batch * heads * e.queries * e.keys * (size + valueSize)
  }

  /// The first channel of a token in an operand, and the step between channels.
  private func place(_ shape: Shape, _ batch: Int, _ token: Int) -> (start: Int, step: Int) {
    guard window.count == 2 else { return ((batch * shape[1] + token) * shape[2], 1) }
    let (height, width) = (shape[2], shape[3])
    let across = width / window[1]
    let perImage = across * (height / window[0])
    let (image, inside) = (batch / perImage, batch % perImage)
    let y = (inside / across * window[0] + token / window[1] + offset[0]) % height
    let x = (inside % across * window[1] + token % window[1] + offset[1]) % width
    return (image * shape[1] * height * width + y * width + x, height * width)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let type = try? outputTypes(for: inputs.map(\.type)).first else {
      preconditionFailure("checked by outputTypes")
    }
    let e = extents(inputs.map(\.type))
    let operands = inputs.prefix(3).map(\.doubles)
    let shapes = inputs.prefix(3).map(\.shape)
    let terms = inputs.dropFirst(3).map { $0.broadcast(to: [e.batch, heads, e.keys, e.queries]).doubles }
    var result = [Double](repeating: 0, count: type.shape.elementCount)
    for batch in 0..<e.batch {
      for head in 0..<heads {
        for query in 0..<e.queries {
          let (q, qStep) = place(shapes[0], batch, query)
          let scores = (0..<e.keys).map { key -> Double in
            let (k, kStep) = place(shapes[1], batch, key)
            var sum = 0.0
            for channel in (head * size)..<((head + 1) * size) {
              sum +=
                operands[0][q + (starts[0] + channel) * qStep]
                * operands[1][k + (starts[1] + channel) * kStep]
            }
            let pair = ((batch * heads + head) * e.keys + key) * e.queries + query
            return terms.reduce(sum * Double(scale)) { $0 + $1[pair] }
          }
          let most = scores.reduce(-.infinity) { max($0, $1) }
          let powers = scores.map { mathExp($0 - most) }
          let total = powers.reduce(0, +)
          let (y, yStep) = place(type.shape, batch, query)
          for channel in (head * valueSize)..<((head + 1) * valueSize) {
            var sum = 0.0
            for key in 0..<e.keys {
              let (v, vStep) = place(shapes[2], batch, key)
              sum += powers[key] * operands[2][v + (starts[2] + channel) * vStep]
            }
            result[y + channel * yStep] = sum / total
          }
        }
      }
    }
    return [Tensor(type, doubles: result)]
  }
}

extension Attention: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    guard window.isEmpty else { return input < 3 ? [.same(0), .mixed, .mixed, .mixed] : .mixed(4) }
    switch input {
    case 0: return [.same(0), .same(1), .mixed]
    case 1, 2: return [.same(0), .mixed, .mixed]
    default:
      let term = types.inputs[input].shape
      let isBatched = term.rank == 4 && term[0] > 1
      return [isBatched ? .same(0) : .new, .same(term.rank - 1), .mixed]
    }
  }
}
