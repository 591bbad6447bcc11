import IRGraph

/// Nodes that are computed together, row by row: what happens in a step, and what is kept between steps.
///
/// All feature maps are `[batch, channels, height, width]`, but for those whose blocks of pixels are channels
/// here; what is kept of them is float32. A value is computed `margin` rows and columns beyond the tile of
/// the results, because windows read it there.
package struct RegionPlan: Sendable {
  package enum Place: Hashable, Sendable {
    /// Rolling rows of a value, by its index in `values`.
    case rolling(Int)
    /// A whole feature map, by its index in `inputs` or `outputs`.
    case input(Int), output(Int)
    /// The sums of an instruction, from this index in `outputs` on.
    case sums(Int)
    /// A number for each channel `[channels]` or `[batch, channels]`, or one number: an index in `inputs`.
    case channels(Int), imageChannels(Int), scalar(Int)

    /// The index in `inputs` of the value that is read.
    var input: Int? {
      switch self {
      case .input(let index), .channels(let index), .imageChannels(let index), .scalar(let index): index
      case .rolling, .output, .sums: nil
      }
    }
  }

  package struct Operand: Hashable, Sendable {
    package var place: Place
    /// The first channel, of this many.
    package var channel = 0
    package var channelCount: Int
    /// A whole feature map of float16.
    package var isHalf = false

    var elementByteCount: Int { isHalf ? 2 : 4 }
  }

  package struct Instruction: Sendable {
    package var operation: any RegionOperation
    package var operands: [Operand]
    package var output: Operand
    /// Channels of the result.
    package var channelCount: Int
    package var margin: Int
    package var multiplyAddCount: Int
    /// The index in the region's inputs of its weights, where these are computed.
    package var weightInput: Int?

    /// Rows and columns around a pixel of an operand that its result depends on.
    func reach(_ operand: Int) -> Int { operation.reach(operand) }

    /// The blocks that it reads or writes.
    var blocks: BlockLayout? { operation.parameters.blocks }
  }

  /// Rows kept of a value: `extraRows` more than those of a step.
  package struct RollingValue: Hashable, Sendable {
    package var channelCount: Int
    package var margin: Int
    package var extraRows: Int
  }

  /// Those of every value.
  package let batch, height, width: Int
  package var inputs: [ValueID] = []
  package var outputs: [ValueID] = []
  package var values: [RollingValue] = []
  package var instructions: [Instruction] = []
  /// Rows and columns are cut at multiples of this: tiles of results that are rounded together stay whole.
  package var alignment: Int { instructions.reduce(1) { max($0, $1.operation.alignment) } }

  /// Whether it adds up numbers over the pixels.
  package var hasSums: Bool {
    instructions.contains { if case .sums = $0.output.place { true } else { false } }
  }

  /// The inputs whose place the first output may take: of its form, and read before it is written in each
  /// step, the same pixels that are then written.
  package var inPlaceInputs: [Int] {
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
