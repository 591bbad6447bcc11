import CIROperators
import IRCompiler
import IRTensor

/// A kernel made of a call into the C drivers.
struct CPUKernel: Kernel {
  var name: String
  var cut = ""
  var listing: [String] = []
  var workspaceByteCount = 0
  var inPlaceInputs: [Int] = []
  var packings: [KernelPacking] = []
  var packing: (@Sendable (Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void)?
  var preparedInputs: [Int] = []
  var heldStorages: [TensorStorage] = []
  var body: @Sendable (KernelArguments) -> Void

  init(
    _ name: String, cut: String = "", listing: [String] = [], workspace: Int = 0, inPlace: [Int] = [],
    prepared: [Int] = [], holding: [TensorStorage] = [],
    _ body: @escaping @Sendable (KernelArguments) -> Void
  ) {
    self.name = name
    self.cut = cut
    self.listing = listing
    workspaceByteCount = workspace
    inPlaceInputs = inPlace
    preparedInputs = prepared
    heldStorages = holding
    self.body = body
  }

  func run(_ arguments: KernelArguments) { body(arguments) }

  func pack(_ index: Int, _ source: UnsafeRawPointer, into target: UnsafeMutableRawPointer) {
    packing?(
      index, source.assumingMemoryBound(to: Float.self), target.assumingMemoryBound(to: Float.self))
  }
}

extension KernelArguments {
  func input(_ index: Int) -> UnsafePointer<Float> { inputs[index].assumingMemoryBound(to: Float.self) }
  func optionalInput(_ index: Int) -> UnsafePointer<Float>? { index < inputs.count ? input(index) : nil }
  func output(_ index: Int = 0) -> UnsafeMutablePointer<Float> {
    outputs[index].assumingMemoryBound(to: Float.self)
  }
  var threads: Int32 { Int32(threadCount) }
}

extension ir_weights {
  /// A constant as it is stored, which must outlive the kernel's runs.
  init(_ tensor: Tensor) {
    if let halves = tensor.halves {
      self.init(numbers: UnsafeRawPointer(halves.storage.pointer), is_half: true)
    } else {
      self.init(numbers: UnsafeRawPointer(tensor.storage.pointer), is_half: false)
    }
  }

  /// Numbers of float32 that a run has.
  init(_ numbers: UnsafePointer<Float>) { self.init(numbers: UnsafeRawPointer(numbers), is_half: false) }
}
