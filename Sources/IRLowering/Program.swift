import IRGraph
import IRRewriting
import IRTensor

/// A compiled graph: kernels in order, each operand at a known place.
package struct Program: Sendable {
  /// The place that a value begins at; offsets are in bytes.
  package enum Location: Hashable, Sendable {
    case arena(offset: Int)
    case constant(Int, offset: Int)
    case input(Int, offset: Int)
  }

  /// An input or a result by its public name.
  package struct Port: Sendable {
    package var name: String
    package var type: TensorType
    package var location: Location
  }

  package struct Step: Sendable {
    package var node: String
    package var operatorName: String
    package var kernel: any Kernel
    package var inputs: [Location]
    package var outputs: [Location]
    package var workspaceOffset: Int?
    package var multiplyAddCount: Int
    /// Bytes of all operands, read or written once.
    package var byteCount: Int
    package var outputTypes: [TensorType]
  }

  package var name: String
  package var inputs: [Port]
  package var outputs: [Port]
  package var steps: [Step]
  package var constants: [Tensor]
  package var memoryPlan: MemoryPlan
  package var report: CompilationReport
  /// The names of values that are computed where they are read, rather than where their operands are first
  /// read.
  package var recomputedValues: [String] = []
  /// The names of feature maps that are stored as float16.
  package var float16Values: [String] = []
  /// The most threads that the planned workspaces suffice for.
  package var threadCount: Int
}

extension Program {
  /// Bytes of the inputs and results, which lie beside the arena.
  package var portByteCount: Int { (inputs + outputs).reduce(0) { $0 + $1.type.byteCount } }
  /// The constants that steps read as they are, or that are results, by their indices; of the others kernels
  /// have taken what they need.
  package var readConstants: Set<Int> {
    var result: Set<Int> = []
    for step in steps {
      for (index, input) in step.inputs.enumerated() {
        if case .constant(let number, _) = input, !step.kernel.preparedInputs.contains(index) {
          result.insert(number)
        }
      }
    }
    for output in outputs { if case .constant(let number, _) = output.location { result.insert(number) } }
    return result
  }
  /// Bytes beside the arena that weights take as kernels read them: packed, or as float32 where the model
  /// stores less. Those that kernels pack at each run take none.
  package var weightByteCount: Int {
    let read = readConstants.map { constants[$0].storage }
    let storages = steps.flatMap(\.kernel.heldStorages) + read
    var seen: Set<ObjectIdentifier> = []
    return storages.reduce(0) { seen.insert(ObjectIdentifier($1)).inserted ? $0 + $1.byteCount : $0 }
  }
  /// Bytes of the arena, the inputs and the results.
  package var byteCount: Int { memoryPlan.peakByteCount + portByteCount }
}

extension Program: CustomStringConvertible {
  /// A line for each step: kernel, places, node, how the work is cut; reference kernels are marked. Regions
  /// have their plans below. The same program gives the same text.
  package var description: String {
    func text(_ location: Location) -> String {
      switch location {
      case .arena(let offset): "@\(offset)"
      case .constant(let index, let offset): "#\(index)" + (offset == 0 ? "" : "+\(offset)")
      case .input(let index, let offset): inputs[index].name + (offset == 0 ? "" : "+\(offset)")
      }
    }
    var lines = ["program \(name): \(steps.count) steps, arena of \(memoryPlan.peakByteCount) bytes"]
    for step in steps {
      let mark = step.kernel.isReference ? " reference" : ""
      let operands = step.inputs.map(text).joined(separator: ", ")
      let results = zip(step.outputs, step.outputTypes).map { "\(text($0)) : \($1)" }.joined(separator: ", ")
      let workspace =
        step.workspaceOffset.map { ", workspace @\($0) of \(step.kernel.workspaceByteCount)" } ?? ""
      let cut = step.kernel.cut.isEmpty ? "" : "  [\(step.kernel.cut)]"
      lines.append("  \(step.kernel.name)\(mark) (\(operands)) -> \(results)\(workspace)  \(step.node)\(cut)")
      lines += step.kernel.listing.map { "      \($0)" }
    }
    for output in outputs {
      lines.append("  output \(output.name) = \(text(output.location)) : \(output.type)")
    }
    lines += recomputedValues.map { "  recomputed where it is read: \($0)" }
    lines += float16Values.map { "  stored as float16: \($0)" }
    return lines.joined(separator: "\n")
  }
}
