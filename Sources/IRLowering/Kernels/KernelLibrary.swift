import IRGraph
import IRRewriting
import IRTensor

/// The source of kernels: the compiler sees fast code through this protocol alone.
package protocol KernelLibrary: Sendable {
  /// A kernel for the node, or nil if the library has none for these types.
  func kernel(for request: KernelRequest) -> (any Kernel)?

  /// The limits of its kernels.
  var support: KernelSupport { get }

  /// The machine that the kernels run on.
  var machine: MachineModel { get }

  /// A kernel for nodes computed together. Its operands are the plan's inputs and outputs, in order.
  /// - Returns: a kernel for every plan within `support`; else nil.
  func kernel(for region: RegionPlan, cut: RegionCut, threadCount: Int) -> (any Kernel)?

  /// The library for a program of these constants, whose kernels pack weights at each run where packed ones
  /// would take too much memory.
  func library(forConstants constants: [Tensor]) -> Self
}

extension KernelLibrary {
  package var support: KernelSupport { KernelSupport() }
  package var machine: MachineModel { MachineModel() }
  package func kernel(for region: RegionPlan, cut: RegionCut, threadCount: Int) -> (any Kernel)? { nil }
  package func library(forConstants constants: [Tensor]) -> Self { self }
}

/// A node as a kernel sees it.
package struct KernelRequest: Sendable {
  package var `operator`: any Operator
  package var inputTypes: [TensorType]
  package var outputTypes: [TensorType]
  /// The inputs that are constants: their kernels may prepare them once.
  package var constants: [Tensor?]
  package var threadCount: Int

  package init(
    operator: any Operator, inputTypes: [TensorType], outputTypes: [TensorType], constants: [Tensor?],
    threadCount: Int
  ) {
    self.operator = `operator`
    self.inputTypes = inputTypes
    self.outputTypes = outputTypes
    self.constants = constants
    self.threadCount = threadCount
  }
}

/// Fast code for one node, with everything prepared that can be.
package protocol Kernel: Sendable {
  /// The kernel's name in dumps and profiles.
  var name: String { get }
  /// How it cuts its work, for dumps; may be empty.
  var cut: String { get }
  /// The lines that say all of how it computes, for dumps; may be empty.
  var listing: [String] { get }
  /// Whether this is the operator's definition (`evaluate`), not a fast kernel.
  var isReference: Bool { get }
  /// Scratch memory that the memory plan pays for.
  var workspaceByteCount: Int { get }
  /// The inputs that an output of the same size may overwrite.
  var inPlaceInputs: [Int] { get }
  /// The inputs that it packs before it computes. Runs that have them in common may share what is packed.
  var packings: [KernelPacking] { get }
  /// Packs the input of `packings[index]` into as many bytes as are said there.
  func pack(_ index: Int, _ source: UnsafeRawPointer, into target: UnsafeMutableRawPointer)
  /// The inputs that it does not read, since it was made with what it needs of them.
  var preparedInputs: [Int] { get }
  /// The memory that it holds beside its workspace: packed weights, biases.
  var heldStorages: [TensorStorage] { get }
  /// Computes the outputs. Runs threads of its own, and is not called on several at once.
  func run(_ arguments: KernelArguments)
}

/// An input that a kernel reads in an order of its own.
package struct KernelPacking: Hashable, Sendable {
  package var input: Int
  /// The bytes of the packed input.
  package var byteCount: Int

  package init(input: Int, byteCount: Int) {
    self.input = input
    self.byteCount = byteCount
  }
}

extension Kernel {
  package var cut: String { "" }
  package var listing: [String] { [] }
  package var isReference: Bool { false }
  package var workspaceByteCount: Int { 0 }
  package var inPlaceInputs: [Int] { [] }
  package var packings: [KernelPacking] { [] }
  package func pack(_ index: Int, _ source: UnsafeRawPointer, into target: UnsafeMutableRawPointer) {}
  package var preparedInputs: [Int] { [] }
  package var heldStorages: [TensorStorage] { [] }
}

/// The addresses of a kernel's operands.
package struct KernelArguments {
  package var inputs: [UnsafeRawPointer]
  package var outputs: [UnsafeMutableRawPointer]
  package var workspace: UnsafeMutableRawPointer?
  /// The kernel's packings, already packed; none where it has to pack them.
  package var packed: [UnsafeRawPointer]
  package var threadCount: Int

  package init(
    inputs: [UnsafeRawPointer], outputs: [UnsafeMutableRawPointer], workspace: UnsafeMutableRawPointer?,
    packed: [UnsafeRawPointer] = [], threadCount: Int
  ) {
    self.inputs = inputs
    self.outputs = outputs
    self.workspace = workspace
    self.packed = packed
    self.threadCount = threadCount
  }
}
