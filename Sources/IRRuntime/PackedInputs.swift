import IRCompiler
import IRTensor

/// Inputs that many runs of a program have in common, in the order in which its kernels read them: packed
/// once for all of these runs, whatever session makes them.
///
/// Unchecked: `pack` writes while no session reads.
package final class PackedInputs: @unchecked Sendable {
  private struct Task {
    var step: Int
    var packing: Int
    /// The name of the program's input, and where in it the kernel's begins.
    var name: String
    var byteOffset: Int
    var storage: TensorStorage
  }

  private let program: Program
  private let tasks: [Task]
  /// By step of the program: what its kernel is given; empty where it packs itself.
  let pointers: [[UnsafeRawPointer]]

  /// Memory for what `program` packs of its inputs called `names`.
  package init(of program: Program, names: Set<String>) {
    var tasks: [Task] = []
    var pointers: [[UnsafeRawPointer]] = []
    for (index, step) in program.steps.enumerated() {
      var own: [Task] = []
      for (position, packing) in step.kernel.packings.enumerated() {
        guard case .input(let input, let offset) = step.inputs[packing.input],
          names.contains(program.inputs[input].name)
        else { continue }
        own.append(
          Task(
            step: index, packing: position, name: program.inputs[input].name, byteOffset: offset,
            storage: TensorStorage(byteCount: packing.byteCount)))
      }
      // A kernel is given all that it packs, or nothing.
      if own.count < step.kernel.packings.count { own = [] }
      tasks += own
      pointers.append(own.map { UnsafeRawPointer($0.storage.pointer) })
    }
    self.program = program
    self.tasks = tasks
    self.pointers = pointers
  }

  /// Bytes of all that is packed.
  package var byteCount: Int { tasks.reduce(0) { $0 + $1.storage.byteCount } }

  /// Packs the inputs, which are given by name. No session may run with these inputs meanwhile.
  /// - Precondition: `inputs` has every name.
  package func pack(_ inputs: [String: Tensor], threadCount: Int) {
    parallelFor(tasks.count, threadCount: threadCount) { index, _ in
      let task = tasks[index]
      guard let tensor = inputs[task.name] else { preconditionFailure("\(task.name) is given") }
      tensor.withUnsafeBytes { bytes in
        guard let start = bytes.baseAddress else { return }
        program.steps[task.step].kernel.pack(
          task.packing, start + task.byteOffset, into: task.storage.pointer)
      }
    }
  }
}
