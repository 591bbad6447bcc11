// The core in a program: a model on a grey picture. Tools/packaging/measure builds it.
import IRInference

@main struct Infer {
  static func main() throws {
    let session = try InferenceSession(
      contentsOf: CommandLine.arguments[1], options: RuntimeOptions(threadCount: 1))
    let input = Tensor([Float](repeating: 0.5, count: 3 * 64 * 64), shape: [1, 3, 64, 64])
    for (name, output) in try session.run([session.inputs[0].name: input]) {
      print(name, output.type, output.floats.allSatisfy { abs($0 - 0.5) < 0.05 } ? "grey" : "not grey")
    }
  }
}
