import Foundation
import IRDegradation
import IRGraph
import IRONNX
import IROperators
import IRRuntime
import IRTensor
import Testing

@testable import IRTraining

private func directions(
  of momentum: Tensor, threads: Int = 1
) throws -> [Double] {
  let matrices = try #require(
    try MatrixDirections(Muon(), of: [momentum.type], runtime: RuntimeOptions(threadCount: threads)))
  #expect(matrices.indices == [0])
  var found: [Double] = []
  try matrices.withDirections(of: [momentum]) { starts in
    found = UnsafeBufferPointer(start: starts[0], count: momentum.elementCount).map { Double($0) }
  }
  return found
}

private func randomTensor(_ shape: Shape) -> Tensor {
  var random = RandomSource(seed: UInt64(shape.elementCount))
  return Tensor(
    TensorType(.float32, shape), doubles: (0..<shape.elementCount).map { _ in random.normal() })
}

/// All singular values of a multiple of the identity are alike: 1/√8 after normalization.
@Test func directionsOfTheIdentityAreThePolynomials() throws {
  var identity = [Double](repeating: 0, count: 64)
  for i in 0..<8 { identity[9 * i] = 1e-4 }
  var x = 1 / 8.0.squareRoot()
  for _ in 0..<5 { x = x * (3.4445 + x * x * (-4.7750 + x * x * 2.0315)) }
  let found = try directions(of: Tensor(TensorType(.float32, [8, 8]), doubles: identity))
  for (index, value) in found.enumerated() {
    let expected = index % 9 == 0 ? 0.2 * 8.0.squareRoot() * x : 0
    #expect(abs(value - expected) < 1e-5)
  }
  #expect(try directions(of: Tensor(zeros: TensorType(.float32, [8, 8]))).allSatisfy { $0 == 0 })
}

/// With a momentum U S Vᵀ and a direction U S' Vᵀ, the one times the other transposed is U S S' Uᵀ:
/// symmetric, no eigenvalue negative. Those of the direction with itself are S'², all near 1.
@Test(arguments: [[24, 40], [40, 24], [16, 9, 3, 3], [64, 8, 1, 1]])
func directionsKeepSingularVectors(_ extents: [Int]) throws {
  let momentum = randomTensor(Shape(extents))
  let direction = try directions(of: momentum, threads: 2)
  #expect(direction == (try directions(of: momentum)))
  let (rows, columns) = (extents[0], extents.dropFirst().reduce(1, *))
  let factor = 0.2 * Double(max(rows, columns)).squareRoot()
  let values = momentum.doubles
  func product(_ a: [Double], _ b: [Double]) -> [Double] {
    (0..<(rows * rows)).map { place in
      let (i, j) = (place / rows * columns, place % rows * columns)
      return (0..<columns).reduce(0) { $0 + a[i + $1] * b[j + $1] }
    }
  }
  let mixed = product(values, direction)
  let size = mixed.reduce(0) { $0 + $1 * $1 }.squareRoot()
  for i in 0..<rows {
    for j in 0..<i { #expect(abs(mixed[i * rows + j] - mixed[j * rows + i]) < 1e-4 * size) }
  }
  let eigenvalues = symmetricEigenvectors(mixed, size: rows).values
  #expect(eigenvalues.allSatisfy { $0 > -1e-4 * size })
  let squares = symmetricEigenvectors(product(direction, direction), size: rows).values
  for square in squares.prefix(min(rows, columns)) {
    #expect((0.6...1.3).contains(square.squareRoot() / factor))
  }
}

/// torch.optim.Muon (2.13) with adjust_lr_fn="match_rms_adamw" in double: three steps of gradients
/// cos(0.7 (k + 1) i + k) from weights sin i, rate 0.01, decay 0.1.
@Test func matricesStepAsPyTorchMovesThem() throws {
  let expected: [([Int], [Double])] = [
    ([8, 12], [-0.0057935, 0.4195827, -0.2593066, 0.6844996]),
    ([12, 8], [-0.0048266, 0.4204892, -0.2579823, 0.6846886]),
  ]
  for (extents, wanted) in expected {
    let type = TensorType(.float32, Shape(extents))
    let start = Tensor(type, doubles: (0..<96).map { sin(Double($0)) })
    var state = TrainingState(names: ["weight"], values: [start])
    let matrices = try MatrixDirections(
      Muon(weightDecay: 0.1), of: [type], runtime: RuntimeOptions(threadCount: 1))
    let options = Trainer.Options(
      optimizer: AdamW(),
      schedule: LearningRateSchedule(peak: 0.01, stepCount: 3))
    for k in 0..<3 {
      let gradient = Tensor(
        type, doubles: (0..<96).map { cos(Double($0) * Double(k + 1) * 0.7 + Double(k)) })
      try state.update(
        with: [gradient], WeightUpdate(options, step: k + 1, rate: 0.01, scale: 1), [], matrices: matrices,
        threadCount: 1)
    }
    let found = state.values[0].doubles
    for (place, value) in zip([0, 13, 50, 95], wanted) { #expect(abs(found[place] - value) < 2e-6) }
  }
}

/// x + a stack of convolutions, of which the middle two have matrices that Muon moves.
private func deepModel() throws -> ONNXModel {
  var g = GraphBuilder(name: "deep")
  let x = g.input("image", TensorType(.float32, [1, 3, 16, 16]))
  var value = x
  for (index, shape) in ([[8, 3, 3, 3], [16, 8, 1, 1], [8, 16, 3, 3], [3, 8, 1, 1]] as [Shape]).enumerated() {
    let weight = g.constant(randomTensor(shape), name: "layer\(index).weight")
    let scaled = try g.affine(weight, 0.1)
    let pads = (shape[2] - 1) / 2
    let convolution = Convolution(
      strides: [1, 1], padsBefore: [pads, pads], padsAfter: [pads, pads], dilations: [1, 1])
    value = try g.value(convolution, [value, scaled])
    if index < 3 { value = try g.value(Activation(.gelu), [value]) }
  }
  g.output(try g.value(Binary(.add), [value, x]), name: "restored")
  return try ONNXModel(try g.finished())
}

private func trained(_ model: ONNXModel, muon: Muon?, threads: Int = 1, steps: Int = 4) throws -> Trainer {
  let batch = TrainingGraph.Batch(count: 3, height: 16, width: 16)
  let graph = try TrainingGraph(model: model, path: "deep", batch: batch, loss: Loss())
  let options = Trainer.Options(
    optimizer: AdamW(), muon: muon, schedule: LearningRateSchedule(peak: 1e-2, stepCount: steps),
    average: ParameterAverage(decay: 0.9))
  let trainer = try Trainer(
    graph, weights: try model.initializers(named: graph.parameters + graph.frozen), options: options,
    runtime: RuntimeOptions(threadCount: threads))
  let target = randomTensor([3, 3, 16, 16])
  var random = RandomSource(seed: 9)
  let image = Tensor(target.type, doubles: target.doubles.map { $0 + 0.3 * random.normal() })
  for _ in 0..<steps { _ = try trainer.step(images: image, targets: target, tasks: [0, 0, 0]) }
  return trainer
}

@Test func muonMovesMatricesAndLeavesTheRest() throws {
  let model = try deepModel()
  let (muon, adam) = (try trained(model, muon: Muon(), steps: 1), try trained(model, muon: nil, steps: 1))
  for (index, name) in muon.state.names.enumerated() {
    let isMatrix = name.contains("1") || name.contains("2")
    #expect((muon.state.values[index] == adam.state.values[index]) == !isMatrix)
    #expect(muon.state.values[index].type == adam.state.values[index].type)
  }
}

@Test func networksWithoutMatricesAreLeftToTheOptimizer() throws {
  let types = [TensorType(.float32, [16, 1, 3, 3]), TensorType(.float32, [3, 16, 3, 3])]
  let runtime = RuntimeOptions(threadCount: 1)
  #expect(try MatrixDirections(Muon(), of: types, runtime: runtime) == nil)
  let matrix = TensorType(.float32, [16, 16])
  #expect(try MatrixDirections(Muon(), of: [matrix], excluding: [0], runtime: runtime) == nil)
  #expect(try MatrixDirections(Muon(), of: types + [matrix], runtime: runtime)?.indices == [2])
}

@Test func muonsBitsDoNotDependOnThreads() throws {
  let model = try deepModel()
  let one = try trained(model, muon: Muon(weightDecay: 1e-3))
  for threads in [2, 3] {
    let other = try trained(model, muon: Muon(weightDecay: 1e-3), threads: threads)
    #expect(other.state.values == one.state.values && other.state.firstMoments == one.state.firstMoments)
    #expect(other.state.averages == one.state.averages)
  }
}
