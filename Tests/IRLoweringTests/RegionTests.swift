import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@testable import IRLowering

private let blocks: [GatedBlock] = [
  GatedBlock(height: 1, width: 1), GatedBlock(height: 2, width: 3), GatedBlock(height: 9, width: 17),
  GatedBlock(batch: 2, height: 8, width: 33), GatedBlock(height: 40, width: 70),
  GatedBlock(height: 21, width: 35, kernel: 5), GatedBlock(height: 19, width: 20, kernel: 3, dilation: 2),
  GatedBlock(channels: 24, hidden: 31, height: 16, width: 16),
  // Its dense window is computed in Winograd's form, in tiles that are cut nowhere.
  GatedBlock(channels: 32, hidden: 20, height: 37, width: 43),
]

@Test(arguments: blocks)
private func regionsComputeTheirNodes(block: GatedBlock) throws {
  let graph = try block.graph()
  let expected = try GraphInterpreter(graph).run(["x": block.input()])
  let program = try Compiler().compile(graph)
  #expect(program.steps.contains { $0.operatorName == "Region" })
  let found = try Session(program).run(["x": block.input()])
  for (name, tensor) in expected { expectClose(found[name], tensor, .ofRange(2e-6), "\(block) \(name)") }
}

/// Plans are those of one machine wherever the tests run.
private let kernels = CPUKernelLibrary(hasNearSharedCache: false)

private func regions(
  of graph: Graph, on machine: MachineModel = kernels.machine
) throws -> [Region] {
  try #require(FormRegions(graph, kernels.support, machine: machine)).regions()
}

private func bestCut(of plan: RegionPlan, on machine: MachineModel = kernels.machine) throws -> RegionCut {
  let limits = try #require(kernels.support.regions)
  return try #require(plan.bestCut(on: machine, within: limits)).cut
}

/// Runs a plan by itself.
private func outputs(
  _ plan: RegionPlan, _ cut: RegionCut, _ inputs: [Tensor], _ shapes: [Shape], threads: Int
) throws -> [[Float]] {
  let kernel = try #require(kernels.kernel(for: plan, cut: cut, threadCount: threads))
  let results = shapes.map { TensorStorage(byteCount: $0.elementCount * 4) }
  let workspace = TensorStorage(byteCount: max(kernel.workspaceByteCount, 1))
  kernel.run(
    KernelArguments(
      inputs: inputs.map { UnsafeRawPointer($0.storage.pointer) }, outputs: results.map(\.pointer),
      workspace: workspace.pointer, threadCount: threads))
  return zip(results, shapes).map { storage, shape in
    let start = storage.pointer.assumingMemoryBound(to: Float.self)
    return Array(UnsafeBufferPointer(start: start, count: shape.elementCount))
  }
}

/// With slow memory all that can be is one region.
private var slowMachine: MachineModel {
  var machine = kernels.machine
  (machine.memoryRate, machine.sharedCacheRate) = (1e6, 1e6)
  return machine
}

/// With fast memory and no caches no region gains anything.
private var fastMachine: MachineModel {
  var machine = kernels.machine
  (machine.memoryRate, machine.sharedCacheRate, machine.cacheByteCount) = (1e18, 1e18, 0)
  return machine
}

@Test(arguments: blocks)
private func cutsAndThreadsDoNotChangeABit(block: GatedBlock) throws {
  try checkCuts(of: try block.graph(), kernels.machine)
}

private let chains: [ConvolutionChain] = [
  ConvolutionChain(height: 1, width: 2), ConvolutionChain(height: 2, width: 2),
  ConvolutionChain(height: 9, width: 37),
  ConvolutionChain(batch: 2, channels: 35, height: 42, width: 27),
]

@Test(arguments: chains)
private func cutsAndThreadsKeepTiles(chain: ConvolutionChain) throws {
  try checkCuts(of: try chain.graph(), slowMachine)
}

/// Convolutions in tiles, computed whole or in regions.
@Test(arguments: chains)
private func tilesAreTheSameInRegions(chain: ConvolutionChain) throws {
  let (graph, _) = try Compiler(kernels: kernels).simplified(try chain.graph())
  let expected = try GraphInterpreter(graph).run(["x": chain.input()])
  let lowerings = [fastMachine, slowMachine, slowMachine].enumerated().map { index, machine in
    Lowering(graph: graph, kernels: kernels, threadCount: index + 1, machine: machine)
  }
  let programs = try lowerings.map { try $0.program(of: $0.regions(), report: CompilationReport()) }
  // Over a single row windows are trimmed to one, which has no tiles.
  let form = chain.height == 1 ? "conv1x3 conv1x3" : "winograd conv3x3.winograd"
  #expect(programs[1].steps.count == 1 && programs[1].steps[0].kernel.name.contains(form))
  #expect(
    chain.width == 2 || programs[0].steps.contains { $0.kernel.name.hasPrefix("conv3x3.winograd") })
  let results = try programs.map { program in
    try Session(program, options: RuntimeOptions(threadCount: program.threadCount)).run(["x": chain.input()])
  }
  for (name, tensor) in expected {
    expectClose(results[0][name], tensor, .ofRange(5e-6), name)
    for result in results { expectClose(result[name], try #require(results[0][name]), .exact, name) }
  }
}

private func checkCuts(of graph: Graph, _ machine: MachineModel) throws {
  let (graph, _) = try Compiler().simplified(graph)
  var generator = SeededGenerator(seed: 5)
  for plan in try regions(of: graph, on: machine).map(\.plan) {
    let inputs = plan.inputs.map { graph.constant($0) ?? generator.tensor(graph[$0].type.shape) }
    let shapes = plan.outputs.map { graph[$0].type.shape }
    let best = try bestCut(of: plan, on: machine)
    let whole = try outputs(plan, best, inputs, shapes, threads: 1)
    let isTiled = plan.alignment > 1
    for columns in isTiled ? [4, 16, 20, best.width] : [1, 3, 16, best.width] {
      for band in isTiled ? [8, 16, 40] : [1, 2, 5, best.height] {
        for (step, threads) in isTiled ? [(4, 1), (8, 3)] : [(1, 1), (2, 3), (3, 2), (8, 2)] {
          var cut = best
          (cut.tileColumns, cut.bandRows, cut.stepRows) = (
            min(columns, best.width), isTiled ? band : min(band, best.height), step
          )
          if isTiled { cut.blockRows = step }
          let found = try outputs(plan, cut, inputs, shapes, threads: threads)
          #expect(
            found == whole,
            """
            \(columns) columns, bands of \(band), steps of \(step), \(threads) threads of the region
            \(plan.listing(cut).joined(separator: "\n"))
            of the graph
            \(graph)
            """)
        }
      }
    }
  }
}

/// However the cost model cuts the nodes into regions, on machines of other balance.
@Test(arguments: blocks)
private func formationDoesNotChangeABit(block: GatedBlock) throws {
  let (graph, _) = try Compiler(kernels: kernels).simplified(try block.graph())
  var programs: [Program] = []
  for machine in [kernels.machine, slowMachine, fastMachine] {
    let lowering = Lowering(graph: graph, kernels: kernels, threadCount: 2, machine: machine)
    programs.append(try lowering.program(of: lowering.regions(), report: CompilationReport()))
  }
  let results = try programs.map { try Session($0).run(["x": block.input()]) }
  for name in results[0].keys {
    for result in results { expectClose(result[name], try #require(results[0][name]), .exact, name) }
  }
  if block.height * block.width > 1000 { #expect(Set(programs.map(\.steps.count)).count > 1) }
}

private let attentions: [TransposedAttention] = [
  TransposedAttention(heads: 1, size: 3, height: 9, width: 17),
  TransposedAttention(heads: 2, size: 20, height: 33, width: 70),
  TransposedAttention(batch: 2, heads: 3, size: 5, height: 8, width: 40),
]

/// A graph with sums over all pixels, and the word for them in kernels' names.
private struct SumSample: CustomTestStringConvertible {
  var testDescription, word: String
  var graph: Graph
  var input: Tensor

  static func all() throws -> [SumSample] {
    let means = [
      ChannelAttention(channels: 3, height: 1, width: 2),
      ChannelAttention(channels: 9, height: 13, width: 37),
      ChannelAttention(batch: 2, channels: 18, height: 70, width: 33),
    ]
    return try attentions.map {
      SumSample(testDescription: $0.testDescription, word: "gram", graph: try $0.graph(), input: $0.input())
    }
      + means.map {
        SumSample(testDescription: $0.testDescription, word: "sum", graph: try $0.graph(), input: $0.input())
      }
  }
}

@Test(arguments: try SumSample.all())
private func sumsOverThePixelsAreComputedInRegions(sample: SumSample) throws {
  let expected = try GraphInterpreter(sample.graph).run(["x": sample.input])
  let program = try Compiler().compile(sample.graph)
  let words = program.steps.map(\.kernel.name).filter { $0.hasPrefix("region(") }
  #expect(words.contains { $0.contains(sample.word) })
  let found = try Session(program).run(["x": sample.input])
  for (name, tensor) in expected {
    expectClose(found[name], tensor, .ofRange(2e-6), "\(sample.testDescription) \(name)")
  }
}

@Test(arguments: try SumSample.all())
private func cutsAndThreadsKeepSums(sample: SumSample) throws {
  let (graph, _) = try Compiler().simplified(sample.graph)
  var generator = SeededGenerator(seed: 5)
  for plan in try regions(of: graph).map(\.plan) {
    let inputs = plan.inputs.map { graph.constant($0) ?? generator.tensor(graph[$0].type.shape) }
    let shapes = plan.outputs.map { graph[$0].type.shape }
    let best = try bestCut(of: plan)
    let whole = try outputs(plan, best, inputs, shapes, threads: 1)
    for (columns, block, step) in [(1, 5, 1), (16, 2, 2), (best.width, 8, 8), (7, 4, 4), (best.width, 4, 1)] {
      var cut = best
      (cut.tileColumns, cut.blockRows, cut.stepRows) = (min(columns, best.width), block, step)
      cut.bandRows = (best.height + block - 1) / block * block
      let one = try outputs(plan, cut, inputs, shapes, threads: 1)
      for blocks in 1...3 {
        cut.bandRows = blocks * block
        #expect(
          try outputs(plan, cut, inputs, shapes, threads: 4 - blocks) == one, "bands or threads change a bit")
      }
      for (index, (found, expected)) in zip(one, whole).enumerated() {
        let largest = expected.reduce(0) { max($0, abs($1)) }
        let difference = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(difference <= 2e-6 * largest, "output \(index) of \(columns) columns, blocks of \(block)")
      }
    }
  }
}

@Test(arguments: 0..<60 as Range<UInt64>)
func noPathLeavesARegionAndReturns(seed: UInt64) throws {
  let graph = try Compiler().simplified(try RandomGraph(seed: seed).graph).0
  let regions = try regions(of: graph).map(\.nodes)
  var seen: Set<NodeID> = []
  for nodes in regions {
    let members = Set(nodes)
    #expect(seen.isDisjoint(with: members), "a node is in two regions")
    seen.formUnion(members)
    // Nodes outside that depend on the region must not feed it.
    var dependent: Set<NodeID> = []
    for id in graph.nodesInOrder where !members.contains(id) {
      let producers = graph[id].inputs.compactMap { graph.producer(of: $0) }
      if producers.contains(where: { members.contains($0) || dependent.contains($0) }) {
        dependent.insert(id)
      }
    }
    for id in nodes {
      for input in graph[id].inputs {
        if let producer = graph.producer(of: input) { #expect(!dependent.contains(producer)) }
      }
    }
  }
  let units = Schedule(graph, regions: regions).units
  #expect(Set(units).count == units.count)
  #expect(units.count == graph.nodeCount - regions.reduce(0) { $0 + $1.count } + regions.count)
}

/// A driver names rows and tiles in a word's share; what it cannot name is in no region.
@Test func regionsTooTallForTheDriver() throws {
  let block = GatedBlock(channels: 3, hidden: 5, height: 9, width: 17)
  let graph = try Compiler().simplified(try block.graph()).0
  let plan = try #require(try regions(of: graph).first).plan
  func hasKernel(_ plan: RegionPlan, _ cut: RegionCut) -> Bool {
    kernels.kernel(for: plan, cut: cut, threadCount: 2) != nil
  }
  var cut = try bestCut(of: plan)
  #expect(hasKernel(plan, cut))
  cut.height = 1 << 22
  #expect(!hasKernel(plan, cut))
  (cut.height, cut.width, cut.tileColumns) = (9, 1 << 21, 1)
  #expect(!hasKernel(plan, cut))
  let limits = try #require(kernels.support.regions)
  for height in [limits.rows, limits.rows + 1] {
    let tall = try Compiler().simplified(
      try GatedBlock(channels: 3, hidden: 5, height: height, width: 17).graph()
    ).0
    for plan in try regions(of: tall).map(\.plan) {
      #expect(hasKernel(plan, try bestCut(of: plan)))
      #expect(height <= limits.rows || !plan.hasWindows)
    }
  }
}
