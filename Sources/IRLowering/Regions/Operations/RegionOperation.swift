import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// A computation that regions do row by row: the operation of a node, and of the instructions that the node
/// becomes.
///
/// Each operation is a file of this folder, with a file `region_<name>.c` in CIROperators where the driver
/// has an operation of its own for it. The planner, the cost model, recomputation and the encoding for the
/// driver know operations by this protocol alone.
package protocol RegionOperation: Sendable {
  // The node.

  /// Nil where the node is not computed by this operation.
  init?(_ node: RegionNode)
  /// Whether it works on the grid of the node's first input, rather than of its first output.
  var isOnInputGrid: Bool { get }
  /// Whether the results cannot be read in the region that computes them: they are complete only when the
  /// last pixel has been seen, or have no rows in a region.
  var endsRegion: Bool { get }
  /// Whether the node alone makes a region worth its while.
  var worth: RegionWorth { get }
  /// The first channel of each output, for a node that only names channels of its input.
  var viewedChannels: [Int]? { get }
  /// Whether it reads a feature map that has no rows in a region: of another grid, or of float16.
  var readsWhole: Bool { get }
  /// Whether it only converts between float32 and float16.
  var isConversion: Bool { get }
  /// Whether it reads rows in an output, where they were written before.
  var readsOutputs: Bool { get }
  /// Whether it would read a concatenation row by row, so that the whole need not be in memory.
  var readsConcatenationsByRows: Bool { get }
  /// Whether it computes each element from the same one of its operands: it may apply windows to these on the
  /// way.
  var isElementwise: Bool { get }
  /// Its depthwise window, which an elementwise operation may apply, and of which channels can be computed
  /// apart.
  var depthwiseWindow: RegionWindow? { get }
  /// Adds the node's instructions to a plan.
  func emit(_ id: NodeID, into planner: inout RegionPlanner)
  /// Which channels of an output a node of their own can compute.
  var slicing: RegionSlicing { get }
  /// The operator that computes these channels of the result of `whole`.
  func narrowed(_ whole: any Operator, to channels: Range<Int>) -> any Operator

  // The instruction.

  /// The driver's name of the operation (ir_region_list.h).
  static var driverName: String { get }
  /// The word for it in kernels' names; nil leaves it out.
  var word: String? { get }
  /// The numbers and weights that the driver is given.
  var parameters: RegionParameters { get }
  /// Rows and columns around a pixel of an operand that the result depends on.
  func reach(_ operand: Int) -> Int
  /// Rows and columns are cut at multiples of this: results that are rounded together stay whole.
  var alignment: Int { get }
  func cost(of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel) -> RegionCost
  /// Seconds of the kernel that computes the node where it is in no region, if this is to be compared.
  func secondsAlone(
    _ instruction: RegionPlan.Instruction, pixelCount: Int, on machine: MachineModel
  ) -> Double?
}

extension RegionOperation {
  package var isOnInputGrid: Bool { false }
  package var endsRegion: Bool { false }
  package var worth: RegionWorth { .joined }
  package var viewedChannels: [Int]? { nil }
  package var readsWhole: Bool { false }
  package var isConversion: Bool { false }
  package var readsOutputs: Bool { false }
  package var readsConcatenationsByRows: Bool { true }
  package var isElementwise: Bool { false }
  package var depthwiseWindow: RegionWindow? { nil }
  package var slicing: RegionSlicing { .none }
  package func narrowed(_ whole: any Operator, to channels: Range<Int>) -> any Operator { whole }
  package static var driverName: String { RegionCopy.driverName }
  package var word: String? { nil }
  package var parameters: RegionParameters { RegionParameters() }
  package func reach(_ operand: Int) -> Int { 0 }
  package var alignment: Int { 1 }
  package func cost(
    of instruction: RegionPlan.Instruction, stepRows: Int, on machine: MachineModel
  ) -> RegionCost { RegionCopy().cost(of: instruction, stepRows: stepRows, on: machine) }
  package func secondsAlone(
    _ instruction: RegionPlan.Instruction, pixelCount: Int, on machine: MachineModel
  ) -> Double? { nil }
}

/// Every operation that a node can have; a node has the first that takes it.
package let regionOperations: [any RegionOperation.Type] = [
  RegionPairsWinograd.self, RegionWinograd.self, RegionPairsConvolution.self, RegionConvolution.self,
  RegionDepthwise.self,
  RegionGroupedConvolution.self,
  RegionNormalization.self,
  RegionElementwise.self, RegionViews.self, RegionConcatenation.self, RegionSpaceToDepth.self,
  RegionDepthToSpace.self, RegionConversion.self, RegionSum.self, RegionGram.self,
]

extension Graph {
  /// The operation by which regions compute a node; nil if none does.
  func regionOperation(of id: NodeID, _ support: KernelSupport) -> (any RegionOperation)? {
    guard let node = RegionNode(id, in: self, support) else { return nil }
    for operation in regionOperations {
      if let found = operation.init(node) { return found }
    }
    return nil
  }

  /// The grid that a node works on by its operation.
  func regionGrid(of id: NodeID, _ operation: any RegionOperation) -> RegionGrid? {
    (operation.isOnInputGrid ? self[id].inputs.first : self[id].outputs.first)
      .flatMap { RegionGrid(self[$0].type) }
  }
}

/// Whether a node makes a region worth its while.
package enum RegionWorth: Sendable {
  /// By itself, so that sums are rounded alike wherever regions are cut.
  case alone
  /// With another node.
  case joined
  /// Never.
  case nothing
}

/// An instruction as the cost model sees it. Shares of calls and passes are fitted to measured times.
package struct RegionCost {
  /// Kernel calls for a row of the result, or what starting on a row takes where a call does several.
  var calls: Double
  /// Passes over the result's elements that the work besides matrix products takes.
  var passes: Double
  /// Elements of the result for each pixel of the region.
  var depth: Int
  /// Multiply-adds that are done in the time of one.
  var gain = 1.0
  /// Bytes of weights that should stay in a core's cache from step to step.
  var residentByteCount = 0
  /// Elements that every panel of output channels reads for a pixel.
  var panelDepth = 0

  init(calls: Double, passes: Double, depth: Int) {
    self.calls = calls
    self.passes = passes
    self.depth = depth
  }

  /// Rows that a depthwise kernel computes at once.
  static func windowRows(_ stepRows: Int, on machine: MachineModel) -> Double {
    Double(min(stepRows, machine.windowRows))
  }
  /// Passes of a depthwise window, and the share of a product's call that starting on its rows takes.
  static let (windowPasses, windowCalls) = (0.9, 0.3)
  /// Passes of an elementwise instruction.
  static let instructionPasses = 0.75
  /// Passes of a product whose rows are read soon, and are written to the cache.
  static let rollingPasses = 0.2
  /// The share of a product's call that a row of a copy, a sum or an elementwise instruction takes.
  static let rowCalls = 0.1
}

/// Which channels of a node's output can be computed by a node of their own.
package enum RegionSlicing: Sendable {
  case none
  /// All of them.
  case whole
  /// Any run of them.
  case parts
}
