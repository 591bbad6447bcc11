import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor

/// The graph of a value y that is made of x `[1, 6, 4, 8]`, or of another shape.
func build(
  _ shape: Shape = [1, 6, 4, 8], _ body: (inout GraphBuilder, ValueID) throws -> ValueID
) throws -> Graph {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, shape))
  builder.output(try body(&builder, x), name: "y")
  return try builder.finished()
}

/// The names of the operators left after all passes, in order.
func operators(of graph: Graph) throws -> [String] {
  let simplified = try Compiler().simplified(graph).0
  return simplified.nodesInOrder.map { simplified[$0].operator.name }
}
