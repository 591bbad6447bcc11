import IRTensor

/// A weighted sum of predictions (UniRes, section 3): Σ w ε(z, condition, text), the weights adding up to 1.
package struct Composition: Hashable, Sendable {
  /// Components with weights other than 0, in the order of `Component`.
  package let parts: [(component: Component, weight: Double)]

  /// The furthest that weights may add up to something else than 1.
  private static let tolerance = 1e-6

  /// - Throws: `DiffusionError.composition` if the weights do not add up to 1, or leave -10...10.
  package init(_ weights: [Component: Double]) throws(DiffusionError) {
    let sum = weights.values.reduce(0, +)
    guard weights.values.allSatisfy({ $0.magnitude <= 10 }) else {
      throw .composition(
        "a weight of \(weights.values.max { $0.magnitude < $1.magnitude } ?? 0), must be -10 to 10")
    }
    guard (sum - 1).magnitude <= Self.tolerance else {
      throw .composition("the weights add up to \(sum), must be 1")
    }
    parts = Component.allCases.compactMap { component in
      guard let weight = weights[component], weight != 0 else { return nil }
      return (component, weight)
    }
  }

  /// Weights of `Component.six`.
  package init(six weights: [Double]) throws(DiffusionError) {
    guard weights.count == Component.six.count else {
      throw .composition("\(weights.count) weights for \(Component.six.count) components")
    }
    try self.init(Dictionary(uniqueKeysWithValues: zip(Component.six, weights)))
  }

  /// Reads `sr=.4,md=.4,dn=-.2,d4=.4`.
  package init(_ text: String) throws(DiffusionError) {
    var weights: [Component: Double] = [:]
    for entry in text.split(separator: ",") {
      let pair = entry.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
      let names = Component.allCases.map(\.rawValue).joined(separator: ", ")
      guard pair.count == 2, let component = Component(rawValue: pair[0].lowercased()) else {
        throw .composition("\(entry) must be NAME=WEIGHT, where NAME is one of \(names)")
      }
      guard let weight = Double(pair[1].hasPrefix("-.") ? "-0" + pair[1].dropFirst() : pair[1]),
        weight.isFinite
      else { throw .composition("the weight of \(pair[0]) is \(pair[1]), must be a number") }
      guard weights.updateValue(weight, forKey: component) == nil else {
        throw .composition("\(pair[0]) appears twice in \(text)")
      }
    }
    try self.init(weights)
  }

  package func weight(of component: Component) -> Double {
    parts.first { $0.component == component }?.weight ?? 0
  }

  /// The conditions that the parts are shown.
  package var conditions: Set<Component.Condition> { Set(parts.map(\.component.condition)) }

  /// The weighted sum of predictions of one shape, one for each part in their order.
  /// - Throws: `DiffusionError.sizes` if there are not as many as parts, or their types differ.
  package func combined(_ predictions: [Tensor]) throws(DiffusionError) -> Tensor {
    guard predictions.count == parts.count, let type = predictions.first?.type, type.elementType == .float32,
      predictions.allSatisfy({ $0.type == type })
    else {
      throw .sizes("predictions of \(predictions.map { "\($0.type)" }) for \(parts.count) parts")
    }
    var sums = [Double](repeating: 0, count: type.shape.elementCount)
    for (part, prediction) in zip(parts, predictions) {
      prediction.withElements(as: Float.self) { values in
        for index in values.indices { sums[index] += part.weight * Double(values[index]) }
      }
    }
    return Tensor(type, doubles: sums)
  }

  /// This composition with a share of its weights given to the picture shrunk by 4: more detail is invented,
  /// and less of the picture is kept.
  /// - Throws: `DiffusionError.composition` for a share outside 0...1.
  package func inventing(_ share: Double) throws(DiffusionError) -> Composition {
    guard (0...1).contains(share) else { throw .composition("a share of \(share) for d4, must be 0 to 1") }
    var result = weights.mapValues { $0 * (1 - share) }
    result[.quartered, default: 0] += share
    return try Composition(result)
  }

  package static func == (a: Composition, b: Composition) -> Bool { a.weights == b.weights }
  package func hash(into hasher: inout Hasher) { hasher.combine(weights) }
  private var weights: [Component: Double] {
    Dictionary(uniqueKeysWithValues: parts.map { ($0.component, $0.weight) })
  }
}

extension Composition: CustomStringConvertible {
  /// As `init(_: String)` reads it.
  package var description: String {
    parts.map { "\($0.component.rawValue)=\($0.weight)" }.joined(separator: ",")
  }
}
