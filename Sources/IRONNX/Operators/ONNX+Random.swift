import Glibc
import IRGraph
import IROperators
import IRTensor

/// Random tensors become constants, drawn at import: from the node's seed where it states one, else from a
/// fixed seed and the node's place among the random ones, so that a model gives the same result in every run.
extension ONNXOperatorTable {
  static let random: [String: Reader] = [
    "RandomNormal": { (n) throws(ImportFailure) in [try normal(n, try stated(n))] },
    "RandomNormalLike": { (n) throws(ImportFailure) in [try normal(n, try like(n))] },
    "RandomUniform": { (n) throws(ImportFailure) in [try uniform(n, try stated(n))] },
    "RandomUniformLike": { (n) throws(ImportFailure) in [try uniform(n, try like(n))] },
    "Bernoulli": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      var generator = try n.generator(for: n.type(x))
      let draws = n.drawn(n.type(x)) { generator.uniform() }
      return [try n.emit(Cast(to: try elementType(n, n.type(x).elementType)), try n.binary(.less, draws, x))]
    },
    "Multinomial": multinomial,
  ]

  private static func elementType(
    _ n: NodeReader, _ standard: ElementType
  ) throws(ImportFailure) -> ElementType {
    let stated = Int32(clamping: n.int("dtype", Int(standard.rawValue)))
    guard let type = ElementType(rawValue: stated) else {
      throw .unsupported("element type \(ONNXTensor.typeName(stated))")
    }
    return type
  }

  private static func stated(_ n: NodeReader) throws(ImportFailure) -> TensorType {
    TensorType(try elementType(n, .float32), Shape(n.ints("shape") ?? []))
  }

  private static func like(_ n: NodeReader) throws(ImportFailure) -> TensorType {
    let type = n.type(try n.input(0))
    return type.with(elementType: try elementType(n, type.elementType))
  }

  private static func normal(_ n: NodeReader, _ type: TensorType) throws(ImportFailure) -> ValueID {
    var generator = try n.generator(for: type)
    let (mean, scale) = (Double(n.float("mean")), Double(n.float("scale", 1)))
    return n.drawn(type) { mean + scale * generator.normal() }
  }

  private static func uniform(_ n: NodeReader, _ type: TensorType) throws(ImportFailure) -> ValueID {
    var generator = try n.generator(for: type)
    let (low, high) = (Double(n.float("low")), Double(n.float("high", 1)))
    return n.drawn(type) { low + (high - low) * generator.uniform() }
  }

  /// Classes by unnormalized log-probabilities: the largest of those plus Gumbel noise.
  private static let multinomial: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let (shape, count) = (n.shape(x), n.int("sample_size", 1))
    let result = try elementType(n, .int32)
    guard shape.rank == 2, (1...(1 << 20)).contains(count), shape[1] > 0 else {
      throw .unsupported("\(count) samples of \(shape)")
    }
    let type = TensorType(n.type(x).elementType, [shape[0], count, shape[1]])
    var generator = try n.generator(for: type)
    let noise = n.drawn(type) { -log(-log(generator.uniform())) }
    let sum = try n.binary(.add, try n.reshaped(x, [shape[0], 1, shape[1]]), noise)
    let best = try n.emit(ArgExtreme(findsMaximum: true, axis: 2, keepsAxis: false), sum)
    return [try n.emit(Cast(to: result), best)]
  }
}

extension NodeReader {
  /// A constant of numbers drawn one after another.
  fileprivate func drawn(_ type: TensorType, _ draw: () -> Double) -> ValueID {
    guard type.elementType == .float32 else {
      return constant(Tensor(type, doubles: (0..<type.shape.elementCount).map { _ in draw() }))
    }
    return constant(
      Tensor(type) { bytes in
        for index in 0..<type.shape.elementCount {
          bytes.storeBytes(of: Float(draw()), toByteOffset: 4 * index, as: Float.self)
        }
      })
  }

  /// The generator of a random node, after its size was checked.
  fileprivate func generator(for type: TensorType) throws(ImportFailure) -> SplitMix64 {
    let limit = ONNXLimits.randomElementCount
    guard type.elementType.isFloatingPoint else {
      throw .unsupported("random numbers of \(type.elementType)")
    }
    guard let count = type.shape.checkedElementCount, count <= limit, Graph.holds(type),
      context.randomElementCount + count <= limit
    else { throw .unsupported("random numbers of \(type.shape): at most \(limit) are drawn for a model") }
    context.randomElementCount += count
    context.randomCount += 1
    let seed =
      node[attribute: "seed"] == nil
      ? UInt64(context.randomCount) : UInt64(float("seed").bitPattern) | 1 << 32
    return SplitMix64(seed: seed &* 0x2545_F491_4F6C_DD1D)
  }
}

extension SplitMix64 {
  /// Between 0 and 1, neither included.
  mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) / Double(1 << 53) }

  /// Of mean 0 and variance 1, by Box and Muller.
  mutating func normal() -> Double {
    let radius = (-2 * log(uniform())).squareRoot()
    return radius * cos(2 * Double.pi * uniform())
  }
}
