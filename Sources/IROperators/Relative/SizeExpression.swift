import IRGraph
import IRTensor

/// A size computed from the extents of a node's inputs, so that a graph holds for every size of
/// image: `.extent(axis: 2) / 4`. Integers; `/` rounds toward zero.
///
/// A postfix program, flat however long it is; its text is that program: `x0.2 4 /`.
package struct SizeExpression: Hashable, Sendable {
  package enum Step: Hashable, Sendable {
    case literal(Int)
    case extent(input: Int, axis: Int)
    case add, subtract, multiply, divide, modulo, minimum
  }

  package var steps: [Step]

  package init(steps: [Step]) { self.steps = steps }

  /// An extent of one of the node's inputs.
  package static func extent(of input: Int = 0, axis: Int) -> SizeExpression {
    SizeExpression(steps: [.extent(input: input, axis: axis)])
  }

  package static func minimum(_ a: SizeExpression, _ b: SizeExpression) -> SizeExpression {
    a.joined(b, .minimum)
  }
  package static func + (a: SizeExpression, b: SizeExpression) -> SizeExpression { a.joined(b, .add) }
  package static func - (a: SizeExpression, b: SizeExpression) -> SizeExpression { a.joined(b, .subtract) }
  package static func * (a: SizeExpression, b: SizeExpression) -> SizeExpression { a.joined(b, .multiply) }
  package static func / (a: SizeExpression, b: SizeExpression) -> SizeExpression { a.joined(b, .divide) }
  package static func % (a: SizeExpression, b: SizeExpression) -> SizeExpression { a.joined(b, .modulo) }

  private func joined(_ other: SizeExpression, _ step: Step) -> SizeExpression {
    if case .literal(let a)? = soleStep, case .literal(let b)? = other.soleStep,
      let value = try? Self.result(step, a, b)
    {
      return SizeExpression(steps: [.literal(value)])
    }
    return SizeExpression(steps: steps + other.steps + [step])
  }

  package var soleStep: Step? { steps.count == 1 ? steps[0] : nil }

  /// The size for inputs of these shapes.
  /// - Throws: `Size.…` if an extent does not exist, a number leaves ±2⁴⁸, or a divisor is 0.
  package func value(for inputs: [Shape]) throws(TypeError) -> Int {
    var stack: [Int] = []
    for step in steps {
      switch step {
      case .literal(let value): stack.append(value)
      case .extent(let input, let axis):
        guard inputs.indices.contains(input), inputs[input].indices.contains(axis) else {
          throw TypeError("Size.extent", "axis \(axis) of input \(input), the inputs are \(inputs)")
        }
        stack.append(inputs[input][axis])
      default:
        guard let b = stack.popLast(), let a = stack.popLast() else {
          throw TypeError("Size.form", "\(self) lacks operands")
        }
        stack.append(try Self.result(step, a, b))
      }
    }
    guard stack.count == 1 else { throw TypeError("Size.form", "\(self) is not one size") }
    return stack[0]
  }

  private static func result(_ step: Step, _ a: Int, _ b: Int) throws(TypeError) -> Int {
    let (value, overflow): (Int, Bool)
    switch step {
    case .add: (value, overflow) = a.addingReportingOverflow(b)
    case .subtract: (value, overflow) = a.subtractingReportingOverflow(b)
    case .multiply: (value, overflow) = a.multipliedReportingOverflow(by: b)
    case .divide: (value, overflow) = a.dividedReportingOverflow(by: b)
    case .modulo: (value, overflow) = a.remainderReportingOverflow(dividingBy: b)
    default: (value, overflow) = (min(a, b), false)
    }
    guard !overflow, value.magnitude <= Graph.elementCountLimit else {
      throw TypeError("Size.range", "\(a) \(word(step)) \(b) is not a size")
    }
    return value
  }

  private static func word(_ step: Step) -> String {
    switch step {
    case .literal(let value): "\(value)"
    case .extent(let input, let axis): "x\(input).\(axis)"
    case .add: "+"
    case .subtract: "-"
    case .multiply: "*"
    case .divide: "/"
    case .modulo: "%"
    case .minimum: "min"
    }
  }

  private static let functions: [String: Step] = [
    "+": .add, "-": .subtract, "*": .multiply, "/": .divide, "%": .modulo, "min": .minimum,
  ]

  private static func step(_ word: Substring) -> Step? {
    if let function = functions[String(word)] { return function }
    if let value = Int(word) { return .literal(value) }
    let parts = word.dropFirst().split(separator: ".", omittingEmptySubsequences: false).map { Int($0) }
    guard word.first == "x", parts.count == 2, let input = parts[0], let axis = parts[1] else { return nil }
    return .extent(input: input, axis: axis)
  }
}

extension SizeExpression: ExpressibleByIntegerLiteral {
  package init(integerLiteral value: Int) { self.init(value) }
  package init(_ value: Int) { steps = [.literal(value)] }
}

extension SizeExpression: CustomStringConvertible {
  package var description: String { steps.map(Self.word).joined(separator: " ") }
}

extension SizeExpression: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let words = try container.decode(String.self).split(separator: " ")
    steps = words.compactMap { Self.step($0) }
    guard !steps.isEmpty, steps.count == words.count, steps.count <= 256 else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "is not a size")
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension [SizeExpression] {
  /// Each size for inputs of these types.
  func values(for inputs: [TensorType]) throws(TypeError) -> [Int] {
    let shapes = inputs.map(\.shape)
    var result: [Int] = []
    for size in self { result.append(try size.value(for: shapes)) }
    return result
  }
}
