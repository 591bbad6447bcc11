import IROperators
import IRRewriting
import IRTensor

/// The numbers and weights of an instruction besides its operands, in the terms of `struct
/// ir_region_instruction`.
package struct RegionParameters: Sendable {
  package struct Normalization: Sendable {
    package var isCentred: Bool
    package var epsilon: Float
    package var scale, bias: Tensor?
  }

  package var blocks: BlockLayout?
  package var window: RegionWindow?
  package var normalization: Normalization?
  package var chain: ElementwiseChain?
  /// By operand, applied before the chain reads it.
  package var windows: [Int: RegionWindow] = [:]
  package var factor: Float?
  package var groupCount: Int?
  /// Input channels of a product: of each output channel, or the second operand's.
  package var depth = 0
}

/// A convolution of stride 1 that keeps height and width, with its weights.
package struct RegionWindow: Sendable {
  package var convolution: FusedConvolution
  package var shape: Shape
  /// Of `shape`; nil for one that is computed.
  package var weight: Tensor?
  package var bias: Tensor?

  /// Nil where the bias is not a constant.
  init?(_ fused: FusedConvolution, of node: RegionNode) {
    (convolution, shape) = (fused, node.types[1].shape)
    weight = node.constant(1)?.reshaped(to: shape)
    if fused.hasBias {
      guard let bias = node.constant(2) else { return nil }
      self.bias = bias.reshaped(to: [shape[0]])
    }
  }

  var reach: Int {
    (0..<2).map { axis in
      let before = convolution.convolution.padsBefore[axis]
      return max(before, (shape[axis + 2] - 1) * convolution.convolution.dilations[axis] - before)
    }.max() ?? 0
  }

  /// That of some output channels.
  func part(_ channels: Range<Int>) -> RegionWindow {
    var part = self
    part.weight = weight?.part(alongFirstAxis: channels)
    part.bias = bias?.part(alongFirstAxis: channels)
    part.shape[0] = channels.count
    return part
  }
}

extension RegionNode {
  /// The convolution of the node, fused or not; nil if kernels do not apply its activation.
  var convolution: FusedConvolution? {
    if let fused = node.operator as? FusedConvolution {
      let isSupported = fused.activation.map {
        support.supports($0, inEveryFormOf: fused.convolution, weight: types[1].shape)
      }
      return isSupported ?? true ? fused : nil
    }
    return (node.operator as? Convolution).map { FusedConvolution($0, hasBias: node.inputs.count > 2) }
  }

  /// The window of a convolution with stride 1 that keeps height and width, no larger than the driver takes.
  func window(_ fused: FusedConvolution) -> RegionWindow? {
    let (convolution, weight) = (fused.convolution, types[1].shape)
    guard convolution.strides == [1, 1], [nil, .unary(.relu)].contains(fused.activation),
      Set(convolution.dilations).count == 1, convolution.dilations[0] >= 1,
      zip(convolution.padsBefore, convolution.dilations).enumerated().allSatisfy({ axis, pad in
        (0...limits.reach).contains(pad.0)
          && (weight[axis + 2] - 1) * pad.1 <= limits.reach
          && pad.0 <= (weight[axis + 2] - 1) * pad.1
      })
    else { return nil }
    return RegionWindow(fused, of: self)
  }
}
