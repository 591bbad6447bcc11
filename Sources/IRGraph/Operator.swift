import IRTensor

/// The meaning of an operator: a plain value of attributes, with the rule for its types and an
/// executable definition that every other implementation is tested against.
///
/// `Codable` is the operator's text and JSON form: attributes are the stored properties, by name.
package protocol Operator: Hashable, Sendable, Codable {
  /// The operator's name in the text form, dumps and profiles; never changes.
  static var name: String { get }

  /// The types of the outputs.
  /// - Throws: `TypeError` naming the constraint that `inputs` or the attributes break. Attributes come
  ///   from files: every combination ends in a type or an error, never in a trap.
  func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType]

  /// The definition: plain loops, float64 accumulation. Total: for inputs whose types `outputTypes`
  /// accepted, every element value gives some result of the stated types (an index out of range is
  /// clamped), so that hostile constants can be folded.
  func evaluate(_ inputs: [Tensor]) -> [Tensor]
}

extension Operator {
  package var name: String { Self.name }

  /// The results of `evaluate`, whose types `outputTypes` gave. Results without elements are not computed:
  /// their other extents may be of any length.
  package func results(_ inputs: [Tensor], _ types: [TensorType]) -> [Tensor] {
    let isEmpty = types.allSatisfy { $0.shape.contains(0) }
    return isEmpty ? types.map { Tensor(zeros: $0) } : evaluate(inputs)
  }
}

/// An operator whose work is counted in multiply-adds: contractions and convolutions.
package protocol ContractionOperator: Operator {
  /// Multiply-adds of one evaluation.
  func multiplyAddCount(for inputs: [TensorType]) -> Int
}

/// Why types do not fit an operator: the constraint's name, stable and tested (`Pad.rank`), and what
/// was found, with numbers.
package struct TypeError: Error, Hashable, Sendable, CustomStringConvertible {
  package var constraint: String
  package var detail: String

  package init(_ constraint: String, _ detail: String) {
    self.constraint = constraint
    self.detail = detail
  }

  package var description: String { "\(detail) (\(constraint))" }
}

/// The operators known by name, for parsing text.
package struct OperatorSet: Sendable {
  package private(set) var operators: [String: any Operator.Type] = [:]

  /// - Precondition: no two operators share a name.
  package init(_ types: [any Operator.Type]) {
    for type in types {
      precondition(operators.updateValue(type, forKey: type.name) == nil, "two operators named \(type.name)")
    }
  }

  package subscript(name: String) -> (any Operator.Type)? { operators[name] }
  package var names: [String] { operators.keys.sorted() }
}
