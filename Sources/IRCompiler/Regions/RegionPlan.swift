import IRGraph
import IROperators
import IRTensor

/// Nodes that are computed together, row by row: what happens in a step, and what is kept between steps.
///
/// All pictures are `[batch, channels, height, width]` float32. A value is computed `margin` rows and columns
/// beyond the tile of the results, because windows read it there.
public struct RegionPlan: Sendable {
  public enum Place: Hashable, Sendable {
    /// Rolling rows of a value, by its index in `values`.
    case rolling(Int)
    /// A whole picture, by its index in `inputs` or `outputs`.
    case input(Int), output(Int)
    /// The sums of an instruction, from this index in `outputs` on.
    case sums(Int)
    /// A number for each channel `[channels]` or `[batch, channels]`, or one number: an index in `inputs`.
    case channels(Int), imageChannels(Int), scalar(Int)
  }

  public struct Operand: Hashable, Sendable {
    public var place: Place
    /// The first channel, of this many.
    public var channel = 0
    public var channelCount: Int
  }

  public enum Operation: Sendable {
    case copy
    /// Operands x, [residual]. Weights are a constant, or an input.
    case convolution(FusedConvolution, weight: Weight, bias: Tensor?)
    case depthwise(Depthwise)
    case normalization(isCentred: Bool, epsilon: Float, scale: Tensor?, bias: Tensor?)
    /// Operands named in `windows` are convolved before the chain reads them.
    case elementwise(ElementwiseChain, windows: [Int: Depthwise])
    /// Operands x, y, of these channels; three sums (`ChannelGram`).
    case gram(groupCount: Int, columnCount: Int)
  }

  /// A depthwise convolution; the operand's first channel is its first.
  public struct Depthwise: Sendable {
    public var convolution: FusedConvolution
    public var weight: Tensor
    public var bias: Tensor?
  }

  public enum Weight: Sendable {
    case constant(Tensor)
    case input(Int, Shape)

    public var shape: Shape {
      switch self {
      case .constant(let tensor): tensor.shape
      case .input(_, let shape): shape
      }
    }
  }

  public struct Instruction: Sendable {
    public var operation: Operation
    public var operands: [Operand]
    public var output: Operand
    /// Channels of the result.
    public var channelCount: Int
    public var margin: Int
    public var multiplyAddCount: Int
  }

  /// Rows kept of a value: `extraRows` more than those of a step.
  public struct RollingValue: Hashable, Sendable {
    public var channelCount: Int
    public var margin: Int
    public var extraRows: Int
  }

  public var batch, height, width: Int
  public var inputs: [ValueID] = []
  public var outputs: [ValueID] = []
  public var values: [RollingValue] = []
  public var instructions: [Instruction] = []
  /// How the rows and columns of the results are cut into tasks, and how many rows a step does.
  public var tileColumns = 0, bandRows = 0, stepRows = 0
  /// Rows whose sums are added up together, whatever the bands: a whole number of steps, of which bands have a whole
  /// number.
  public var blockRows = 1

  /// Whether it adds up numbers over the pixels.
  public var hasSums: Bool {
    instructions.contains { if case .gram = $0.operation { true } else { false } }
  }
}

extension RegionPlan.Instruction {
  /// Rows and columns around a pixel of an operand that its result depends on.
  public func reach(_ position: Int) -> Int {
    switch operation {
    case .convolution(let fused, let weight, _) where position == 0:
      StreamedOperation.convolution(fused).reach(weight.shape)
    case .depthwise(let window): window.reach
    case .elementwise(_, let windows): windows[position]?.reach ?? 0
    case .copy, .normalization, .convolution, .gram: 0
    }
  }
}

extension RegionPlan.Depthwise {
  var reach: Int { StreamedOperation.depthwise(convolution).reach(weight.shape) }
}
