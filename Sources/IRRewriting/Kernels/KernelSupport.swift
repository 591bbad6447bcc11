import IRGraph
import IROperators
import IRTensor

/// The limits of a library's kernels: rewriting makes nothing else, and regions are planned within it. A
/// library fills it from its kernels; nothing that it says is said in the compiler again.
package struct KernelSupport: Sendable {
  /// Functions that elementwise chains may have.
  package var unary: Set<UnaryFunction> = []
  package var binary: Set<BinaryFunction> = []
  package var activations: Set<ActivationFunction> = []
  /// Whether chains may select.
  package var hasSelect = false
  /// Inputs and instructions of a chain together, and inputs.
  package var registers = 0
  package var operands = 0
  /// Terms that are added to attention's scores.
  package var attentionTerms = 0
  /// The form in which convolutions have fewer products, and the activations that it takes besides relu.
  package var winograd: WinogradForm?
  package var winogradActivations: Set<ActivationFunction> = []
  /// Whether a convolution's form may depend on the size of the feature map. Else a pixel of a part of a
  /// picture has the bits that it has in the whole.
  package var formsFollowSizes = true
  /// Whether group normalizations are computed as statistics, and where their results are read.
  package var hasGroupStatistics = false
  /// The numbers that products are computed with.
  package var precision = Precision.float32
  /// Nil for a library that computes no regions.
  package var regions: RegionLimits?

  package struct RegionLimits: Hashable, Sendable {
    /// Rows of a region, and its tiles beside each other of all images.
    package var rows, tiles: Int
    /// Rows of a step.
    package var stepRows: Int
    /// The side of a block of pixels.
    package var side: Int
    /// Rows and columns that a window reaches over besides its first.
    package var reach: Int
    /// A feature map of fewer pixels has too few for threads to share: its pointwise convolutions with so
    /// many weights are products by themselves, and its depthwise ones of so many planes steps by themselves,
    /// where forms may follow sizes.
    package var fewestPixels, manyWeights, manyPlanes: Int

    package init(
      rows: Int, tiles: Int, stepRows: Int, side: Int, reach: Int, fewestPixels: Int, manyWeights: Int,
      manyPlanes: Int
    ) {
      self.rows = rows
      self.tiles = tiles
      self.stepRows = stepRows
      self.side = side
      self.reach = reach
      self.fewestPixels = fewestPixels
      self.manyWeights = manyWeights
      self.manyPlanes = manyPlanes
    }
  }

  /// A library without fast kernels.
  package init() {}

  /// Of fewer rows or less depth, rounding costs as much as products of bfloat16 gain.
  private static let leastBFloat16Extent = 8

  /// Whether a product of a matrix of `rows` times `depth` numbers, such as a convolution's weights for one
  /// pixel of its window, is computed in bfloat16.
  package func isBFloat16(rows: Int, depth: Int) -> Bool {
    precision == .bfloat16 && min(rows, depth) >= Self.leastBFloat16Extent
  }

  /// Whether chains may have the function.
  package func supports(_ function: ElementwiseChain.Function) -> Bool {
    switch function {
    case .unary(let function): unary.contains(function)
    case .binary(let function): binary.contains(function)
    case .activation(let activation): activations.contains(activation.function)
    case .select: hasSelect
    }
  }

  /// Whether one kernel computes the chain.
  package func supports(_ chain: ElementwiseChain) -> Bool {
    chain.inputCount <= operands && chain.inputCount + chain.instructions.count <= registers
      && chain.instructions.allSatisfy { supports($0.function) }
  }

  /// Whether a convolution with a constant weight of this shape applies the activation wherever it is
  /// computed.
  package func supports(
    _ activation: ElementwiseChain.Function, inEveryFormOf convolution: Convolution, weight: Shape
  ) -> Bool {
    switch activation {
    case .unary(let function): function == .relu
    case .activation(let activation):
      isWinograd(convolution, weight: weight) && winogradActivations.contains(activation.function)
    case .binary, .select: false
    }
  }

  /// Whether the kernel of a convolution applies the activation to its results. `constant` is the weight, if
  /// it is one.
  package func supports(
    _ activation: ElementwiseChain.Function, after convolution: Convolution, weight: Shape,
    constant: Tensor?, pixelCount: Int
  ) -> Bool {
    if supports(activation, inEveryFormOf: convolution, weight: weight) {
      return constant != nil || activation == .unary(.relu)
    }
    guard regions != nil, supports(activation) else { return false }
    if convolution.isDepthwise(weight) {
      return convolution.strides.contains { $0 > 1 }
        || isSmallDepthwise(convolution, weight: weight, pixelCount: pixelCount)
    }
    if pixelCount == 1 { return convolution.isPointwise(weight) }
    // Numbers of 16 bits may be packed in each run, for which the product of pixels has no form.
    return constant.map { $0.halves == nil } ?? false
      && isPixelProduct(convolution, weight: weight, pixelCount: pixelCount)
  }

  /// Whether a depthwise convolution with so many pixels is computed by itself: its rows are too short for
  /// vectors along them.
  package func isSmallDepthwise(_ convolution: Convolution, weight: Shape, pixelCount: Int) -> Bool {
    guard let regions, formsFollowSizes, convolution.isDepthwise(weight) else { return false }
    return pixelCount < regions.fewestPixels && weight[0] >= regions.manyPlanes
  }

  /// Whether a convolution with a constant weight of this shape, over so many pixels, is a product by itself.
  package func isPixelProduct(_ convolution: Convolution, weight: Shape, pixelCount: Int) -> Bool {
    guard let regions, formsFollowSizes, convolution.isPointwise(weight) else { return false }
    return pixelCount < regions.fewestPixels && weight.elementCount >= regions.manyWeights
  }

  /// Whether a convolution with a constant weight of this shape is computed in Winograd's form.
  package func isWinograd(_ convolution: Convolution, weight: Shape) -> Bool {
    winograd?.applies(to: convolution, weight: weight) ?? false
  }
}
