import IRGraph
import IROperators
import IRTensor

/// The cotangents that have arrived at each value so far: added up, since a value that is used twice gets
/// both.
struct CotangentAccumulator {
  private var sums: [ValueID: ValueID] = [:]

  /// The sum that has arrived at the value; nil is zero.
  subscript(value: ValueID) -> ValueID? { sums[value] }

  mutating func add(
    _ cotangent: ValueID, to value: ValueID, in builder: inout GraphBuilder
  ) throws(GraphError) {
    precondition(builder.type(of: cotangent) == builder.type(of: value), "a cotangent of another type")
    guard let sum = sums[value] else { sums[value] = cotangent; return }
    sums[value] = try builder.value(Binary(.add), [sum, cotangent])
  }
}
