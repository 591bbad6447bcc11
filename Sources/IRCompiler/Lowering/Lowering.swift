import IRGraph
import IROperators
import IRTensor

/// Chooses kernels and places every value: the last step from a graph to a program.
struct Lowering {
  let graph: Graph
  let kernels: any KernelLibrary
  let threadCount: Int

  /// Bytes of another value: what reshapes and contiguous parts are names of.
  private struct Place: Hashable {
    var root: ValueID
    var byteOffset = 0
  }

  private func place(of value: ValueID) -> Place {
    var place = Place(root: value)
    while let (source, offset) = source(of: place.root) {
      place = Place(root: source, byteOffset: place.byteOffset + offset)
    }
    return place
  }

  /// The value whose bytes these are, from an offset on, where no step has to compute them.
  private func source(of value: ValueID) -> (ValueID, byteOffset: Int)? {
    guard case .node(let id, let output) = graph[value].definition else { return nil }
    let node = graph[id]
    let (size, shape) = (graph[value].type.elementType.byteCount, graph[node.inputs[0]].type.shape)
    switch node.operator {
    case is Reshape: return (node.inputs[0], 0)
    case let slice as Slice:
      // Whole but for one axis, and only single elements before it.
      guard let axis = shape.indices.last(where: { slice.extents[$0] != shape[$0] || slice.steps[$0] != 1 }),
        slice.steps[axis] == 1 || slice.extents[axis] == 1, slice.extents[..<axis].allSatisfy({ $0 == 1 })
      else { return nil }
      return (node.inputs[0], zip(slice.starts, shape.strides).reduce(0) { $0 + $1.0 * $1.1 } * size)
    case let split as Split:
      guard shape[..<split.axis].allSatisfy({ $0 == 1 }) else { return nil }
      let start = split.sizes[..<output].reduce(0, +)
      return (node.inputs[0], start * shape.strides[split.axis] * size)
    default: return nil
    }
  }

  /// The constant that the value is, under any shape.
  private func constant(_ value: ValueID) -> Tensor? {
    let place = place(of: value)
    guard let tensor = graph.constant(place.root), tensor.byteCount == graph[value].type.byteCount else {
      return nil
    }
    return tensor
  }

  func program(report: CompilationReport) throws(CompilerError) -> Program {
    let order = graph.nodesInOrder.filter { graph[$0].outputs.contains { source(of: $0) == nil } }
    var chosen: [any Kernel] = []
    for id in order {
      let node = graph[id]
      let request = KernelRequest(
        operator: node.operator, inputTypes: graph.inputTypes(of: id), outputTypes: graph.outputTypes(of: id),
        constants: node.inputs.map { constant($0) }, threadCount: threadCount)
      guard let kernel = kernels.kernel(for: request) else {
        throw .noKernel(node: node.name, operator: node.operator.name)
      }
      chosen.append(kernel)
    }
    return assemble(order, chosen, report)
  }

  private func assemble(_ order: [NodeID], _ chosen: [any Kernel], _ report: CompilationReport) -> Program {
    var lifetimes: [BufferLifetime] = []
    var bufferOf: [ValueID: Int] = [:]
    var lastUse: [ValueID: Int] = [:]
    for (step, id) in order.enumerated() {
      for input in graph[id].inputs { lastUse[place(of: input).root] = step }
    }
    for output in graph.outputs { lastUse[place(of: output.value).root] = order.count }
    var workspaceOf: [Int?] = []
    for (step, id) in order.enumerated() {
      let node = graph[id]
      let inPlace = inPlaceBuffer(step, node, chosen[step], bufferOf, lastUse, lifetimes)
      for (index, output) in node.outputs.enumerated() {
        let end = lastUse[output] ?? step
        if index == 0, let inPlace {
          lifetimes[inPlace].end = end
          bufferOf[output] = inPlace
          continue
        }
        bufferOf[output] = lifetimes.count
        lifetimes.append(BufferLifetime(start: step, end: end, byteCount: graph[output].type.byteCount))
      }
      let workspace = chosen[step].workspaceByteCount
      workspaceOf.append(workspace > 0 ? lifetimes.count : nil)
      if workspace > 0 { lifetimes.append(BufferLifetime(start: step, end: step, byteCount: workspace)) }
    }
    let plan = planMemory(for: lifetimes, alignment: TensorStorage.alignment)
    var constants: [Tensor] = []
    var constantIndex: [ValueID: Int] = [:]
    func location(_ value: ValueID) -> Program.Location {
      let place = place(of: value)
      let (value, offset) = (place.root, place.byteOffset)
      if let buffer = bufferOf[value] { return .arena(offset: plan.offsets[buffer] + offset) }
      if let input = graph.inputs.firstIndex(of: value) { return .input(input, offset: offset) }
      if let known = constantIndex[value] { return .constant(known, offset: offset) }
      guard let tensor = graph.constant(value) else { preconditionFailure("\(value) has no place") }
      constants.append(tensor)
      constantIndex[value] = constants.count - 1
      return .constant(constants.count - 1, offset: offset)
    }
    let steps = order.enumerated().map { step, id -> Program.Step in
      let node = graph[id]
      return Program.Step(
        node: node.name, operatorName: node.operator.name, kernel: chosen[step],
        inputs: node.inputs.map(location), outputs: node.outputs.map(location),
        workspaceOffset: workspaceOf[step].map { plan.offsets[$0] },
        multiplyAddCount: graph.multiplyAddCount(of: id),
        byteCount: (node.inputs + node.outputs).reduce(0) { $0 + graph[$1].type.byteCount },
        outputTypes: graph.outputTypes(of: id))
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

  /// The buffer of an input that ends here and that the kernel may overwrite.
  private func inPlaceBuffer(
    _ step: Int, _ node: Node, _ kernel: any Kernel, _ bufferOf: [ValueID: Int], _ lastUse: [ValueID: Int],
    _ lifetimes: [BufferLifetime]
  ) -> Int? {
    guard let output = node.outputs.first else { return nil }
    for index in kernel.inPlaceInputs where index < node.inputs.count {
      let value = place(of: node.inputs[index]).root
      guard let buffer = bufferOf[value], lastUse[value] == step, lifetimes[buffer].end == step,
        lifetimes[buffer].byteCount == graph[output].type.byteCount,
        node.inputs.count(where: { place(of: $0).root == value }) == 1
      else { continue }
      return buffer
    }
    return nil
  }
}
