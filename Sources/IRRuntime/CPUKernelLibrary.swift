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

  private var packing: WeightPacking { WeightPacking(weights: weights, packsHalvesAtRun: packsHalvesAtRun) }

  private func fastKernel(for request: KernelRequest) -> (any Kernel)? {
    if let kernel = movementKernel(request) ?? conversionKernel(request) { return kernel }
    guard request.inputTypes.allSatisfy({ $0.elementType == .float32 }),
      request.outputTypes.allSatisfy({ $0.elementType == .float32 })
    else { return nil }
    switch request.operator {
    case let fused as FusedConvolution: return convolutionKernel(fused, request, packing, support)
    case let convolution as Convolution:
      let plain = FusedConvolution(convolution, hasBias: request.inputTypes.count > 2)
      return convolutionKernel(plain, request, packing, support)
    case let convolution as ConvolutionTranspose:
      return convolutionTransposeKernel(convolution, request, packing, support)
    case let gradient as ConvolutionWeightGradient: return convolutionWeightGradientKernel(gradient, request)
    case let gradient as LayerNormalizationGradient:
      return layerNormalizationGradientKernel(gradient, request)
    case let gradient as ResizeGradient: return resizeGradientKernel(gradient, request)
    case let attention as Attention: return attentionKernel(attention, request, support)
    case let product as MatrixMultiply:
      return matrixMultiplyKernel(FusedMatrixMultiply(product), request, packing, support)
    case let product as FusedMatrixMultiply: return matrixMultiplyKernel(product, request, packing, support)
    case is LayerNormalization, is RMSNormalization, is L2Normalization, is GroupNormalization,
      is GroupStatistics:
      return normalizationKernel(request)
    case let softmax as Softmax: return softmaxKernel(axis: softmax.axis, isLogarithm: false, request)
    case let softmax as LogSoftmax: return softmaxKernel(axis: softmax.axis, isLogarithm: true, request)
    case let reduce as Reduce: return reduceKernel(reduce, request)
    case let resize as Resize: return resizeKernel(resize, request)
    case let sample as GridSample: return gridSampleKernel(sample, request)
    case let pool as MaxPool where !pool.hasIndices:
      return poolKernel(pool.window, isMaximum: true, false, request)
    case let pool as AveragePool:
      return poolKernel(pool.window, isMaximum: false, pool.countsPadding, request)
    default: return elementwiseKernel(request)
    }
  }
}
