import IRGraph
import IROperators
import IRRewriting
import IRTensor

/// Makes the plan of some nodes.
package struct RegionPlanner {
  let graph: Graph
  let nodes: [NodeID]
  let operations: [NodeID: any RegionOperation]
  let members: Set<NodeID>
  private let grid: RegionGrid
  private var plan: RegionPlan
  /// Depthwise convolutions whose only reader, an elementwise node, computes them on the way.
  private var inlined: Set<NodeID> = []
  private var margins: [ValueID: Int] = [:]
  private var rolling: [ValueID: Int] = [:]
  /// Parts of results that are computed each by itself, by the node whose result they are parts of.
  private(set) var partsOf: [NodeID: [ValueID]] = [:]
  private var parts: Set<ValueID> = []
  /// The nodes that read a value, also through views, once per use.
  private var readersOf: [ValueID: [NodeID]] = [:]

  /// `nodes` in order, each with its operation.
  init?(_ nodes: [NodeID], _ operations: [NodeID: any RegionOperation], in graph: Graph) {
    let worker = nodes.last { !(operations[$0]?.isConversion ?? false) } ?? nodes.last
    guard let worker, let operation = operations[worker],
      let grid = graph.regionGrid(of: worker, operation)
    else { return nil }
    self.graph = graph
    self.nodes = nodes
    self.operations = operations
    members = Set(nodes)
    self.grid = grid
    plan = RegionPlan(batch: grid.batch, height: grid.height, width: grid.width)
  }

  /// - Returns: nil if the nodes have different grids (float16 conversions next to moves of blocks excepted),
  ///   if they have no output, or if no cut is within the limits.
  mutating func planned(within limits: KernelSupport.RegionLimits) -> RegionPlan? {
    let isOfOneGrid = nodes.allSatisfy { id in
      operations[id].flatMap { graph.regionGrid(of: id, $0) } == grid || isPartOfAMove(id)
    }
    guard isOfOneGrid else { return nil }
    for id in nodes {
      guard operations[id]?.depthwiseWindow != nil, let own = separateParts(graph[id].outputs[0]) else {
        continue
      }
      partsOf[id] = own
      parts.formUnion(own)
    }
    for id in nodes where !isView(id) {
      for input in graph[id].inputs { readersOf[source(of: input).root, default: []].append(id) }
    }
    inlined = Set(nodes.filter(isInlined))
    findMargins()
    for id in nodes where !isView(id) && !inlined.contains(id) && !isPartOfAMove(id) {
      operations[id]?.emit(id, into: &self)
    }
    for output in viewsUsedOutside() {
      let (root, channel) = source(of: output)
      emitCopy(of: root, channel: channel, to: output)
    }
    keepRows()
    return plan.outputs.isEmpty || !plan.fits(limits) ? nil : plan
  }

  private func isView(_ id: NodeID) -> Bool { operations[id]?.viewedChannels != nil }

  /// The value that holds a view's channels, and from which on; views of outside values are views too.
  private func source(of value: ValueID) -> (root: ValueID, channel: Int) {
    var (root, channel) = (value, 0)
    while !parts.contains(root), let producer = graph.producer(of: root), members.contains(producer),
      let starts = operations[producer]?.viewedChannels,
      let index = graph[producer].outputs.firstIndex(of: root)
    {
      channel += starts[index]
      root = graph[producer].inputs[0]
    }
    return (root, channel)
  }

  private func readers(of value: ValueID) -> [NodeID] { readersOf[value] ?? [] }

  private func isInlined(_ id: NodeID) -> Bool {
    guard operations[id]?.depthwiseWindow != nil else { return false }
    let result = graph[id].outputs[0]
    let readers = readers(of: result)
    guard let reader = readers.first, Set(readers).count == 1, !isWhole(result), !isCopiedOut(result),
      operations[reader]?.isElementwise ?? false
    else { return false }
    // A view used twice would be computed twice.
    let views = graph[reader].inputs.filter { source(of: $0).root == result }
    return Set(views).count == views.count
  }

  private func isUsedOutside(_ value: ValueID) -> Bool {
    graph.isOutput(value) || graph.users(of: value).contains { !members.contains($0) }
  }

  /// The values that must be whole feature maps: those used outside, under the value that holds their bytes.
  private func isWhole(_ value: ValueID) -> Bool {
    if isUsedOutside(value) { return true }
    return nodes.contains { id in
      isView(id) && graph[id].outputs.contains { isUsedOutside($0) && graph.place(of: $0).root == value }
    }
  }

  /// Views that are used outside and are not aliases of a whole feature map.
  private func viewsUsedOutside() -> [ValueID] {
    nodes.filter { isView($0) }.flatMap { graph[$0].outputs }
      .filter { isUsedOutside($0) && graph.source(of: $0) == nil }
  }

  /// Whether views of the value are copied out of its rolling rows.
  private func isCopiedOut(_ value: ValueID) -> Bool {
    viewsUsedOutside().contains { source(of: $0).root == value }
  }

  private mutating func findMargins() {
    for id in nodes.reversed() where !isView(id) {
      guard let operation = operations[id] else { continue }
      var own = (partsOf[id] ?? [graph[id].outputs[0]]).reduce(0) { max($0, margins[$1, default: 0]) }
      let alignment = operation.alignment
      if alignment > 1 {
        own = own.roundedUp(toMultipleOf: alignment)
        margins[graph[id].outputs[0]] = own
      }
      for (position, input) in graph[id].inputs.enumerated() {
        let needed = own + operation.reach(position)
        let root = source(of: input).root
        margins[root] = max(margins[root, default: 0], needed)
      }
    }
  }

  mutating func inputIndex(_ value: ValueID) -> Int {
    if let known = plan.inputs.firstIndex(of: value) { return known }
    plan.inputs.append(value)
    return plan.inputs.count - 1
  }

  func channelCount(_ value: ValueID) -> Int { graph[value].type.shape[1] }

  private mutating func makeRolling(_ value: ValueID) -> Int {
    let index = plan.values.count
    plan.values.append(
      RegionPlan.RollingValue(
        channelCount: channelCount(value), margin: margins[value, default: 0], extraRows: 0))
    rolling[value] = index
    return index
  }

  /// A feature map as an operand; those that are read many times are copied into rolling rows first.
  mutating func operand(_ value: ValueID, isReadOften: Bool) -> RegionPlan.Operand {
    let (root, channel) = source(of: value)
    if let index = rolling[root] {
      return RegionPlan.Operand(place: .rolling(index), channel: channel, channelCount: channelCount(root))
    }
    let input = RegionPlan.Operand(
      place: .input(inputIndex(root)), channel: channel, channelCount: channelCount(root))
    guard isReadOften else { return input }
    let index = makeRolling(root)
    let copied = RegionPlan.Operand(place: .rolling(index), channelCount: channelCount(root))
    append(
      RegionCopy(), [RegionPlan.Operand(place: input.place, channelCount: channelCount(root))], into: copied,
      channelCount: channelCount(root), of: root)
    return RegionPlan.Operand(place: .rolling(index), channel: channel, channelCount: channelCount(root))
  }

  private func isHalf(_ value: ValueID) -> Bool { graph[value].type.elementType == .float16 }

  /// A feature map that has no rows here: of other extents, or float16.
  mutating func wholeInput(_ value: ValueID) -> RegionPlan.Operand {
    RegionPlan.Operand(
      place: .input(inputIndex(value)), channelCount: channelCount(value), isHalf: isHalf(value))
  }

  /// An elementwise operand: a feature map, or numbers.
  mutating func elementwiseOperand(_ value: ValueID, of result: Shape) -> RegionPlan.Operand {
    let shape = graph[value].type.shape
    if shape == result { return operand(value, isReadOften: false) }
    let index = inputIndex(value)
    if shape.elementCount == 1 { return RegionPlan.Operand(place: .scalar(index), channelCount: 1) }
    let isPerImage = shape.rank == 4 && shape[0] > 1
    return RegionPlan.Operand(
      place: isPerImage ? .imageChannels(index) : .channels(index), channelCount: result[1])
  }

  /// Sums read rows where they were written.
  func isKeptInRows(_ value: ValueID) -> Bool {
    readers(of: value).contains { !(operations[$0]?.readsOutputs ?? false) } || isCopiedOut(value)
      || !isWhole(value)
  }

  /// The place of a node's result: rolling rows if other nodes here read it, else an output.
  mutating func output(_ value: ValueID) -> RegionPlan.Operand {
    if isKeptInRows(value) {
      return RegionPlan.Operand(place: .rolling(makeRolling(value)), channelCount: channelCount(value))
    }
    plan.outputs.append(value)
    return RegionPlan.Operand(
      place: .output(plan.outputs.count - 1), channelCount: channelCount(value), isHalf: isHalf(value))
  }

  private mutating func emitCopy(of root: ValueID, channel: Int, to output: ValueID) {
    let source = operand(root, isReadOften: false)
    plan.outputs.append(output)
    append(
      RegionCopy(),
      [RegionPlan.Operand(place: source.place, channel: channel, channelCount: source.channelCount)],
      into: RegionPlan.Operand(place: .output(plan.outputs.count - 1), channelCount: channelCount(output)),
      channelCount: channelCount(output))
  }

  /// The parts of a value where these alone are used, some outside: each of those is then a feature map of
  /// its own, which memory holds only as long as somebody reads it.
  private func separateParts(_ value: ValueID) -> [ValueID]? {
    guard !isUsedOutside(value) else { return nil }
    let users = graph.users(of: value)
    let parts = users.flatMap { graph[$0].outputs }.filter {
      graph.isOutput($0) || !graph.users(of: $0).isEmpty
    }
    return users.allSatisfy(isView) && parts.count > 1 && Set(parts).count == parts.count
      && parts.contains(where: isUsedOutside) && parts.allSatisfy { graph.source(of: $0) != nil }
      ? parts : nil
  }

  /// Rolling rows that are used outside too go out as they are computed.
  mutating func finish(_ result: ValueID, _ place: RegionPlan.Operand) {
    if case .rolling = place.place, isWhole(result) { emitCopy(of: result, channel: 0, to: result) }
  }

  /// A row is kept until the last instruction that reads it has passed it.
  private mutating func keepRows() {
    for instruction in plan.instructions {
      for (position, operand) in instruction.operands.enumerated() {
        guard case .rolling(let index) = operand.place else { continue }
        let lag = plan.values[index].margin - instruction.margin
        let extra = lag + instruction.reach(position)
        plan.values[index].extraRows = max(plan.values[index].extraRows, extra)
      }
    }
  }
}

// The interface by which operations emit their instructions.
extension RegionPlanner {
  /// Pixels of the region, all images together.
  var pixelCount: Int { plan.batch * plan.height * plan.width }

  /// An instruction that makes a value of the graph, where that is wanted.
  mutating func append(
    _ operation: some RegionOperation, _ operands: [RegionPlan.Operand], to result: ValueID,
    weightInput: Int? = nil, multiplyAddCount: Int
  ) {
    let place = output(result)
    append(
      operation, operands, into: place, channelCount: channelCount(result), of: result,
      weightInput: weightInput, multiplyAddCount: multiplyAddCount)
    finish(result, place)
  }

  /// An instruction that makes some channels of a value of the graph, as far beyond the tile as that is read;
  /// without a value it makes the tile alone, which is what goes out.
  mutating func append(
    _ operation: some RegionOperation, _ operands: [RegionPlan.Operand], into place: RegionPlan.Operand,
    channelCount: Int, of value: ValueID? = nil, weightInput: Int? = nil, multiplyAddCount: Int = 0
  ) {
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: operation, operands: operands, output: place, channelCount: channelCount,
        margin: value.flatMap { margins[$0] } ?? 0, multiplyAddCount: multiplyAddCount,
        weightInput: weightInput))
  }

  /// An instruction whose results are the node's, complete with the last pixel. It reads rows in an output
  /// where they were just written.
  mutating func appendSums(_ operation: some RegionOperation, of id: NodeID) {
    let node = graph[id]
    let operands = node.inputs.map { input -> RegionPlan.Operand in
      let (root, channel) = source(of: input)
      guard rolling[root] == nil, let index = plan.outputs.firstIndex(of: root) else {
        return operand(input, isReadOften: false)
      }
      return RegionPlan.Operand(place: .output(index), channel: channel, channelCount: channelCount(root))
    }
    let first = plan.outputs.count
    plan.outputs += node.outputs
    let count = channelCount(node.inputs[0])
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: operation, operands: operands,
        output: RegionPlan.Operand(place: .sums(first), channelCount: count), channelCount: count, margin: 0,
        multiplyAddCount: graph.multiplyAddCount(of: id)))
  }

  /// The window that makes an input of an elementwise node and is computed on the way there, and what it
  /// reads.
  mutating func inlinedWindow(
    _ input: ValueID, channelCount count: Int
  ) -> (RegionWindow, RegionPlan.Operand)? {
    let (root, channel) = source(of: input)
    guard let producer = graph.producer(of: root), inlined.contains(producer),
      let window = operations[producer]?.depthwiseWindow
    else { return nil }
    var read = operand(graph[producer].inputs[0], isReadOften: false)
    read.channel += channel
    return (window.part(channel..<(channel + count)), read)
  }

  /// The channel of a value that a part of it begins with.
  func firstChannel(of part: ValueID, in value: ValueID) -> Int {
    guard let view = graph.producer(of: part), let starts = operations[view]?.viewedChannels,
      let index = graph[view].outputs.firstIndex(of: part)
    else { return 0 }
    return starts[index]
  }
}
