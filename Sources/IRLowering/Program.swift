import IRGraph
import IRRewriting
import IRTensor

/// A compiled graph: kernels in order, each operand at a known place.
public struct Program: Sendable {
  /// The place that a value begins at; offsets are in bytes.
  public enum Location: Hashable, Sendable {
    case arena(offset: Int)
    case constant(Int, offset: Int)
    case input(Int, offset: Int)
  }

  /// An input or a result by its public name.
  public struct Port: Sendable {
    public var name: String
    public var type: TensorType
    public var location: Location
  }

  public struct Step: Sendable {
    public var node: String
    public var operatorName: String
    public var kernel: any Kernel
    public var inputs: [Location]
    public var outputs: [Location]
    public var workspaceOffset: Int?
    public var multiplyAddCount: Int
    /// Bytes of all operands, read or written once.
    public var byteCount: Int
    public var outputTypes: [TensorType]
  }

  public var name: String
  public var inputs: [Port]
  public var outputs: [Port]
  public var steps: [Step]
  public var constants: [Tensor]
  public var memoryPlan: MemoryPlan
  public var report: CompilationReport
  /// The names of values that are computed where they are read, rather than where their operands are first
  /// read.
  public var recomputedValues: [String] = []
  /// The names of feature maps that are stored as float16.
  public var float16Values: [String] = []
  /// The most threads that the planned workspaces suffice for.
  public var threadCount: Int
}

extension Program {
  /// Bytes of the inputs and results, which lie beside the arena.
  public var portByteCount: Int { (inputs + outputs).reduce(0) { $0 + $1.type.byteCount } }
  /// Bytes of the arena, the inputs and the results.
  public var byteCount: Int { memoryPlan.peakByteCount + portByteCount }
}

extension Program: CustomStringConvertible {
  /// A line for each step: kernel, places, node, how the work is cut; reference kernels are marked. Regions
  /// have their plans below. The same program gives the same text.
  public var description: String {
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
