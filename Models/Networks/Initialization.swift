import IRTensor

/// Weights made of numbers alone, the same for the same seed everywhere.
package enum InitialWeights {
  /// Weights to train from: PyTorch's default distributions for each kind of parameter.
  package static func fresh(_ parameters: [Parameter], seed: UInt64) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, parameter) in parameters.enumerated() {
      var state = Mixer(seed: mix(seed) &+ UInt64(index))
      let count = parameter.shape.elementCount
      let values: [Float]
      switch parameter.initialization {
      case .constant(let value): values = [Float](repeating: Float(value), count: count)
      case .uniform(let low, let high):
        values = (0..<count).map { _ in Float(low + state.next() * (high - low)) }
      case .normal(let deviation): values = (0..<count).map { _ in Float(state.nextNormal() * deviation) }
      case .start(let given), .values(let given): values = given
      }
      result[parameter.name] = Tensor(values, shape: parameter.shape)
    }
    return result
  }

  /// Weights that anyone can compute, to compare implementations: `mix` of a parameter's place among all
  /// sorted names and of the element's index, scaled by what the last part of the name says it is.
  package static func check(_ parameters: [Parameter]) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (index, parameter) in parameters.sorted(by: { $0.name < $1.name }).enumerated() {
      let shape = parameter.shape
      if case .values(let values) = parameter.initialization {
        result[parameter.name] = Tensor(values, shape: shape)
        continue
      }
      let (centre, scale): (Double, Double)
      switch parameter.name.split(separator: ".").last {
      case "temperature": (centre, scale) = (1, 0.1)
      case "alpha", "beta", "gamma": (centre, scale) = (0, 0.5)
      case "bias": (centre, scale) = (0, 0.1)
      case "prompt_param": (centre, scale) = (0.5, 0.5)
      default:
        let fanIn = shape.dropFirst().reduce(1, *)
        (centre, scale) = shape.rank == 1 ? (1, 0.1) : (0, (3 / Double(max(fanIn, 1))).squareRoot())
      }
      result[parameter.name] = Tensor(
        (0..<shape.elementCount).map { Float(centre + (2 * unit(index, $0) - 1) * scale) }, shape: shape)
    }
    return result
  }

  /// A number in 0..<1 of a place and an index.
  package static func unit(_ place: Int, _ index: Int) -> Double {
    Double(mix(UInt64(place) << 32 &+ UInt64(index)) >> 40) / 16_777_216
  }

  /// SplitMix64's output for a state.
  static func mix(_ x: UInt64) -> UInt64 {
    var numbers = SplitMix64(seed: x)
    return numbers.next()
  }

  private struct Mixer {
    private var state: UInt64

    init(seed: UInt64) { state = InitialWeights.mix(seed) }

    /// In 0..<1.
    mutating func next() -> Double {
      state &+= 1
      return Double(InitialWeights.mix(state) >> 11) / 9_007_199_254_740_992
    }

    /// The sum of twelve even numbers, less 6: mean 0, deviation 1, within ±6.
    mutating func nextNormal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + next() } }
  }
}
