import IRGraph
import IRRewriting

/// A step of the program to be: a node or a region, with its kernel.
struct Work {
  var name: String
  var operatorName: String
  var kernel: any Kernel
  var inputs: [ValueID]
  var outputs: [ValueID]
  var multiplyAddCount: Int
}

extension Lowering {
  /// The kernels of all nodes and regions, in the order in which they run.
  func work(of regions: [Region]) throws(CompilerError) -> [Work] {
    var work: [Work] = []
    for unit in Schedule(graph, regions: regions.map(\.nodes)).units {
      switch unit {
      case .node(let id): if let step = try nodeWork(id) { work.append(step) }
      case .region(let index): work.append(try regionWork(regions[index]))
      }
    }
    return work
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
}
