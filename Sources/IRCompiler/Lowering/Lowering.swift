import IRGraph
import IROperators
import IRTensor

/// Chooses kernels and places every value: the last step from a graph to a program.
struct Lowering {
  let graph: Graph
  let kernels: any KernelLibrary
  let threadCount: Int
  let joined: JoinedValues
  let machine: MachineModel
  let support: KernelSupport
  /// A buffer with more parts is planned as one.
  private let partLimit = 17

  init(
    graph: Graph, kernels: any KernelLibrary, threadCount: Int, machine: MachineModel? = nil
  ) {
    (self.graph, self.kernels, self.threadCount) = (graph, kernels, threadCount)
    self.machine = machine ?? kernels.machine
    support = kernels.support
    joined = JoinedValues(in: graph, support)
  }

  /// The value whose bytes a value's are, and from where on.
  private func place(of value: ValueID, among made: Set<ValueID>) -> ValuePlace {
    joined.resolved(graph.place(of: value, among: made))
  }

  /// What one step computes: a node, or a region's nodes.
  private struct Work {
    var name: String
    var operatorName: String
    var kernel: any Kernel
    var inputs: [ValueID]
    var outputs: [ValueID]
    var multiplyAddCount: Int
  }

  /// Nodes that are computed together, and how.
  struct Region {
    var nodes: [NodeID]
    var plan: RegionPlan
    /// A plan that this one is cut like, so that its sums keep their order.
    var cutLike: RegionPlan?

    /// Plans the nodes anew.
    /// - Returns: whether they make a region.
    mutating func replan(in graph: Graph, _ support: KernelSupport) -> Bool {
      var operations: [NodeID: any RegionOperation] = [:]
      for id in nodes { operations[id] = graph.regionOperation(of: id, support) }
      guard let limits = support.regions, operations.count == nodes.count,
        var planner = RegionPlanner(nodes, operations, in: graph),
        let plan = planner.planned(within: limits)
      else { return false }
      self.plan = plan
      return true
    }
  }

  /// The region of each node that has one.
  static func regionsByNode(_ regions: [Region]) -> [NodeID: Int] {
    var result: [NodeID: Int] = [:]
    for (index, region) in regions.enumerated() {
      for id in region.nodes { result[id] = index }
    }
    return result
  }

  /// The graph's regions as the cost model finds them best.
  func regions() -> [Region] {
    let regions = FormRegions(graph, support, machine: machine, excluding: joined.nodes)?.regions() ?? []
    return regions.map { Region(nodes: $0.nodes, plan: $0.plan) }
  }

  func program(of regions: [Region], report: CompilationReport) throws(CompilerError) -> Program {
    var work: [Work] = []
    for unit in Schedule(graph, regions: regions.map(\.nodes)).units {
      switch unit {
      case .node(let id): if let step = try nodeWork(id) { work.append(step) }
      case .region(let index):
        work.append(try regionWork(regions[index]))
      }
    }
    return assemble(work, report)
  }

  private func regionWork(_ region: Region) throws(CompilerError) -> Work {
    let nodes = region.nodes
    let plan = region.plan
    var machine = machine
    machine.threadCount = threadCount
    let name = graph[nodes[nodes.count - 1]].name
    let pattern = region.cutLike ?? plan
    guard let cut = support.regions.flatMap({ pattern.bestCut(on: machine, within: $0) })?.cut,
      let kernel = kernels.kernel(for: plan, cut: cut, threadCount: threadCount)
    else { throw .noRegionKernel(node: name) }
    return Work(
      name: name, operatorName: "Region", kernel: kernel, inputs: plan.inputs,
      outputs: plan.outputs, multiplyAddCount: nodes.reduce(0) { $0 + graph.multiplyAddCount(of: $1) })
  }

  /// Nil where no step has to compute the node.
  private func nodeWork(_ id: NodeID) throws(CompilerError) -> Work? {
    let node = graph[id]
    guard !joined.nodes.contains(id), node.outputs.contains(where: { graph.source(of: $0) == nil }) else {
      return nil
    }
    let request = KernelRequest(
      operator: node.operator, inputTypes: graph.inputTypes(of: id), outputTypes: graph.outputTypes(of: id),
      constants: node.inputs.map { graph.placedConstant($0) }, threadCount: threadCount)
    guard let kernel = kernels.kernel(for: request) else {
      throw .noKernel(node: node.name, operator: node.operator.name)
    }
    return Work(
      name: node.name, operatorName: node.operator.name, kernel: kernel, inputs: node.inputs,
      outputs: node.outputs, multiplyAddCount: graph.multiplyAddCount(of: id))
  }

  private func assemble(_ work: [Work], _ report: CompilationReport) -> Program {
    var lifetimes: [BufferLifetime] = []
    var rows: [Range<Int>] = []
    var bufferOf: [ValueID: Int] = [:]
    let made = Set(work.flatMap(\.outputs))
    let uses = uses(work, made)
    let lastUse = uses.mapValues { $0.reduce(0) { max($0, $1.step) } }
    var workspaceOf: [Int?] = []
    for (step, item) in work.enumerated() {
      let inPlace = inPlaceBuffer(step, item, made, bufferOf, lastUse, lifetimes)
      for (index, output) in item.outputs.enumerated() {
        if let home = joined.places[output] {
          guard bufferOf[home.root] == nil else { continue }
          bufferOf[home.root] = lifetimes.count
          lifetimes.append(
            BufferLifetime(
              start: step, end: lastUse[home.root] ?? step, byteCount: graph[home.root].type.byteCount))
          continue
        }
        let end = lastUse[output] ?? step
        if index == 0, let inPlace {
          lifetimes[inPlace].end = end
          bufferOf[output] = inPlace
          continue
        }
        let first = lifetimes.count
        bufferOf[output] = first
        lifetimes += parts(of: output, from: step, uses[output] ?? [])
        if lifetimes.count > first + 1 { rows.append(first..<lifetimes.count) }
      }
      let workspace = item.kernel.workspaceByteCount
      workspaceOf.append(workspace > 0 ? lifetimes.count : nil)
      if workspace > 0 { lifetimes.append(BufferLifetime(start: step, end: step, byteCount: workspace)) }
    }
    let plan = planMemory(for: lifetimes, rows: rows, alignment: TensorStorage.alignment)
    var constants: [Tensor] = []
    var constantIndex: [ValueID: Int] = [:]
    func location(_ value: ValueID) -> Program.Location {
      let place = place(of: value, among: made)
      let (value, offset) = (place.root, place.byteOffset)
      if let buffer = bufferOf[value] { return .arena(offset: plan.offsets[buffer] + offset) }
      if let input = graph.inputs.firstIndex(of: value) { return .input(input, offset: offset) }
      if let known = constantIndex[value] { return .constant(known, offset: offset) }
      guard let tensor = graph.constant(value) else { preconditionFailure("\(value) has no place") }
      constants.append(tensor)
      constantIndex[value] = constants.count - 1
      return .constant(constants.count - 1, offset: offset)
    }
    let steps = work.enumerated().map { step, item -> Program.Step in
      Program.Step(
        node: item.name, operatorName: item.operatorName, kernel: item.kernel,
        inputs: item.inputs.map(location), outputs: item.outputs.map(location),
        workspaceOffset: workspaceOf[step].map { plan.offsets[$0] },
        multiplyAddCount: item.multiplyAddCount,
        byteCount: (item.inputs + item.outputs).reduce(0) { $0 + graph[$1].type.byteCount },
        outputTypes: item.outputs.map { graph[$0].type })
    }
    return Program(
      name: graph.name,
      inputs: graph.inputs.map {
        Program.Port(name: graph[$0].name, type: graph[$0].type, location: location($0))
      },
      outputs: graph.outputs.map {
        Program.Port(name: $0.name, type: graph[$0.value].type, location: location($0.value))
      },
      steps: steps, constants: constants, memoryPlan: plan, report: report,
      threadCount: threadCount)
  }

  /// Which bytes of each value are read by which steps; results of the graph are read after the last.
  private func uses(_ work: [Work], _ made: Set<ValueID>) -> [ValueID: [(bytes: Range<Int>, step: Int)]] {
    var result: [ValueID: [(bytes: Range<Int>, step: Int)]] = [:]
    func add(_ value: ValueID, _ step: Int) {
      let place = place(of: value, among: made)
      let end = place.byteOffset + graph[value].type.byteCount
      result[place.root, default: []].append((place.byteOffset..<end, step))
    }
    for (step, item) in work.enumerated() { for input in item.inputs { add(input, step) } }
    for output in graph.outputs { add(output.value, work.count) }
    return result
  }

  /// A value's buffer, in parts where some of its bytes are needed longer than others.
  private func parts(
    of value: ValueID, from step: Int, _ uses: [(bytes: Range<Int>, step: Int)]
  ) -> [BufferLifetime] {
    let byteCount = graph[value].type.byteCount
    var bounds: Set<Int> = [0, byteCount]
    for use in uses { bounds.formUnion([use.bytes.lowerBound, use.bytes.upperBound]) }
    let sorted = bounds.filter { (0...byteCount).contains($0) }.sorted()
    guard byteCount > 0, sorted.count <= partLimit else {
      let end = uses.reduce(step) { max($0, $1.step) }
      return [BufferLifetime(start: step, end: end, byteCount: byteCount)]
    }
    var result: [BufferLifetime] = []
    for (low, high) in zip(sorted, sorted.dropFirst()) {
      let end = uses.reduce(step) { $1.bytes.overlaps(low..<high) ? max($0, $1.step) : $0 }
      if let last = result.indices.last, result[last].end == end {
        result[last].byteCount += high - low
      } else {
        result.append(BufferLifetime(start: step, end: end, byteCount: high - low))
      }
    }
    return result
  }

  /// The buffer of an input that ends here and that the kernel may overwrite.
  private func inPlaceBuffer(
    _ step: Int, _ work: Work, _ made: Set<ValueID>, _ bufferOf: [ValueID: Int], _ lastUse: [ValueID: Int],
    _ lifetimes: [BufferLifetime]
  ) -> Int? {
    guard let output = work.outputs.first, joined.places[output] == nil else { return nil }
    for index in work.kernel.inPlaceInputs where index < work.inputs.count {
      let place = place(of: work.inputs[index], among: made)
      let value = place.root
      guard place.byteOffset == 0, let buffer = bufferOf[value], lastUse[value] == step,
        lifetimes[buffer].end == step,
        lifetimes[buffer].byteCount == graph[output].type.byteCount,
        work.inputs.count(where: { self.place(of: $0, among: made).root == value }) == 1
      else { continue }
      return buffer
    }
    return nil
  }
}
