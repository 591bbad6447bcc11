import IRCompiler
import IRGraph
import IROperators
import IRTensor

/// The rate of matrix products on the machine at hand, by which a run can be estimated before it begins.
package enum ProductRate {
  /// Multiply-adds a second of float32 products of 768×768 matrices on this many threads, the fastest of some
  /// runs: it takes some hundredths of a second.
  /// - Throws: `GraphError`, `CompilerError`, `RuntimeError`.
  package static func measured(threadCount: Int) throws -> Double {
    let (side, runCount) = (768, 6)
    let type = TensorType(.float32, [side, side])
    var graph = GraphBuilder(name: "product")
    let (a, b) = (graph.input("a", type), graph.input("b", type))
    graph.output(try graph.value(MatrixMultiply(), [a, b]), name: "c")
    let program = try Compiler(threadCount: threadCount).compile(try graph.finished())
    let session = try Session(program, options: RuntimeOptions(threadCount: threadCount))
    let ones = Tensor([Float](repeating: 1, count: side * side), shape: type.shape)
    let clock = ContinuousClock()
    let seconds = try (0..<runCount).map { _ in
      let start = clock.now
      var none: Profile?
      try session.run(["a": ones, "b": ones], profile: &none) { _ in }
      return start.duration(to: clock.now).inSeconds
    }
    return Double(side * side * side) / (seconds.min() ?? 1)
  }
}
