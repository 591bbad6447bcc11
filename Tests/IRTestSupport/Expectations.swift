import IRTensor
import Testing

/// How far a result may be from what is expected.
package enum Tolerance: Sendable {
  /// Every element the same; NaN equals NaN.
  case exact
  /// Largest distance over the expected values' range (at least 1e-6).
  case ofRange(Double)
}

/// Records an issue where two tensors differ in type or by more than the tolerance.
package func expectClose(
  _ found: Tensor?, _ expected: Tensor, _ tolerance: Tolerance, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let found else {
    Issue.record("\(what): there is no result", sourceLocation: sourceLocation)
    return
  }
  guard found.type == expected.type else {
    Issue.record("\(what): \(found.type), expected \(expected.type)", sourceLocation: sourceLocation)
    return
  }
  let (a, b) = (found.doubles, expected.doubles)
  let finite = b.filter(\.isFinite)
  let range = max((finite.max() ?? 0) - (finite.min() ?? 0), 1e-6)
  var worst: (index: Int, distance: Double)?
  for (index, (x, y)) in zip(a, b).enumerated() where !(x == y || (x.isNaN && y.isNaN)) {
    let distance = (x - y).magnitude
    if !(distance <= worst?.distance ?? 0) { worst = (index, distance) }
  }
  guard let worst else { return }
  let limit = if case .ofRange(let share) = tolerance { share * range } else { 0.0 }
  if !(worst.distance <= limit) {
    Issue.record(
      "\(what): element \(worst.index) is \(a[worst.index]), expected \(b[worst.index]), the range is \(range)",
      sourceLocation: sourceLocation)
  }
}
