import IRGraph

/// The meaning of a value's name while a model is imported. Graphs hold tensors only: sequences, optionals
/// and the results of `NonZero` are resolved before a graph is made.
enum ImportedValue {
  case tensor(ValueID)
  case sequence([ValueID])
  /// An optional without an element; one with an element is that element.
  case absent
  case masked(MaskedValue)
}

/// A value whose size is the number of true elements of a mask that is not known at import.
enum MaskedValue {
  /// `NonZero(mask)`: `[rank, count]`, or `[count, rank]` where it is transposed.
  case indices(mask: ValueID, isTransposed: Bool)
  /// The shape of transposed indices: count, rank.
  case shape(mask: ValueID)
  /// The number of true elements, as a scalar or a list of one.
  case count(mask: ValueID)
  /// The elements of `data` where the mask is true; `data` has a shape that the mask's shape begins.
  case elements(of: ValueID, mask: ValueID)

  var mask: ValueID {
    switch self {
    case .indices(let mask, _), .shape(let mask), .count(let mask), .elements(_, let mask): mask
    }
  }
}
