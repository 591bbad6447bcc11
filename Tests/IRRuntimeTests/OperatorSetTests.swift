import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Testing

@Test func everyOperatorHasSamples() {
  let sampled = Set(OperatorSample.all.map(\.operation.name))
  #expect(OperatorSet.standard.names.filter { !sampled.contains($0) } == [])
  #expect(sampled.filter { OperatorSet.standard[$0] == nil } == [])
  let ofGradients = Set(OperatorSample.gradients.map(\.operation.name))
  #expect(ofGradients.sorted() == OperatorSet.gradients.names)
}

private let samples = OperatorSample.all + OperatorSample.gradients

/// The operators that run by their definition: no kernel of them is worth having.
private let withoutKernel: Set<String> = [
  "ArgExtreme", "AveragePoolGradient", "BitCast", "CumulativeSum", "Determinant", "GatherGradient",
  "GatherND",
  "IsInfinite", "LpPool", "MaxPoolGradient", "OneHot", "PadGradient", "Recurrence", "RoiAlign",
  "ScatterElements",
  "ScatterND", "Select", "TopK", "Trilu",
]

@Test(arguments: samples.indices)
func compiledEqualsDefinitionForEveryThreadCount(_ index: Int) throws {
  let sample = samples[index]
  var first: [String: Tensor]?
  for threadCount in 1...3 {
    let program = try Compiler(threadCount: threadCount)
      .compile(try sample.graph())
    #expect(program.memoryPlan.conflict == nil)
    let results = try Session(program, options: RuntimeOptions(threadCount: threadCount)).run(sample.feeds)
    for (name, expected) in sample.expected {
      expectClose(results[name], expected, .ofRange(sample.tolerance), "\(sample)")
    }
    #expect(results == first ?? results, "the result depends on the thread count: \(sample)")
    first = results
  }
}

@Test func operatorsKeepTheirKernels() throws {
  var slow: Set<String> = []
  var fast: Set<String> = []
  for sample in samples {
    let program = try Compiler().compile(try sample.graph())
    for step in program.steps {
      if step.kernel.isReference { slow.insert(step.operatorName) } else { fast.insert(step.operatorName) }
    }
  }
  #expect(slow.subtracting(fast).sorted() == withoutKernel.sorted())
}

private let known = OperatorSet(
  Array(OperatorSet.standard.operators.values) + Array(OperatorSet.gradients.operators.values))

@Test(arguments: samples.indices)
func textIsReadAgain(_ index: Int) throws {
  let graph = try samples[index].graph()
  let text = graph.text()
  let again = try Graph(text: text, operators: known)
  #expect(again.text() == text)
  for (a, b) in zip(graph.nodesInOrder, again.nodesInOrder) {
    let (before, after) = (graph[a].operator, again[b].operator)
    let (first, second) = (AnyHashable(before), AnyHashable(after))
    #expect(first == second)
  }
}
