import IRTensor

/// Why a program could not run.
public enum RuntimeError: Error, Sendable {
  case missingInput(name: String)
  case inputType(name: String, found: TensorType, expected: TensorType)
  /// The arena does not fit the machine's memory.
  case outOfMemory(byteCount: Int)
  /// The plan is larger than what the session may take: known before anything runs.
  case exceedsMemory(byteCount: Int, limit: Int)
  /// The monitor of a run ended it.
  case cancelled
}

extension RuntimeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingInput(let name): "input \(name) is missing"
    case .inputType(let name, let found, let expected):
      "input \(name) is \(found), the program takes \(expected)"
    case .outOfMemory(let byteCount):
      "the program needs \(byteCount) bytes of memory, which the system does not give"
    case .exceedsMemory(let byteCount, let limit):
      "the run needs \(byteCount >> 20) MiB, of \(limit >> 20) MiB that it may use"
    case .cancelled: "the run was cancelled"
    }
  }
}
