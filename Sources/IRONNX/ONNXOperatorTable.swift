import IRGraph

/// How ONNX's operators become ours, and ours ONNX's.
enum ONNXOperatorTable {
  typealias Reader = @Sendable (NodeReader) throws(ImportFailure) -> [ValueID?]
  typealias ValueReader = @Sendable (NodeReader) throws(ImportFailure) -> [ImportedValue?]
  typealias Writer = @Sendable (any Operator, NodeWriter) throws(ExportFailure) -> Void

  /// By ONNX's operator type.
  private static let standard: [String: Reader] = merged([
    elementwise, arithmetic, bits, normalization, linearAlgebra, windows, reduction, layout, indexing,
    selecting, constants, random, resampling, attention, attentionVariants, einsum, fourier, quantization,
    quantized, recurrent, folding, detection, losses,
  ])

  /// Operators whose inputs or outputs are not tensors alone.
  static let valueReaders: [String: ValueReader] = controlFlow.merging(sequences) { _, new in new }

  /// The readers of a domain by operator type, nil for a domain that is not known.
  static func readers(of domain: String) -> [String: Reader]? {
    switch domain {
    case "": standard
    case "com.microsoft": contributed
    case "ai.onnx.preview": preview
    case "ai.onnx.ml": classical
    default: nil
    }
  }

  private static func merged(_ families: [[String: Reader]]) -> [String: Reader] {
    families.reduce(into: [:]) { all, family in
      all.merge(family) { _, _ in preconditionFailure("an operator in two families") }
    }
  }

  /// Why an operator has no reader, and what to do about it.
  static func absence(of opType: String, domain: String) -> String {
    if domain.isEmpty {
      let isText = textOperators.contains(opType)
      return isText
        ? "irkit does not compute with texts, which this operator takes"
        : "irkit has no \(opType) of this operator set"
    }
    if domain.hasPrefix("com.microsoft") {
      return "\(opType) is an operator of ONNX Runtime's own, which irkit does not have: "
        + "use the file from before ONNX Runtime optimized it"
    }
    return "the domain \(domain) is not ONNX's own, and the file holds no function of this name: "
      + "export the model with standard operators"
  }

  /// Standard operators of which this project computes none.
  private static let textOperators: Set<String> = [
    "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer",
  ]

  /// By our operator's name.
  static let writers: [String: Writer] = Dictionary(
    uniqueKeysWithValues: [
      elementwiseWriters, bitWriters, normalizationWriters, linearAlgebraWriters, windowWriters,
      reductionWriters,
      layoutWriters, indexingWriters, resamplingWriters, relativeWriters, attentionWriters, recurrentWriters,
      detectionWriters,
    ].flatMap { $0 })

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
