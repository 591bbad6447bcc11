import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  private static func scatterReduction(_ n: NodeReader) throws(ImportFailure) -> ScatterReduction {
    switch n.text("reduction", "none") {
    case "none": return .none
    case "add": return .add
    case "mul": return .multiply
    case "max": return .maximum
    case "min": return .minimum
    case let other: throw .unsupported("reduction \(other)")
    }
  }

  private static let scatterElements: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let operation = ScatterElements(
      axis: try n.axis(n.int("axis"), rank: n.shape(x).rank), reduction: try scatterReduction(n))
    return [try n.emit(operation, x, try n.input(1), try n.input(2))]
  }

  static let indexing: [String: Reader] = [
    "Gather": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      return [try n.emit(Gather(axis: try n.axis(n.int("axis"), rank: n.shape(x).rank)), x, try n.input(1))]
    },
    "GatherElements": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      return [
        try n.emit(GatherElements(axis: try n.axis(n.int("axis"), rank: n.shape(x).rank)), x, try n.input(1))
      ]
    },
    "GatherND": { (n) throws(ImportFailure) in
      [try n.emit(GatherND(batchAxisCount: n.int("batch_dims")), try n.input(0), try n.input(1))]
    },
    "Scatter": scatterElements, "ScatterElements": scatterElements,
    "ScatterND": { (n) throws(ImportFailure) in
      [
        try n.emit(
          ScatterND(reduction: try scatterReduction(n)), try n.input(0), try n.input(1), try n.input(2))
      ]
    },
    "OneHot": { (n) throws(ImportFailure) in
      let indices = try n.input(0)
      let axis = try n.axis(n.int("axis", -1), rank: n.shape(indices).rank + 1)
      return [try n.emit(OneHot(axis: axis, depth: try n.integers(1).first ?? 0), indices, try n.input(2))]
    },
    "NonZero": { (n) throws(ImportFailure) in [n.constant(MaskedReader.indices(try n.constant(0)))] },
  ]
}
