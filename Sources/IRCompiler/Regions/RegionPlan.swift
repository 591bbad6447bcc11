import IRGraph
import IROperators
import IRTensor

/// Nodes that are computed together, row by row: what happens in a step, and what is kept between steps.
///
/// All pictures are `[batch, channels, height, width]`, but for those whose blocks of pixels are channels here; what is kept
/// of them is float32. A value is computed `margin` rows and columns
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

    /// The index in `inputs` of what is read.
    var input: Int? {
      switch self {
      case .input(let index), .channels(let index), .imageChannels(let index), .scalar(let index): index
      case .rolling, .output, .sums: nil
      }
    }
  }

  public struct Operand: Hashable, Sendable {
    public var place: Place
    /// The first channel, of this many.
    public var channel = 0
    public var channelCount: Int
    /// A whole picture of float16.
    public var isHalf = false

    var elementByteCount: Int { isHalf ? 2 : 4 }
  }

  public enum Operation: Sendable {
    /// Also to and from float16.
    case copy
    /// From an input of `side` times the region's height and width, to such an output.
    case spaceToDepth(BlockLayout), depthToSpace(BlockLayout)
    /// Operands x, [residual]. Weights are a constant, or an input.
    case convolution(FusedConvolution, weight: Weight, bias: Tensor?)
    /// As a convolution of 3×3, in tiles.
    case winograd(FusedConvolution, weight: Tensor, bias: Tensor?)
    case depthwise(Depthwise)
    case normalization(isCentred: Bool, epsilon: Float, scale: Tensor?, bias: Tensor?)
    /// Operands named in `windows` are convolved before the chain reads them.
    case elementwise(ElementwiseChain, windows: [Int: Depthwise])
    /// Operand x, also one that was written to an output; `factor` times the sum of each channel.
    case sum(factor: Float)
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
  /// Rows whose sums are added up together, or tiles computed, whatever the bands: a whole number of steps, of which bands
  /// have a whole number.
  public var blockRows = 1

  /// What rows and columns are cut at: tiles of results that are rounded together stay whole.
  public var alignment: Int {
    instructions.contains { if case .winograd = $0.operation { true } else { false } } ? WinogradForm.tile : 1
  }

  /// Whether it adds up numbers over the pixels.
  public var hasSums: Bool {
    instructions.contains { if case .sums = $0.output.place { true } else { false } }
  }

  /// The inputs whose place the first output may take: of its form, and read before it is written in each step, the
  /// same pixels that are then written.
  public var inPlaceInputs: [Int] {
    guard let writer = instructions.lastIndex(where: { $0.output.place == .output(0) }),
      instructions.count(where: { $0.output.place == .output(0) }) == 1
    else { return [] }
    let last = instructions[writer]
    return inputs.indices.filter { input in
      instructions.enumerated().allSatisfy { index, instruction in
        instruction.operands.enumerated().allSatisfy { position, operand in
          guard operand.place.input == input else { return true }
          return operand.place == .input(input) && index < writer && instruction.margin == 0
            && instruction.reach(position) == 0 && instruction.blocks?.side == last.blocks?.side
            && operand.channelCount == last.output.channelCount && operand.isHalf == last.output.isHalf
        } && instruction.weightInput != input
      }
    }
  }
}

/// Which channel a place in a block of pixels is: place (i, j) of channel c is `c · channelStep + (i · side + j) · placeStep`.
public struct BlockLayout: Hashable, Sendable {
  public var side, channelStep, placeStep: Int
  /// Blocks beside each other.
  public var columnCount: Int
  /// Blocks that regions know are no larger.
  static let sideLimit = 16

  /// `wide`: the shape of the picture that has the blocks.
  init(side: Int, mode: DepthToSpaceMode, wide: Shape) {
    (self.side, columnCount) = (side, wide[3] / side)
    switch mode {
    case .columnRowDepth: (channelStep, placeStep) = (side * side, 1)
    case .depthColumnRow: (channelStep, placeStep) = (1, wide[1])
    }
  }
}

extension RegionPlan.Instruction {
  /// The index in the region's inputs of its weights.
  var weightInput: Int? {
    if case .convolution(_, .input(let index, _), _) = operation { index } else { nil }
  }

  /// The blocks of a picture that it reads or writes.
  public var blocks: BlockLayout? {
    switch operation {
    case .spaceToDepth(let blocks), .depthToSpace(let blocks): blocks
    default: nil
    }
  }

  /// Rows and columns around a pixel of an operand that its result depends on.
  public func reach(_ position: Int) -> Int {
    switch operation {
    case .convolution(let fused, let weight, _) where position == 0:
      StreamedOperation.convolution(fused).reach(weight.shape)
    case .winograd: position == 0 ? 1 : 0
    case .depthwise(let window): window.reach
    case .elementwise(_, let windows): windows[position]?.reach ?? 0
    case .copy, .spaceToDepth, .depthToSpace, .normalization, .convolution, .sum, .gram: 0
    }
  }
}

extension RegionPlan.Depthwise {
  var reach: Int { StreamedOperation.depthwise(convolution).reach(weight.shape) }
}
