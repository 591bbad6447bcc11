import CIRKernels
import IRGraph
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRCompiler

extension KernelTests {
  /// Regions of a gated block, their inputs before a guard page, against the interpreter.
  @Test func regions() throws {
    let block = GatedBlock(channels: 9, hidden: 13, height: 13, width: 37)
    try checkRegions(of: try block.graph(), block.input())
  }

  /// Regions that read and write blocks of pixels, in rows of the picture and in others.
  @Test(arguments: BlockLevel.samples) func regionsOfBlocks(level: BlockLevel) throws {
    try checkRegions(of: try level.graph(), level.input())
    try checkRegions(of: try level.graph(), level.input(), isHalved: true)
  }

  /// Regions of convolutions in Winograd's tiles.
  @Test func regionsOfTiles() throws {
    var machine = MachineModel()
    (machine.memoryRate, machine.sharedCacheRate) = (1e6, 1e6)
    let chain = ConvolutionChain(batch: 2, height: 14, width: 45)
    try checkRegions(of: try chain.graph(), chain.input(), machine: machine)
  }

  /// Regions that end in sums over all pixels.
  @Test func regionsOfSums() throws {
    let attention = TransposedAttention(batch: 2, heads: 2, size: 19, height: 11, width: 37)
    try checkRegions(of: try attention.graph(), attention.input())
    let means = ChannelAttention(batch: 2, channels: 11, height: 13, width: 41)
    try checkRegions(of: try means.graph(), means.input())
  }

  /// Bands whose rows the threads take from each other, however the race goes.
  @Test(arguments: 0..<8) func regionsOfTallPictures(_ repetition: Int) throws {
    let block = GatedBlock(channels: 3, hidden: 5, height: 331 + repetition, width: 17)
    try checkRegions(of: try block.graph(), block.input())
  }

  /// A driver names rows and tiles in a word's share; what it cannot name is computed node by node.
  @Test func regionsTooTallForTheDriver() throws {
    let block = GatedBlock(channels: 3, hidden: 5, height: 9, width: 17)
    let graph = try Compiler().simplified(try block.graph()).0
    var (_, plan) = try #require(FormRegions(graph).regions().first)
    #expect(CPUKernelLibrary().kernel(for: plan, threadCount: 2) != nil)
    plan.height = 1 << 22
    #expect(CPUKernelLibrary().kernel(for: plan, threadCount: 2) == nil)
    (plan.height, plan.batch) = (9, 1 << 21)
    #expect(CPUKernelLibrary().kernel(for: plan, threadCount: 2) == nil)
  }

  /// `isHalved`: what they hand to each other is float16.
  private func checkRegions(
    of graph: Graph, _ input: Tensor, isHalved: Bool = false, machine: MachineModel = MachineModel()
  ) throws {
    var graph = try Compiler().simplified(graph).0
    graph.readBlocksApart()
    var storage = Float16Storage(
      graph,
      FormRegions(graph, machine: machine).regions().map { Lowering.Region(nodes: $0.nodes, plan: $0.plan) })
    for picture in storage.groups.joined() where isHalved {
      let isStored = storage.store(picture)
      #expect(isStored)
    }
    graph = storage.graph
    let values = try everyValue(of: graph, ["x": input])
    for region in storage.regions {
      let nodes = region.nodes
      var plan = region.plan
      plan.chooseTiles(on: MachineModel())
      for (index, output) in plan.outputs.enumerated() {
        let expected = try #require(values[output]).doubles
        // Products summed over all pixels cancel: of these the error counts in parts of the largest.
        let areProducts = plan.instructions.contains { $0.output.place == .sums(index) }
        let isHalf = graph[output].type.elementType == .float16
        let unit = areProducts ? expected.reduce(1) { max($0, abs($1)) } : 1
        expectEverywhere(
          expected.map { $0 / unit }, tolerance: isHalf ? 1e-3 : areProducts ? 2e-6 : 2e-5,
          "region of \(nodes.count) nodes, output \(index)"
        ) { threads in
          let inputs = plan.inputs.map { Guarded(values[$0]?.withUnsafeBytes { Array($0) } ?? []) }
          let outputs = plan.outputs.map { Guarded<UInt8>(count: graph[$0].type.byteCount) }
          guard let kernel = CPUKernelLibrary().kernel(for: plan, threadCount: Int(threads)) else {
            return []
          }
          let memory = workspace(kernel.workspaceByteCount)
          withExtendedLifetime((inputs, memory)) {
            kernel.run(
              KernelArguments(
                inputs: inputs.map { UnsafeRawPointer($0.pointer) },
                outputs: outputs.map { UnsafeMutableRawPointer($0.pointer) },
                workspace: UnsafeMutableRawPointer(memory.pointer), threadCount: Int(threads)))
          }
          let found = Tensor(graph[output].type) { $0.copyBytes(from: outputs[index].elements) }
          return found.doubles.map { Float($0 / unit) }
        }
      }
    }
  }

  /// Every value of a graph, by definition.
  private func everyValue(of graph: Graph, _ feeds: [String: Tensor]) throws -> [ValueID: Tensor] {
    var values: [ValueID: Tensor] = [:]
    for id in graph.values { values[id] = graph.constant(id) ?? feeds[graph[id].name] }
    for id in graph.nodesInOrder {
      let results = graph[id].operator.evaluate(graph[id].inputs.compactMap { values[$0] })
      for (output, result) in zip(graph[id].outputs, results) { values[output] = result }
    }
    return values
  }
}
