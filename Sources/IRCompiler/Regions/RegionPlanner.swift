import IRGraph
import IROperators
import IRTensor

/// Makes the plan of some nodes.
struct RegionPlanner {
  let graph: Graph
  let nodes: [NodeID]
  let operations: [NodeID: StreamedOperation]
  let members: Set<NodeID>
  private let grid: StreamedOperation.Grid
  private var plan: RegionPlan
  /// Depthwise convolutions whose only reader, an elementwise node, computes them on the way.
  private var inlined: Set<NodeID> = []
  private var margins: [ValueID: Int] = [:]
  private var rolling: [ValueID: Int] = [:]
  /// Parts of results that are computed each by itself, by the node whose result they are parts of.
  private var partsOf: [NodeID: [ValueID]] = [:]
  private var parts: Set<ValueID> = []

  /// `nodes` in order, each with its operation.
  init?(_ nodes: [NodeID], _ operations: [NodeID: StreamedOperation], in graph: Graph) {
    let worker = nodes.last { if case .conversion = operations[$0] { false } else { true } } ?? nodes.last
    guard let worker, let grid = operations[worker]?.grid(of: worker, in: graph) else { return nil }
    (self.graph, self.nodes, self.operations) = (graph, nodes, operations)
    members = Set(nodes)
    self.grid = grid
    plan = RegionPlan(batch: grid.batch, height: grid.height, width: grid.width)
  }

  /// - Returns: nil where the nodes are not of one grid, but for conversions of what is read or written in blocks, or
  ///   nothing comes of them.
  mutating func planned() -> RegionPlan? {
    let isOfOneGrid = nodes.allSatisfy {
      operations[$0]?.grid(of: $0, in: graph) == grid || isPartOfAMove($0)
    }
    guard isOfOneGrid else { return nil }
    for id in nodes {
      guard case .depthwise = operations[id], let own = separateParts(graph[id].outputs[0]) else { continue }
      partsOf[id] = own
      parts.formUnion(own)
    }
    inlined = Set(nodes.filter(isInlined))
    findMargins()
    for id in nodes where !isView(id) && !inlined.contains(id) && !isPartOfAMove(id) { emit(id) }
    for output in viewsUsedOutside() {
      let (root, channel) = source(of: output)
      emitCopy(of: root, channel: channel, to: output)
    }
    keepRows()
    return plan.outputs.isEmpty ? nil : plan
  }

  private func isView(_ id: NodeID) -> Bool { operations[id]?.isView ?? false }

  /// The value that holds a view's channels, and from which on; views of outside values are views too.
  private func source(of value: ValueID) -> (root: ValueID, channel: Int) {
    var (root, channel) = (value, 0)
    while !parts.contains(root), let producer = graph.producer(of: root), members.contains(producer),
      case .channels(let starts) = operations[producer],
      let index = graph[producer].outputs.firstIndex(of: root)
    {
      channel += starts[index]
      root = graph[producer].inputs[0]
    }
    return (root, channel)
  }

  private func isMade(_ value: ValueID) -> Bool {
    graph.producer(of: value).map { members.contains($0) } ?? false
  }

  /// The nodes here that read a value, also through views, once per use.
  private func readers(of value: ValueID) -> [NodeID] {
    nodes.filter { !isView($0) }.flatMap { id in
      graph[id].inputs.filter { source(of: $0).root == value }.map { _ in id }
    }
  }

  private func isInlined(_ id: NodeID) -> Bool {
    guard case .depthwise = operations[id] else { return false }
    let result = graph[id].outputs[0]
    let readers = readers(of: result)
    guard let reader = readers.first, Set(readers).count == 1, !isWhole(result), !isCopiedOut(result),
      case .elementwise = operations[reader]
    else { return false }
    // A view used twice would be computed twice.
    let views = graph[reader].inputs.filter { source(of: $0).root == result }
    return Set(views).count == views.count
  }

  private func isUsedOutside(_ value: ValueID) -> Bool {
    graph.isOutput(value) || graph.users(of: value).contains { !members.contains($0) }
  }

  /// The values that must be whole pictures: those used outside, under the value that holds their bytes.
  private func isWhole(_ value: ValueID) -> Bool {
    if isUsedOutside(value) { return true }
    return nodes.contains { id in
      isView(id) && graph[id].outputs.contains { isUsedOutside($0) && graph.place(of: $0).root == value }
    }
  }

  /// Views used outside that are no names of a whole picture's bytes.
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
      let reach = operation.reach(weightShape(id))
      var own = (partsOf[id] ?? [graph[id].outputs[0]]).reduce(0) { max($0, margins[$1, default: 0]) }
      if case .winograd = operation {
        own = (own + WinogradForm.tile - 1) / WinogradForm.tile * WinogradForm.tile
        margins[graph[id].outputs[0]] = own
      }
      for (position, input) in graph[id].inputs.enumerated() {
        // A residual is read at the pixel itself.
        let needed = own + (position == 0 ? reach : 0)
        let root = source(of: input).root
        margins[root] = max(margins[root, default: 0], needed)
      }
    }
  }

  private mutating func inputIndex(_ value: ValueID) -> Int {
    if let known = plan.inputs.firstIndex(of: value) { return known }
    plan.inputs.append(value)
    return plan.inputs.count - 1
  }

  private func channelCount(_ value: ValueID) -> Int { graph[value].type.shape[1] }

  private mutating func makeRolling(_ value: ValueID) -> Int {
    let index = plan.values.count
    plan.values.append(
      RegionPlan.RollingValue(
        channelCount: channelCount(value), margin: margins[value, default: 0], extraRows: 0))
    rolling[value] = index
    return index
  }

  /// A picture as an operand; those that are read many times are copied into rolling rows first.
  private mutating func operand(_ value: ValueID, isReadOften: Bool) -> RegionPlan.Operand {
    let (root, channel) = source(of: value)
    if let index = rolling[root] {
      return RegionPlan.Operand(place: .rolling(index), channel: channel, channelCount: channelCount(root))
    }
    let input = RegionPlan.Operand(
      place: .input(inputIndex(root)), channel: channel, channelCount: channelCount(root))
    guard isReadOften else { return input }
    let index = makeRolling(root)
    let copied = RegionPlan.Operand(place: .rolling(index), channelCount: channelCount(root))
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: .copy,
        operands: [RegionPlan.Operand(place: input.place, channelCount: channelCount(root))],
        output: copied, channelCount: channelCount(root), margin: margins[root, default: 0],
        multiplyAddCount: 0))
    return RegionPlan.Operand(place: .rolling(index), channel: channel, channelCount: channelCount(root))
  }

  private func isHalf(_ value: ValueID) -> Bool { graph[value].type.elementType == .float16 }

  /// A picture that has no rows here: of other extents, or float16.
  private mutating func wholeInput(_ value: ValueID) -> RegionPlan.Operand {
    RegionPlan.Operand(
      place: .input(inputIndex(value)), channelCount: channelCount(value), isHalf: isHalf(value))
  }

  /// An elementwise operand: a picture, or numbers.
  private mutating func elementwiseOperand(_ value: ValueID, of result: Shape) -> RegionPlan.Operand {
    let shape = graph[value].type.shape
    if shape == result { return operand(value, isReadOften: false) }
    let index = inputIndex(value)
    if shape.elementCount == 1 { return RegionPlan.Operand(place: .scalar(index), channelCount: 1) }
    let isPerImage = shape.rank == 4 && shape[0] > 1
    return RegionPlan.Operand(
      place: isPerImage ? .imageChannels(index) : .channels(index), channelCount: result[1])
  }

  /// Sums read rows where they were written.
  private func goesIntoRows(_ value: ValueID) -> Bool {
    readers(of: value).contains { !isSum($0) } || isCopiedOut(value) || !isWhole(value)
  }

  private func isSum(_ id: NodeID) -> Bool { if case .sum = operations[id] { true } else { false } }

  /// Where a node's result goes: rolling rows where other nodes here read it, else straight out.
  private mutating func output(_ value: ValueID) -> RegionPlan.Operand {
    if goesIntoRows(value) {
      return RegionPlan.Operand(place: .rolling(makeRolling(value)), channelCount: channelCount(value))
    }
    plan.outputs.append(value)
    return RegionPlan.Operand(
      place: .output(plan.outputs.count - 1), channelCount: channelCount(value), isHalf: isHalf(value))
  }

  private mutating func emitCopy(of root: ValueID, channel: Int, to output: ValueID) {
    let source = operand(root, isReadOften: false)
    plan.outputs.append(output)
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: .copy,
        operands: [
          RegionPlan.Operand(place: source.place, channel: channel, channelCount: source.channelCount)
        ],
        output: RegionPlan.Operand(
          place: .output(plan.outputs.count - 1), channelCount: channelCount(output)),
        channelCount: channelCount(output), margin: 0, multiplyAddCount: 0))
  }

  private mutating func emit(_ id: NodeID) {
    guard let operation = operations[id] else { return }
    let node = graph[id]
    var result = node.outputs[0]
    var operands: [RegionPlan.Operand] = []
    var kind = RegionPlan.Operation.copy
    var multiplyAddCount = graph.multiplyAddCount(of: id)
    switch operation {
    case .channels: return
    case .sum(let factor):
      emitSums(of: node, .sum(factor: factor), multiplyAddCount)
      return
    case .gram(let groupCount):
      let operation = RegionPlan.Operation.gram(
        groupCount: groupCount, columnCount: channelCount(node.inputs[1]))
      emitSums(of: node, operation, multiplyAddCount)
      return
    case .concatenation:
      emitConcatenation(node)
      return
    case .spaceToDepth(let blocks):
      operands = [wholeInput(converted(node.inputs[0]))]
      kind = .spaceToDepth(blocks)
    case .depthToSpace(let blocks):
      operands = [operand(node.inputs[0], isReadOften: false)]
      kind = .depthToSpace(blocks)
      result = conversion(of: result) ?? result
    case .conversion:
      operands = [
        isHalf(node.inputs[0]) ? wholeInput(node.inputs[0]) : operand(node.inputs[0], isReadOften: false)
      ]
    case .elementwise(let chain):
      var windows: [Int: RegionPlan.Depthwise] = [:]
      for (position, input) in node.inputs.enumerated() {
        let (root, channel) = source(of: input)
        if let producer = graph.producer(of: root), inlined.contains(producer),
          let window = depthwise(producer, from: channel, count: channelCount(result))
        {
          var picture = operand(graph[producer].inputs[0], isReadOften: false)
          picture.channel += channel
          operands.append(picture)
          windows[position] = window
          multiplyAddCount += window.weight.elementCount * plan.batch * plan.height * plan.width
        } else {
          operands.append(elementwiseOperand(input, of: graph[result].type.shape))
        }
      }
      kind = .elementwise(chain, windows: windows)
    case .normalization(let isCentred, let epsilon):
      operands = [operand(node.inputs[0], isReadOften: false)]
      let constants = node.inputs.dropFirst().map { graph.placedConstant($0) }
      kind = .normalization(
        isCentred: isCentred, epsilon: epsilon, scale: constants.first ?? nil,
        bias: constants.count > 1 ? constants[1] : nil)
    case .convolution(let fused):
      let shape = graph[node.inputs[1]].type.shape
      // Those of windows are kept for the rows to come; what goes to a whole picture is written in long rows.
      let isGathered = shape[2...].allSatisfy { $0 == 1 } && goesIntoRows(result)
      operands = [operand(node.inputs[0], isReadOften: !isGathered)]
      if fused.hasResidual { operands.append(operand(node.inputs[fused.ownInputCount], isReadOften: false)) }
      let weight: RegionPlan.Weight =
        if let tensor = graph.placedConstant(node.inputs[1]) { .constant(tensor.reshaped(to: shape)) } else {
          .input(inputIndex(node.inputs[1]), shape)
        }
      kind = .convolution(
        fused, weight: weight, bias: fused.hasBias ? graph.placedConstant(node.inputs[2]) : nil)
    case .winograd(let fused):
      guard let weight = graph.placedConstant(node.inputs[1]) else { return }
      operands = [operand(node.inputs[0], isReadOften: true)]
      if fused.hasResidual { operands.append(operand(node.inputs[fused.ownInputCount], isReadOften: false)) }
      kind = .winograd(
        fused, weight: weight.reshaped(to: graph[node.inputs[1]].type.shape),
        bias: fused.hasBias ? graph.placedConstant(node.inputs[2]) : nil)
    case .depthwise:
      if let parts = partsOf[id] {
        emitParts(parts, of: id)
        return
      }
      guard let window = depthwise(id, from: 0, count: channelCount(result)) else { return }
      operands = [operand(node.inputs[0], isReadOften: false)]
      kind = .depthwise(window)
    }
    let place = output(result)
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: kind, operands: operands, output: place, channelCount: channelCount(result),
        margin: margins[result, default: 0], multiplyAddCount: multiplyAddCount))
    finish(result, place)
  }

  /// The parts of a value where these alone are used, some outside: each of those is then a picture of its own,
  /// which memory holds only as long as somebody reads it.
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

  /// A depthwise convolution, some channels at a time.
  private mutating func emitParts(_ parts: [ValueID], of id: NodeID) {
    let picture = operand(graph[id].inputs[0], isReadOften: false)
    for part in parts {
      let (channel, count) = (firstChannel(of: part, in: graph[id].outputs[0]), channelCount(part))
      guard let window = depthwise(id, from: channel, count: count) else { continue }
      var operand = picture
      operand.channel += channel
      let place = output(part)
      plan.instructions.append(
        RegionPlan.Instruction(
          operation: .depthwise(window), operands: [operand], output: place, channelCount: count,
          margin: margins[part, default: 0],
          multiplyAddCount: window.weight.elementCount * plan.batch * plan.height * plan.width))
      finish(part, place)
    }
  }

  private mutating func emitSums(
    of node: Node, _ operation: RegionPlan.Operation, _ multiplyAddCount: Int
  ) {
    let operands = node.inputs.map { input -> RegionPlan.Operand in
      let (root, channel) = source(of: input)
      guard rolling[root] == nil, let index = plan.outputs.firstIndex(of: root) else {
        return operand(input, isReadOften: false)
      }
      return RegionPlan.Operand(place: .output(index), channel: channel, channelCount: channelCount(root))
    }
    let first = plan.outputs.count
    plan.outputs += node.outputs
    plan.instructions.append(
      RegionPlan.Instruction(
        operation: operation, operands: operands,
        output: RegionPlan.Operand(place: .sums(first), channelCount: channelCount(node.inputs[0])),
        channelCount: channelCount(node.inputs[0]), margin: 0, multiplyAddCount: multiplyAddCount))
  }

  /// Rolling rows that are used outside too go out as they are computed.
  private mutating func finish(_ result: ValueID, _ place: RegionPlan.Operand) {
    if case .rolling = place.place, isWhole(result) { emitCopy(of: result, channel: 0, to: result) }
  }

  private mutating func emitConcatenation(_ node: Node) {
    let result = node.outputs[0]
    let sources = node.inputs.map { operand($0, isReadOften: false) }
    let place = output(result)
    var channel = 0
    for (input, source) in zip(node.inputs, sources) {
      var target = place
      target.channel = channel
      plan.instructions.append(
        RegionPlan.Instruction(
          operation: .copy, operands: [source], output: target, channelCount: channelCount(input),
          margin: margins[result, default: 0], multiplyAddCount: 0))
      channel += channelCount(input)
    }
    finish(result, place)
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
