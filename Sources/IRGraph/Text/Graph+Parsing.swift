import IRTensor

extension Graph {
  /// Reads the text form; the result is verified.
  /// - Throws: `GraphError.text` naming the line, or what the verifier finds.
  package init(text: String, operators: OperatorSet) throws(GraphError) {
    var parser = GraphParser(operators: operators)
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      do { try parser.read(line) } catch let error as TextScanner.Failure {
        throw .text(line: index + 1, detail: error.detail)
      } catch let error as GraphError { throw .text(line: index + 1, detail: "\(error)") } catch {
        throw .text(line: index + 1, detail: "\(error)")
      }
    }
    try parser.graph.verify()
    self = parser.graph
  }
}

private struct GraphParser {
  let operators: OperatorSet
  var graph = Graph()
  private var values: [Int: ValueID] = [:]

  init(operators: OperatorSet) { self.operators = operators }

  mutating func read(_ line: some StringProtocol) throws {
    var scanner = TextScanner(line)
    scanner.skipSpaces()
    if scanner.isAtEnd || scanner.take("//") { return }
    if scanner.take("graph") {
      graph.name = try scanner.string()
    } else if scanner.take("metadata") {
      let key = try scanner.string()
      try scanner.expect("=")
      graph.metadata[key] = try scanner.string()
    } else if scanner.take("output") {
      let name = try scanner.string()
      try scanner.expect("=")
      graph.addOutput(try use(&scanner), name: name)
    } else {
      try readDefinition(&scanner)
    }
    scanner.skipSpaces()
    guard scanner.isAtEnd else { throw scanner.failure("the line should end") }
  }

  private mutating func readDefinition(_ scanner: inout TextScanner) throws {
    var numbers: [Int] = []
    repeat {
      try scanner.expect("%")
      numbers.append(try scanner.integer())
    } while scanner.take(",")
    for number in numbers where values[number] != nil { throw scanner.failure("%\(number) is defined twice") }
    guard Set(numbers).count == numbers.count else { throw scanner.failure("a value is defined twice") }
    try scanner.expect("=")
    let word = try scanner.word()
    switch word {
    case "input":
      let name = try scanner.string()
      try define(numbers, [graph.addInput(name, try type(&scanner))], scanner)
    case "constant":
      let name = try scanner.string()
      let type = try type(&scanner)
      try define(numbers, [graph.addConstant(try constant(type, &scanner), name: name)], scanner)
    default: try define(numbers, try node(word, &scanner), scanner)
    }
  }

  private mutating func define(_ numbers: [Int], _ ids: [ValueID], _ scanner: TextScanner) throws {
    guard numbers.count == ids.count else {
      throw scanner.failure("\(ids.count) values are made, \(numbers.count) are named")
    }
    for (number, id) in zip(numbers, ids) { values[number] = id }
  }

  private mutating func node(_ name: String, _ scanner: inout TextScanner) throws -> [ValueID] {
    guard let type = operators[name] else { throw scanner.failure("there is no operator \(name)") }
    var attributes = Attribute.record([])
    if !scanner.take("(") {
      attributes = try scanner.attribute()
      try scanner.expect("(")
    }
    func decode<O: Operator>(_: O.Type) throws -> any Operator {
      try AttributeDecoder.decoded(O.self, attributes, [])
    }
    let operation: any Operator
    do { operation = try decode(type) } catch { throw scanner.failure("\(name): \(error)") }
    var inputs: [ValueID] = []
    if !scanner.take(")") {
      repeat { inputs.append(try use(&scanner)) } while scanner.take(",")
      try scanner.expect(")")
    }
    let outputs = try graph.addNode(operation, inputs: inputs, name: try scanner.string())
    try scanner.expect(":")
    for (index, output) in outputs.enumerated() {
      if index > 0 { try scanner.expect(",") }
      let stated = try typeText(&scanner)
      guard stated == graph[output].type else {
        throw scanner.failure("\(name) makes \(graph[output].type), the text says \(stated)")
      }
    }
    return outputs
  }

  private func use(_ scanner: inout TextScanner) throws -> ValueID {
    try scanner.expect("%")
    let number = try scanner.integer()
    guard let value = values[number] else {
      throw scanner.failure("%\(number) is not defined before it is used")
    }
    return value
  }

  private func type(_ scanner: inout TextScanner) throws -> TensorType {
    try scanner.expect(":")
    let type = try typeText(&scanner)
    guard Graph.holds(type) else { throw scanner.failure("\(type) is not a size") }
    return type
  }

  private func typeText(_ scanner: inout TextScanner) throws -> TensorType {
    let name = try scanner.word()
    guard let elementType = ElementType(name) else {
      throw scanner.failure("there is no element type \(name)")
    }
    try scanner.expect("[")
    var extents: [Int] = []
    if !scanner.take("]") {
      repeat { extents.append(try scanner.integer()) } while scanner.take(",")
      try scanner.expect("]")
    }
    return TensorType(elementType, Shape(extents))
  }

  private func constant(_ type: TensorType, _ scanner: inout TextScanner) throws -> Tensor {
    try scanner.expect("=")
    if scanner.take("…") { throw scanner.failure("the constant was left out of this text") }
    let digits = type.byteCount == 0 ? [] : Array(try scanner.word().utf8)
    guard digits.count == 2 * type.byteCount else {
      throw scanner.failure("\(type) needs \(2 * type.byteCount) digits, there are \(digits.count)")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(type.byteCount)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16) else {
        throw scanner.failure("a digit is not hexadecimal")
      }
      bytes.append(byte)
    }
    return Tensor(type) { target in bytes.withUnsafeBytes { target.copyMemory(from: $0) } }
  }
}
