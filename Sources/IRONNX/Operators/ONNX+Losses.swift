import IRGraph
import IROperators
import IRTensor

/// Losses of classification, for files that hold them beside a network.
extension ONNXOperatorTable {
  static let losses: [String: Reader] = [
    "NegativeLogLikelihoodLoss": { (n) throws(ImportFailure) in [try likelihoodLoss(n, try n.input(0))] },
    "SoftmaxCrossEntropyLoss": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      guard n.shape(x).rank >= 2 else { throw .unsupported("scores of \(n.shape(x))") }
      let logarithms = try n.emit(LogSoftmax(axis: 1), x)
      return [try likelihoodLoss(n, logarithms), logarithms]
    },
  ]

  private static func likelihoodLoss(_ n: NodeReader, _ x: ValueID) throws(ImportFailure) -> ValueID {
    var target = try n.input(1)
    let (shape, own) = (n.shape(x), n.shape(target))
    guard shape.rank >= 2, shape[1] > 0, own.extents == [shape[0]] + shape.dropFirst(2) else {
      throw .unsupported("classes of \(own) for \(shape)")
    }
    var counts: ValueID?
    if n.node[attribute: "ignore_index"] != nil {
      let ignored = try n.binary(
        .equal, target, n.scalar(Double(n.int("ignore_index")), like: target))
      target = try n.emit(Select(), ignored, n.scalar(0, like: target), target)
      counts = try n.emit(Select(), ignored, n.scalar(0, like: x), n.scalar(1, like: x))
    }
    var column = own.extents
    column.insert(1, at: 1)
    let picked = try n.emit(GatherElements(axis: 1), x, try n.reshaped(target, Shape(column)))
    var loss = try n.unary(.neg, try n.reshaped(picked, own))
    if n.has(2) {
      let weight = try n.emit(Gather(axis: 0), try n.input(2), target)
      counts = if let counts { try n.binary(.multiply, weight, counts) } else { weight }
    }
    if let counts { loss = try n.binary(.multiply, loss, counts) }
    func total(_ value: ValueID, _ function: ReduceFunction) throws(ImportFailure) -> ValueID {
      try n.emit(Reduce(function, axes: Array(own.indices), keepsAxes: false), value)
    }
    switch n.text("reduction", "mean") {
    case "none": return loss
    case "sum": return try total(loss, .sum)
    case "mean":
      guard let counts else { return try total(loss, .mean) }
      let stretched = n.shape(counts) == own ? counts : try n.emit(Expand(shape: own), counts)
      return try n.binary(.divide, try total(loss, .sum), try total(stretched, .sum))
    case let other: throw .unsupported("reduction \(other)")
    }
  }
}
