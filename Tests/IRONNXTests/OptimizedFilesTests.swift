import IRTensor
import Testing

@testable import IRONNX

// Nodes that converters and optimizers leave in files: quantized ones and ONNX Runtime's own. The expected
// values are those of ONNX Runtime 1.31 on the same nodes.

private let rows = Tensor([Float(1), -2, 3, 0.5, 4, -1], shape: [2, 3])
private let plane = Tensor((0..<16).map { Float($0) / 8 - 1 }, shape: [1, 1, 4, 4])
private let edges: [Double] = [1, 0, -1, 2, 0, -2, 1, 0, -1]

private func constant(_ type: ElementType, _ shape: Shape, _ values: [Double]) -> Tensor {
  Tensor(TensorType(type, shape), doubles: values)
}

private func expectClose(_ found: Tensor?, _ expected: [Double], within tolerance: Double = 1e-6) throws {
  let values = try #require(found).doubles
  try #require(values.count == expected.count)
  for (a, b) in zip(values, expected) { #expect(abs(a - b) <= tolerance, "\(values)") }
}

@Test func productsThatAreQuantizedAtRun() throws {
  let whole = graph(
    [port("x", 2, 3)],
    [
      node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), node("MatMulInteger", ["q", "w", "z"], ["p"]),
      node("Cast", ["p"], ["c"], ["to": .int(1)]), node("Mul", ["c", "s"], ["y"]),
    ], ["y"], numbers: ["w": constant(.int8, [3, 2], [1, 2, 3, -4, 5, 6])])
  try expectClose(
    run(whole, ["x": rows])["y"], [10.047059, 28.047060, 7.552941, -20.941177], within: 1e-5)
}

@Test func convolutionsOfQuantizedTensors() throws {
  let whole = graph(
    [port("x", 1, 1, 4, 4)],
    [
      node("QuantizeLinear", ["x", "xs", "xz"], ["q"]),
      node(
        "QLinearConv", ["q", "xs", "xz", "k", "ks", "kz", "ys", "yz", "b"], ["r"],
        ["pads": .ints([1, 1, 1, 1])]),
      node("DequantizeLinear", ["r", "ys", "yz"], ["y"]),
    ], ["y"],
    numbers: [
      "xs": Tensor(scalar: 0.01), "xz": constant(.uint8, .scalar, [128]),
      "k": constant(.int8, [1, 1, 3, 3], edges), "ks": Tensor(scalar: 0.5),
      "kz": constant(.int8, .scalar, [0]), "ys": Tensor(scalar: 0.02), "yz": constant(.uint8, .scalar, [120]),
      "b": constant(.int32, [1], [20]),
    ])
  // A level is 0.02; values half way between two may fall to either.
  try expectClose(
    run(whole, ["x": plane])["y"],
    [
      1.16, -0.28, -0.28, -0.78, 0.86, -0.4, -0.42, -0.4, -0.14, -0.4, -0.42, 0.6, -0.58, -0.28, -0.28, 0.98,
    ], within: 0.0201)
}

@Test func convolutionsWithTheirActivationAndSum() throws {
  let fused = node(
    "FusedConv", ["x", "k", "b", "z"], ["y"],
    ["activation": .string(Array("Relu".utf8)), "pads": .ints([1, 1, 1, 1])], domain: "com.microsoft")
  let whole = graph(
    [port("x", 1, 1, 4, 4)], [fused], ["y"],
    numbers: [
      "k": constant(.float32, [1, 1, 3, 3], edges), "b": Tensor([Float(0.25)], shape: [1]),
      "z": Tensor(plane.floats.map { $0 / 2 }, shape: [1, 1, 4, 4]),
    ])
  try expectClose(
    run(whole, ["x": plane])["y"], [1.875, 0, 0, 0, 1.5, 0, 0, 0, 0, 0, 0, 1.4375, 0, 0, 0, 2.4375])
}

@Test func productsAndNormsOfTheOptimizer() throws {
  let product = graph(
    [port("x", 2, 3)],
    [
      node(
        "FusedMatMul", ["x", "w"], ["y"], ["alpha": .float(0.5), "transB": .int(1)], domain: "com.microsoft")
    ], ["y"], numbers: ["w": constant(.float32, [2, 3], [1, 3, 5, 2, -4, 6])])
  try expectClose(run(product, ["x": rows])["y"], [5, 14, 3.75, -10.5])
  let norm = graph(
    [port("x", 1, 2, 3)],
    [
      node(
        "SkipLayerNormalization", ["x", "s", "g", "b"], ["y"], ["epsilon": .float(1e-5)],
        domain: "com.microsoft")
    ], ["y"],
    numbers: [
      "s": constant(.float32, [1, 2, 3], [1, 2, -1, 1, 2, -1]), "g": constant(.float32, [3], [1, 2, 3]),
      "b": constant(.float32, [3], [0, 0.5, 1]),
    ])
  try expectClose(
    run(norm, ["x": Tensor(rows.floats, shape: [1, 2, 3])])["y"],
    [0.7071028, -2.3284113, 3.1213083, -0.1017973, 3.0449317, -2.5120063], within: 1e-5)
}
