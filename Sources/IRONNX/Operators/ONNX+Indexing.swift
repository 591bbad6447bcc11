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

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let indexingWriters: [(String, Writer)] = [
    writer(Gather.self, as: "Gather") { [.int("axis", $0.axis)] },
    writer(GatherElements.self, as: "GatherElements") { [.int("axis", $0.axis)] },
    writer(GatherND.self, as: "GatherND") { [.int("batch_dims", $0.batchAxisCount)] },
    writer(ScatterElements.self, as: "ScatterElements") { [.int("axis", $0.axis), reduction($0.reduction)] },
    writer(ScatterND.self, as: "ScatterND") { [reduction($0.reduction)] },
    writer(OneHot.self) { (hot, w) throws(ExportFailure) in
      guard w.inputTypes[1].elementType != .bfloat16 || w.opset >= 28 else {
        throw ExportFailure("OneHot of bfloat16 needs operator set 28")
      }
      let depth = w.constant(Tensor([Int64(hot.depth)], shape: .scalar))
      w.emit("OneHot", [w.inputs[0], depth, w.inputs[1]], [.int("axis", hot.axis)])
    },
  ]

  private static func reduction(_ reduction: ScatterReduction) -> ONNXNamedAttribute? {
    let names: [ScatterReduction: String] = [.add: "add", .multiply: "mul", .maximum: "max", .minimum: "min"]
    return names[reduction].map { .string("reduction", $0) }
  }
}
