import IRTensor

/// A weighted sum of predictions (UniRes, section 3): Σ w ε(z, condition, text), the weights adding up to 1.
public struct Composition: Hashable, Sendable {
  /// Components with weights other than 0, in the order of `Component`.
  public let parts: [(component: Component, weight: Double)]

  /// The furthest that weights may add up to something else than 1.
  private static let tolerance = 1e-6

  /// - Throws: `DiffusionError.composition` where the weights do not add up to 1, or leave -10...10.
  public init(_ weights: [Component: Double]) throws(DiffusionError) {
    let sum = weights.values.reduce(0, +)
    guard weights.values.allSatisfy({ $0.magnitude <= 10 }) else {
      throw .composition(
        "a weight of \(weights.values.max { $0.magnitude < $1.magnitude } ?? 0), -10 to 10 go")
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
  public init(six weights: [Double]) throws(DiffusionError) {
    guard weights.count == Component.six.count else {
      throw .composition("\(weights.count) weights for \(Component.six.count) components")
    }
    try self.init(Dictionary(uniqueKeysWithValues: zip(Component.six, weights)))
  }

  /// Reads `sr=.4,md=.4,dn=-.2,d4=.4`.
  public init(_ text: String) throws(DiffusionError) {
    var weights: [Component: Double] = [:]
    for entry in text.split(separator: ",") {
      let pair = entry.split(separator: "=", maxSplits: 1).map { $0.filter { !$0.isWhitespace } }
      let names = Component.allCases.map(\.rawValue).joined(separator: ", ")
      guard pair.count == 2, let component = Component(rawValue: pair[0].lowercased()) else {
        throw .composition("\(entry) must be NAME=WEIGHT, NAME one of \(names)")
      }
      guard let weight = Double(pair[1].hasPrefix("-.") ? "-0" + pair[1].dropFirst() : pair[1]),
        weight.isFinite
      else { throw .composition("the weight of \(pair[0]) is \(pair[1]), must be a number") }
      guard weights.updateValue(weight, forKey: component) == nil else {
        throw .composition("\(pair[0]) stands twice in \(text)")
      }
    }
    try self.init(weights)
  }

  public func weight(of component: Component) -> Double {
    parts.first { $0.component == component }?.weight ?? 0
  }

  /// The conditions that the parts are shown.
  public var conditions: Set<Component.Condition> { Set(parts.map(\.component.condition)) }

  /// The prompts of the parts, as the UNet takes them: `[K]` int64.
  public var prompts: Tensor {
    Tensor(parts.map { Int64($0.component.prompt) }, shape: [parts.count])
  }

  /// The UNet's input: latents `[1, C, h, w]`, once for every part, each followed by its condition
  /// `[1, D, h, w]`: `[K, C + D, h, w]`.
  /// - Throws: `DiffusionError.sizes` where a condition is missing, or of another type than the others.
  public func sample(
    _ latents: Tensor, _ conditions: [Component.Condition: Tensor]
  ) throws(DiffusionError) -> Tensor {
    guard let first = parts.lazy.compactMap({ conditions[$0.component.condition] }).first else {
      throw .sizes("no condition is given")
    }
    let (z, shape) = (latents.shape, first.shape)
    guard z.rank == 4, shape.rank == 4, z[0] == 1, shape[0] == 1, z[2] == shape[2], z[3] == shape[3],
      latents.elementType == .float32, first.elementType == .float32
    else { throw .sizes("latents of \(latents.type) with a condition of \(first.type)") }
    var rows: [[Float]] = []
    for part in parts {
      let condition = conditions[part.component.condition]
      guard let tensor = condition ?? (part.component.condition == .none ? Tensor(zeros: first.type) : nil),
        tensor.type == first.type
      else {
        throw .sizes(
          "the condition of \(part.component.rawValue) is \(condition.map { "\($0.type)" } ?? "missing"), "
            + "another is \(first.type)")
      }
      rows.append(latents.withElements(as: Float.self) { Array($0) })
      rows.append(tensor.withElements(as: Float.self) { Array($0) })
    }
    return Tensor(Array(rows.joined()), shape: [parts.count, z[1] + shape[1], z[2], z[3]])
  }

  /// The weighted sum of predictions `[K, C, h, w]`, one a part: `[1, C, h, w]`.
  /// - Throws: `DiffusionError.sizes` where there are not as many as parts.
  public func combined(_ predictions: Tensor) throws(DiffusionError) -> Tensor {
    var shape = predictions.shape
    guard shape.rank == 4, shape[0] == parts.count, predictions.elementType == .float32 else {
      throw .sizes("predictions of \(predictions.type) for \(parts.count) parts")
    }
    shape[0] = 1
    let count = shape.elementCount
    let weights = parts.map(\.weight)
    let values = predictions.withElements(as: Float.self) { source in
      (0..<count).map { element in
        Float(
          weights.indices.reduce(0.0) { sum, part in
            sum + weights[part] * Double(source[part * count + element])
          })
      }
    }
    return Tensor(values, shape: shape)
  }

  public static func == (a: Composition, b: Composition) -> Bool { a.weights == b.weights }
  public func hash(into hasher: inout Hasher) { hasher.combine(weights) }
  private var weights: [Component: Double] {
    Dictionary(uniqueKeysWithValues: parts.map { ($0.component, $0.weight) })
  }
}

extension Composition: CustomStringConvertible {
  /// As `init(_: String)` reads it.
  public var description: String {
    parts.map { "\($0.component.rawValue)=\($0.weight)" }.joined(separator: ",")
  }
}
