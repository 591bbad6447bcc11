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
