import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let bits: [String: Reader] = [
    "BitShift": { (n) throws(ImportFailure) in
      let direction = n.text("direction")
      guard direction == "LEFT" || direction == "RIGHT" else { throw .unsupported("direction \(direction)") }
      return [try n.binary(direction == "LEFT" ? .shiftLeft : .shiftRight, try n.input(0), try n.input(1))]
    },
    "BitCast": { (n) throws(ImportFailure) in
      guard let type = ElementType(rawValue: Int32(clamping: n.int("to"))) else {
        throw .unsupported("bits read as \(ONNXTensor.typeName(Int32(clamping: n.int("to"))))")
      }
      return [try n.emit(BitCast(to: type), try n.input(0))]
    },
  ]
}

/// The writers of the family's operators.
extension ONNXOperatorTable {
  static let bitWriters: [(String, Writer)] = [
    writer(BitCast.self) { (cast, w) throws(ExportFailure) in
      guard w.opset >= 26 else { throw ExportFailure("bits read as another type needs operator set 26") }
      w.emit("BitCast", [.int("to", Int(cast.elementType.rawValue))])
    }
  ]
}
