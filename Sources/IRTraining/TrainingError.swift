import IRAutodiff
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// Why a model cannot be trained, or a run not go on.
package enum TrainingError: Error, Sendable {
  /// The model is not of the kind that is trained here.
  case unsuitableModel(path: String, detail: String)
  case noParameters(path: String)
  case model(ONNXError)
  case graph(GraphError)
  case autodiff(AutodiffError)
  case compiler(CompilerError)
  case runtime(RuntimeError)
  /// The images to learn from, or to test with.
  case data(detail: String)
  case checkpoint(path: String, detail: String)
  /// The loss became infinite or NaN.
  case diverged(step: Int, loss: Double)
}
