import CIRKernels
import CIROperators
import IRCompiler
import IROperators

extension MachineModel {
  /// The processor with the kernels that are in use. The rates are those of two threads of two kinds of
  /// server processors.
  /// - Parameter hasNearSharedCache: the cores' shared cache is about as fast as their own.
  init(hasNearSharedCache: Bool) {
    self.init()
    multiplyAddRate = 1.3e11
    elementRate = 8e9
    memoryRate = 1.2e10
    sharedCacheRate = 2.2e10
    sharedCacheByteCount = 16 << 20
    cacheByteCount = 768 << 10
    stepByteCount = 1 << 20
    windowRate = hasNearSharedCache ? 2e11 : 5e10
    displacingByteCount = 2 << 20
    displacementShare = 0.05
    threadCount = 2
    sumThreadCount = 2
    winogradGain = 1.7
    callSeconds = 1.6e-8
    let kernels = ir_kernels().pointee
    lanes = kernels.lanes
    lineFloats = Int(IR_CACHE_LINE) / 4
    panelRows = kernels.planar_rows
    longRowColumns = Int(IR_PLANAR_LONG_ROW_TILES) * kernels.planar_columns
    windowRows = Int(IR_PLANAR_DEPTHWISE_ROWS)
    // Of processors that multiply it: programs are then the same on others.
    bfloat16Gain = 2
    bfloat16WinogradGain = 2.3
  }
}

extension KernelSupport {
  /// As the drivers' headers say.
  static let ofDrivers: KernelSupport = {
    var support = KernelSupport()
    support.unary = Set(UnaryFunction.allCases.filter { opcode($0) != nil })
    support.binary = Set(BinaryFunction.allCases.filter { opcode($0) != nil })
    support.activations = Set(ActivationFunction.allCases.filter { opcode($0) != nil })
    support.hasSelect = true
    support.registers = Int(IR_ELEMENTWISE_MAX_REGISTERS)
    support.operands = Int(min(IR_REGION_MAX_OPERANDS, IR_ELEMENTWISE_MAX_INPUTS))
    support.attentionTerms = Int(IR_ATTENTION_MAX_TERMS)
    support.winograd = WinogradForm(
      tile: Int(IR_WINOGRAD_TILE), rowPoints: Int(IR_WINOGRAD_ROW_POINTS))
    support.winogradActivations = ir_conv2d_winograd_takes(IR_ACTIVATION_LEAKY_RELU) ? [.leakyRelu] : []
    support.hasGroupStatistics = true
    support.regions = RegionLimits(
      rows: Int(IR_REGION_MAX_ROWS), tiles: Int(IR_REGION_MAX_TILES), stepRows: Int(IR_REGION_MAX_STEP),
      side: Int(IR_REGION_MAX_SIDE), reach: Int(IR_PLANAR_MAX_KERNEL) - 1,
      fewestPixels: Int(IR_REGION_FEWEST_PIXELS), manyWeights: Int(IR_REGION_MANY_WEIGHTS),
      manyPlanes: Int(IR_REGION_MANY_PLANES))
    return support
  }()
}
