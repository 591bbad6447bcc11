import Foundation
import IRTensor
import IRTensorFiles
import Testing

private struct Answer: Decodable {
  var seconds: [Double]
  var gflop: Double
  var plannedByteCount: Int
  var runByteCount: Int
  var steps: [Step]

  struct Step: Decodable {
    var kernel: String
    var seconds, gflop: Double
  }
}

@Test func irbenchTimesAModel() throws {
  try withFolder { folder in
    let model = "\(folder)/model.onnx"
    try writeNetwork(model)
    let fresh = try run(
      "irbench", model, "--size", "1024x1536", "--runs", "2", "--json", "--steps", "-j", "2")
    #expect(fresh.code == 0, "\(fresh.errors)")
    let answer = try JSONDecoder().decode(Answer.self, from: Data(fresh.output.utf8))
    #expect(answer.steps.contains { $0.kernel.contains("conv3x3") && $0.seconds > 0 && $0.gflop > 0 })
    #expect(answer.steps.reduce(0) { $0 + $1.seconds } <= answer.seconds.reduce(0, +))
    #expect(answer.seconds.count == 2 && answer.seconds.allSatisfy { $0 > 0 })
    // 3·8 and 8·3 channels at full size, 8·8 twice and 8·32 at a quarter, nine taps each, twice.
    let perPixel = 2.0 * 9 * (3 * 8 + 8 * 3 + Double(8 * 8 * 2 + 8 * 32) / 4)
    #expect(abs(answer.gflop - perPixel * 1024 * 1536 / 1e9) < 1e-6)
    let excess = answer.runByteCount - answer.plannedByteCount
    #expect(abs(excess) < answer.plannedByteCount / 20 + 12 << 20, "\(answer)")

    try TensorFile.write(
      [NamedTensor("", Tensor([Float](repeating: 0.5, count: 3072), shape: [1, 3, 32, 32]))],
      to: "\(folder)/x.npy")
    let given = try run(
      "irbench", model, "--input", "\(folder)/x.npy", "--output", "\(folder)/y.npz", "--runs", "1",
      "--steps")
    #expect(given.output.contains("slowest steps"))
    #expect(given.code == 0 && given.output.contains("GFLOP/s"), "\(given.errors)")
    #expect(try TensorFile.read("\(folder)/y.npz").map(\.tensor.shape) == [[1, 3, 32, 32]])

    #expect(try run("irbench", model, "--size", "12").code == 2)
    let missing = try run("irbench", "\(folder)/none.onnx")
    #expect(missing.code == 3 && missing.errors.contains("none.onnx"), "\(missing.errors)")
  }
}
