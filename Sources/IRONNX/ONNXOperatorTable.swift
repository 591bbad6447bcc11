import IRGraph

/// How ONNX's operators become ours, and ours ONNX's.
enum ONNXOperatorTable {
  typealias Reader = @Sendable (NodeReader) throws(ImportFailure) -> [ValueID?]
  typealias Writer = @Sendable (any Operator, NodeWriter) throws(ExportFailure) -> Void

  /// By ONNX's operator type.
  static let readers: [String: Reader] = {
    var all: [String: Reader] = [:]
    for family in [
      elementwise, arithmetic, normalization, linearAlgebra, windows, reduction, layout, indexing, constants,
      resampling, attention, einsum, fourier, quantization,
    ] {
      all.merge(family) { _, new in new }
    }
    return all
  }()

  /// By our operator's name.
  static let writers: [String: Writer] = Dictionary(
    uniqueKeysWithValues: elementwiseWriters + normalizationWriters + attentionWriters + windowWriters
      + layoutWriters
      + indexingWriters + relativeWriters)

  /// An entry of the writers' table.
  static func writer<O: Operator>(
    _: O.Type, _ body: @escaping @Sendable (O, NodeWriter) throws(ExportFailure) -> Void
  ) -> (String, Writer) {
    (
      O.name,
      { (operation, writer) throws(ExportFailure) in
        guard let operation = operation as? O else {
          throw ExportFailure("it is not the operator of its name")
        }
        try body(operation, writer)
      }
    )
  }

  /// An operator that is one ONNX node with the same inputs and outputs.
  static func writer<O: Operator>(
    _ type: O.Type, as opType: String,
    _ attributes: @escaping @Sendable (O) -> [ONNXNamedAttribute?] = { _ in [] }
  ) -> (String, Writer) {
    writer(type) { (operation, w) throws(ExportFailure) in w.emit(opType, attributes(operation)) }
  }
}
