import CIRKernels
import IRCompiler
import IRGraph
import IROperators
import IRTensor

/// The C kernels for the processor at hand; what they do not cover runs by definition.
package struct CPUKernelLibrary: KernelLibrary {
  private let reference = ReferenceKernelLibrary()
  private let weights: PackedWeights
  /// Whether weights that are stored as float16 are packed at each run.
  private var packsHalvesAtRun = false
  package let machine: MachineModel
  package let support: KernelSupport

  /// Kernels whose weights are packed into `weights`, or found there. `hasNearSharedCache` stands for what
  /// the processor says of its shared cache: programs are then the same on other processors of one
  /// instruction set.
  package init(
    weights: PackedWeights = PackedWeights(), hasNearSharedCache: Bool? = nil,
    precision: Precision = .float32, formsFollowSizes: Bool = true
  ) {
    self.weights = weights
    var support = KernelSupport.ofDrivers
    support.precision = precision
    support.formsFollowSizes = formsFollowSizes
    self.support = support
    machine = MachineModel(hasNearSharedCache: hasNearSharedCache ?? ir_has_near_shared_cache())
  }

  package func kernel(for request: KernelRequest) -> (any Kernel)? {
    fastKernel(for: request) ?? reference.kernel(for: request)
  }

  package func kernel(for region: RegionPlan, cut: RegionCut, threadCount: Int) -> (any Kernel)? {
    regionKernel(region, cut, threadCount: threadCount, packing)
  }

  package func library(forConstants constants: [Tensor]) -> Self {
    var library = self
    let byteCount = constants.reduce(0) { $0 + ($1.halves == nil ? 0 : $1.byteCount) }
    library.packsHalvesAtRun = byteCount > weights.limit
    return library
  }

  var packing: WeightPacking { WeightPacking(weights: weights, packsHalvesAtRun: packsHalvesAtRun) }

  private func fastKernel(for request: KernelRequest) -> (any Kernel)? {
    let own = request.operator as? any FastOperator
    if let own, type(of: own).takesEveryType { return own.kernel(for: request, in: self) }
    guard request.inputTypes.allSatisfy({ $0.elementType == .float32 }),
      request.outputTypes.allSatisfy({ $0.elementType == .float32 })
    else { return nil }
    guard let own else { return ElementwiseChain(request.operator)?.kernel(for: request) }
    return own.kernel(for: request, in: self)
  }
}
