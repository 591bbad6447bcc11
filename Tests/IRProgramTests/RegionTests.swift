import IRCompiler
import IRGraph
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

extension ProgramTests {
  /// Regions of a gated block, their inputs before a guard page, against the interpreter.
  @Test func regions() throws {
    let block = GatedBlock(channels: 9, hidden: 13, height: 13, width: 37)
    try checkRegions(of: try block.graph(), block.input())
    try checkRegions(of: try block.graph(), block.input(), precision: .bfloat16)
  }

  /// Regions that read and write blocks of pixels, in rows of the picture and in others.
  @Test(arguments: BlockLevel.samples) func regionsOfBlocks(level: BlockLevel) throws {
    try checkRegions(of: try level.graph(), level.input())
    try checkRegions(of: try level.graph(), level.input(), isHalved: true)
  }

  /// Regions of convolutions in Winograd's tiles.
  @Test func regionsOfTiles() throws {
    var machine = CPUKernelLibrary(hasNearSharedCache: false).machine
    (machine.memoryRate, machine.sharedCacheRate) = (1e6, 1e6)
    let chain = ConvolutionChain(batch: 2, height: 14, width: 45)
    for precision in Precision.allCases {
      try checkRegions(of: try chain.graph(), chain.input(), machine: machine, precision: precision)
    }
  }

  /// Regions that end in sums over all pixels.
  @Test func regionsOfSums() throws {
    let attention = TransposedAttention(batch: 2, heads: 2, size: 19, height: 11, width: 37)
    try checkRegions(of: try attention.graph(), attention.input())
    let means = ChannelAttention(batch: 2, channels: 11, height: 13, width: 41)
    try checkRegions(of: try means.graph(), means.input())
    try checkRegions(of: try means.graph(), means.input(), precision: .bfloat16)
  }

  /// Regions of all samples of programs that the definitions compute quickly.
  @Test func regionsOfEverySample() throws {
    for sample in ProgramSample.all {
      let graph = try sample.graph()
      guard graph.multiplyAddCount < 10_000_000 else { continue }
      var generator = SeededGenerator(seed: 4)
      var feeds: [String: Tensor] = [:]
      for input in graph.inputs { feeds[graph[input].name] = generator.tensor(graph[input].type.shape) }
      try checkRegions(of: graph, feeds: feeds)
    }
  }

  /// Bands whose rows the threads take from each other, however the race goes.
  @Test(arguments: 0..<8) func regionsOfTallPictures(_ repetition: Int) throws {
    let block = GatedBlock(channels: 3, hidden: 5, height: 331 + repetition, width: 17)
    try checkRegions(of: try block.graph(), block.input())
  }

  private func regions(
    of graph: Graph, on machine: MachineModel = CPUKernelLibrary(hasNearSharedCache: false).machine,
    precision: Precision = .float32
  ) throws -> [Region] {
    let support = CPUKernelLibrary(precision: precision).support
    return try #require(FormRegions(graph, support, machine: machine)).regions()
  }

  private func bestCut(of plan: RegionPlan) throws -> RegionCut {
    let kernels = CPUKernelLibrary(hasNearSharedCache: false)
    let limits = try #require(kernels.support.regions)
    return try #require(plan.bestCut(on: kernels.machine, within: limits)).cut
  }

  private func checkRegions(
    of graph: Graph, _ input: Tensor, isHalved: Bool = false,
    machine: MachineModel = CPUKernelLibrary(hasNearSharedCache: false).machine,
    precision: Precision = .float32
  ) throws {
    try checkRegions(
      of: graph, feeds: ["x": input], isHalved: isHalved, machine: machine, precision: precision)
  }

  /// `isHalved`: what they hand to each other is float16.
  private func checkRegions(
    of graph: Graph, feeds: [String: Tensor], isHalved: Bool = false,
    machine: MachineModel = CPUKernelLibrary(hasNearSharedCache: false).machine,
    precision: Precision = .float32
  ) throws {
    let support = CPUKernelLibrary(precision: precision).support
    var graph = try Compiler().simplified(graph).0
    graph.separateBlockReaders()
    var storage = Float16Storage(
      graph,
      try regions(of: graph, on: machine, precision: precision),
      support)
    for picture in storage.groups.joined() where isHalved {
      let isStored = storage.store(picture)
      #expect(isStored)
    }
    graph = storage.graph
    let values = try everyValue(of: graph, feeds)
    for region in storage.regions {
      let nodes = region.nodes
      let plan = region.plan
      let cut = try bestCut(of: plan)
      for (index, output) in plan.outputs.enumerated() {
        let expected = try #require(values[output]).doubles
        // Sums cancel: errors count in parts of the largest.
        let areProducts = plan.instructions.contains { $0.output.place == .sums(index) }
        let isHalf = graph[output].type.elementType == .float16
        let unit = expected.reduce(1) { max($0, abs($1)) }
        expectEverywhere(
          expected.map { $0 / unit },
          tolerance: precision == .bfloat16 ? 0x1p-6 : isHalf ? 1e-3 : areProducts ? 2e-6 : 5e-6,
          "region of \(nodes.count) nodes, output \(index)"
        ) { threads in
          let inputs = plan.inputs.map { Guarded(values[$0]?.withUnsafeBytes { Array($0) } ?? []) }
          let outputs = plan.outputs.map { Guarded<UInt8>(count: graph[$0].type.byteCount) }
          let kernels = CPUKernelLibrary(precision: precision)
          guard let kernel = kernels.kernel(for: plan, cut: cut, threadCount: Int(threads)) else {
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
