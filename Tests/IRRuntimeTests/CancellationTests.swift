import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Synchronization
import Testing

/// Networks of one step, which takes many times as long as is waited for between two questions.
private enum LongStep: String, CaseIterable {
  case convolution, product

  func graph() throws -> (graph: Graph, inputs: [String: Tensor]) {
    var generator = SeededGenerator(seed: 5)
    var builder = GraphBuilder()
    func input(_ name: String, _ shape: Shape) -> (ValueID, Tensor) {
      (builder.input(name, TensorType(.float32, shape)), generator.tensor(shape))
    }
    switch self {
    case .convolution:
      let (x, picture) = input("x", [1, 96, 512, 512])
      let weight = builder.constant(generator.tensor([96, 96, 3, 3], in: -0.1...0.1))
      builder.output(try builder.value(Convolution(padding: 1), [x, weight]), name: "y")
      return (try builder.finished(), ["x": picture])
    case .product:
      let (a, left) = input("a", [2048, 2048])
      let (b, right) = input("b", [2048, 2048])
      builder.output(try builder.value(MatrixMultiply(), [a, b]), name: "y")
      return (try builder.finished(), ["a": left, "b": right])
    }
  }
}

/// A run ends within a step once it is told to, whichever the threads, and the session runs again.
@Test(arguments: LongStep.allCases, [1, 2])
private func runsEndWithinAStep(_ network: LongStep, threadCount: Int) throws {
  let (graph, inputs) = try network.graph()
  let program = try Compiler(threadCount: threadCount).compile(graph)
  try #require(program.steps.count == 1, "the test is of a step alone")
  let questions = Mutex(0)
  let session = try Session(
    program,
    options: RuntimeOptions(
      threadCount: threadCount,
      monitor: { done, count in
        questions.withLock {
          $0 += 1
          return $0 < 3 || $0 > 1000 && done < count
        }
      }))
  let error = #expect(throws: RuntimeError.self) { try session.run(inputs) }
  if case .cancelled? = error {} else { Issue.record("\(String(describing: error))") }
  #expect(questions.withLock { $0 } == 3, "nobody is asked who has said no")
  questions.withLock { $0 = 1000 }
  #expect(try session.run(inputs) == Session(program).run(inputs))
}
