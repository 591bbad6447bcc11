import IRTensor

/// The reasons why a program cannot run.
public enum RuntimeError: Error, Sendable {
  case missingInput(name: String)
  case inputType(name: String, found: TensorType, expected: TensorType)
  /// The system does not provide the memory for the arena.
  case outOfMemory(byteCount: Int)
  /// The program would exceed the memory limit; thrown before anything runs.
  case exceedsMemory(byteCount: Int, limit: Int)
  /// The monitor ended the run.
  case cancelled
}

extension RuntimeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .missingInput(let name): "input \(name) is missing"
    case .inputType(let name, let found, let expected):
      "input \(name) is \(found), the program takes \(expected)"
    case .outOfMemory(let byteCount):
      "the program needs \(byteCount) bytes of memory, which the system does not provide"
    case .exceedsMemory(let byteCount, let limit):
      "the run needs \(byteCount >> 20) MiB of memory; the limit is \(limit >> 20) MiB"
    case .cancelled: "the run was cancelled"
    }
  }
}
