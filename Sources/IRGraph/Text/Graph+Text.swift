import IRTensor

extension Graph: CustomStringConvertible {
  /// The text form with large constants left out: for reading.
  package var description: String { text(constantByteCountLimit: 256) }

  /// The text form, which `Graph(text:operators:)` reads again: a line for each input, constant, node and
  /// output.
  ///
  /// ```
  /// graph "denoiser"
  /// metadata "task" = "denoise"
  /// %0 = input "image" : float32[1, 3, 64, 64]
  /// %1 = constant "slope" : float32[] = 0000803e
  /// %2 = Activation {function: "leakyRelu", alpha: 0.25, beta: 0.0} (%0) "relu" : float32[1, 3, 64, 64]
  /// output "restored" = %2
  /// ```
  ///
  /// Constants are their bytes in hexadecimal, in memory order; those of more bytes than the limit are
  /// written as `…`, which cannot be read again.
  package func text(constantByteCountLimit: Int = .max) -> String {
    var lines = ["graph \(quoted(name))"]
    for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
      lines.append("metadata \(quoted(key)) = \(quoted(value))")
    }
    var numbers: [ValueID: Int] = [:]
    func number(_ value: ValueID) -> String {
      if let known = numbers[value] { return "%\(known)" }
      numbers[value] = numbers.count
      return "%\(numbers.count - 1)"
    }
    func define(_ value: ValueID) {
      guard numbers[value] == nil, let tensor = constant(value) else { return }
      let content = tensor.byteCount <= constantByteCountLimit ? hexadecimal(tensor) : "…"
      lines.append("\(number(value)) = constant \(quoted(self[value].name)) : \(tensor.type) = \(content)")
    }
    for input in inputs {
      lines.append("\(number(input)) = input \(quoted(self[input].name)) : \(self[input].type)")
    }
    for id in nodesInOrder {
      let node = self[id]
      for input in node.inputs { define(input) }
      let attributes = (try? AttributeEncoder.attribute(of: node.operator)) ?? .null
      let operands = node.inputs.map(number).joined(separator: ", ")
      let results = node.outputs.map(number).joined(separator: ", ")
      let shown = attributes == .record([]) ? "" : "\(attributes.text) "
      let types = outputTypes(of: id).map(\.description).joined(separator: ", ")
      lines.append("\(results) = \(node.operator.name) \(shown)(\(operands)) \(quoted(node.name)) : \(types)")
    }
    for output in outputs {
      define(output.value)
      lines.append("output \(quoted(output.name)) = \(number(output.value))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func hexadecimal(_ tensor: Tensor) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return tensor.withUnsafeBytes { bytes in
      String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
  }
}
