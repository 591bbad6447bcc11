import IRGraph

/// The ONNX operators that can be imported, each with the function that reads it.
enum ONNXOperatorTable {
  typealias Reader = @Sendable (NodeReader) throws(ImportFailure) -> [ValueID?]

  static let readers: [String: Reader] = {
    var all: [String: Reader] = [:]
    for family in [
      elementwise, arithmetic, normalization, linearAlgebra, windows, reduction, layout, indexing, constants, resampling, attention,
    ] {
      all.merge(family) { _, new in new }
    }
    return all
  }()
}
