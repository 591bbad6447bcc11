import IRCompiler
import IRImage
import IRModels
import IRRuntime
import IRTensor
import IRTensorFiles

/// MUSIQ with weights of a file; a program for each size of picture, the last one kept. Not for several
/// threads at once.
package final class MUSIQScore {
  private let network: MUSIQ
  private let weights: [String: Tensor]
  private let options: RuntimeOptions
  private var current: (shape: Shape, session: Session)?

  /// Reads weights of pyiqa, for any of its heads.
  /// - Throws: `TensorFileError`, `ModelError`.
  package init(contentsOf path: String, options: RuntimeOptions = RuntimeOptions()) throws {
    let file = try TensorFile.readWeights(path).map { (name: $0.name, tensor: $0.tensor) }
    var configuration = MUSIQConfiguration()
    // AVA's weights have a head of ten classes.
    if let head = file.first(where: { $0.name.hasSuffix("head.0.bias") }) {
      configuration.classes = head.tensor.elementCount
    }
    network = MUSIQ(configuration)
    weights = try network.match([file]).weights
    self.options = options
  }

  /// - Throws: `GraphError`, `CompilerError`, `RuntimeError`.
  package func score(_ image: Image) throws -> Double {
    let picture = Tensor(image.asColour())
    if current?.shape != picture.shape {
      let graph = try network.graph(weights: weights, shape: picture.shape)
      let program = try Compiler(threadCount: options.threadCount).compile(graph)
      current = (picture.shape, try Session(program, options: options))
    }
    return try current?.session.run(["image": picture])["score"]?.doubles.first ?? .nan
  }
}
