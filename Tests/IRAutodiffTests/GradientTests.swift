import IRAutodiff
import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

@Test func everyOperatorHasAGradientOrIsListed() {
  for set in [OperatorSet.standard] {
    for (name, type) in set.operators {
      let isDifferentiable = type is any DifferentiableOperator.Type
      let isListed = OperatorSet.nondifferentiableOperators.contains(name)
      #expect(isDifferentiable != isListed, "\(name): a gradient, or a line in nondifferentiableOperators")
    }
  }
  let unknown = OperatorSet.nondifferentiableOperators.filter { OperatorSet.standard[$0] == nil }
  #expect(unknown.isEmpty)
}

/// The samples of operators with a gradient, and some more that only gradients care for.
private let samples: [OperatorSample] =
  OperatorSample.all.filter { $0.operation is any DifferentiableOperator } + OperatorSample.forGradients

/// The scalar Σ w · y over a sample's floating-point results with fixed random w, in float64.
private struct Problem {
  var graph: Graph
  var loss: ValueID
  var inputs: [ValueID]
  var feeds: [String: Tensor]

  init(_ sample: OperatorSample) throws {
    var generator = SeededGenerator(seed: 7)
    var builder = GraphBuilder(name: sample.operation.name)
    var (values, active, tensors): ([ValueID], [ValueID], [String: Tensor]) = ([], [], [:])
    for (index, input) in sample.inputs.enumerated() {
      let isFloating = input.elementType.isFloatingPoint
      let tensor = isFloating ? input.converted(to: .float64) : input
      // Indices and conditions are constants: gradients flow through the numbers.
      let value =
        isFloating ? builder.input("x\(index)", tensor.type) : builder.constant(tensor, name: "x\(index)")
      values.append(value)
      if isFloating {
        active.append(value)
        tensors["x\(index)"] = tensor
      }
    }
    var total: ValueID?
    for output in try builder.apply(sample.operation, values, name: "node") {
      let type = builder.type(of: output)
      guard type.elementType == .float64 else { continue }
      let weights = builder.constant(generator.tensor(type.shape).converted(to: .float64))
      let weighted = try builder.value(Binary(.multiply), [output, weights])
      let sum = try builder.value(
        Reduce(.sum, axes: Array(type.shape.indices), keepsAxes: false), [weighted])
      if let before = total { total = try builder.value(Binary(.add), [before, sum]) } else { total = sum }
    }
    loss = try #require(total)
    (graph, inputs, feeds) = (builder.graph, active, tensors)
  }

  func value(at feeds: [String: Tensor]) throws -> Double {
    var graph = graph
    graph.addOutput(loss, name: "loss")
    return try #require(try GraphInterpreter(graph).run(feeds)["loss"]).doubles[0]
  }
}

/// In one random direction, against central differences, in float64.
@Test(arguments: samples.indices)
func gradientEqualsCentralDifferences(_ index: Int) throws {
  let sample = samples[index]
  // A cast rounds: its steps are no slopes.
  if let cast = sample.operation as? Cast, cast.elementType != .float64 { return }
  // Whole numbers have no neighbours to compare with.
  guard sample.inputs.contains(where: { $0.elementType.isFloatingPoint }) else { return }
  let outputs = try sample.operation.outputTypes(for: sample.inputs.map(\.type))
  guard outputs.contains(where: { $0.elementType.isFloatingPoint }) else { return }
  let problem = try Problem(sample)
  var (graph, gradients) = try problem.graph.gradients(of: problem.loss, withRespectTo: problem.inputs)
  for (position, gradient) in gradients.enumerated() {
    if let gradient { graph.addOutput(gradient, name: "g\(position)") }
  }
  try graph.verify()
  let found = try GraphInterpreter(graph).run(problem.feeds)

  var generator = SeededGenerator(seed: 11)
  var (expected, analytic) = (0.0, 0.0)
  let step = 1e-5
  var (ahead, behind) = (problem.feeds, problem.feeds)
  for (position, input) in problem.inputs.enumerated() {
    let name = problem.graph[input].name
    let point = try #require(problem.feeds[name])
    let direction = generator.tensor(point.shape).doubles
    if let gradient = found["g\(position)"] {
      #expect(gradient.type == point.type)
      analytic += zip(gradient.doubles, direction).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let values = point.doubles
    ahead[name] = Tensor(point.type, doubles: zip(values, direction).map { $0 + step * $1 })
    behind[name] = Tensor(point.type, doubles: zip(values, direction).map { $0 - step * $1 })
  }
  expected = (try problem.value(at: ahead) - problem.value(at: behind)) / (2 * step)
  let scale = max(1, expected.magnitude)
  #expect((analytic - expected).magnitude <= 2e-6 * scale, "\(sample): \(analytic), differences \(expected)")
}

@Test func gradientsAddUpWhereAValueIsUsedTwice() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float64, [3]))
  let square = try builder.value(Binary(.multiply), [x, x])
  let cube = try builder.value(Binary(.multiply), [square, x])
  let loss = try builder.value(Reduce(.sum, axes: [0], keepsAxes: false), [cube])
  var (graph, gradients) = try builder.graph.gradients(of: loss, withRespectTo: [x])
  graph.addOutput(try #require(gradients[0]), name: "g")
  let point = Tensor(TensorType(.float64, [3]), doubles: [1, -2, 3])
  let found = try #require(try GraphInterpreter(graph).run(["x": point])["g"]).doubles
  #expect(found == [3, 12, 27])
}

@Test func whatTheScalarDoesNotDependOnHasNoGradient() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [2]))
  let y = builder.input("y", TensorType(.float32, [2]))
  let index = try builder.value(ArgExtreme(findsMaximum: true, axis: 0), [y])
  let picked = try builder.value(Gather(axis: 0), [x, index])
  let loss = try builder.value(Reduce(.sum, axes: [0], keepsAxes: false), [picked])
  let (_, gradients) = try builder.graph.gradients(of: loss, withRespectTo: [x, y])
  #expect(gradients[0] != nil)
  #expect(gradients[1] == nil, "no gradient flows through a choice")
}

@Test func whatHasNoRuleIsNamed() throws {
  var builder = GraphBuilder()
  let x = builder.input("x", TensorType(.float32, [1, 1, 4, 4]))
  let window = PoolingWindow(
    kernel: [2, 2], strides: [2, 2], dilations: [1, 1], padsBefore: [0, 0], padsAfter: [0, 0])
  let y = try builder.value(LpPool(window: window), [x], name: "pool")
  let loss = try builder.value(Reduce(.sum, axes: [0, 1, 2, 3], keepsAxes: false), [y])
  #expect {
    try builder.graph.gradients(of: loss, withRespectTo: [x])
  } throws: {
    "\($0)" == "pool (LpPool): no gradient flows through this operator, and one would have to"
  }
  #expect {
    try builder.graph.gradients(of: y, withRespectTo: [x])
  } throws: {
    "\($0)".contains("gradients are taken of one number")
  }
}
