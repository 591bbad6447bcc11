extension Tensor: CustomStringConvertible {
  /// The type and the first few elements.
  public var description: String {
    let shown = 8
    let texts: [String] =
      elementType.isFloatingPoint
      ? doubles.prefix(shown).map { "\($0)" } : integers.prefix(shown).map { "\($0)" }
    let rest = elementCount > shown ? ", … \(elementCount - shown) more" : ""
    return "\(type) {\(texts.joined(separator: ", "))\(rest)}"
  }
}
