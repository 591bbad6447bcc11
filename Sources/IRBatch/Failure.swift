import IRCompiler
import IRDiffusion
import IRGraph
import IRONNX
import IRPipelines
import IRRuntime
import ImageRestoration

/// Whose fault a failure is.
package enum Failure {
  /// Another input would fail as well.
  case model
  /// The picture would exceed the memory.
  case memory
  /// Anything else about one input or its output.
  case file

  package init(_ error: any Error) {
    switch error {
    case RuntimeError.exceedsMemory, ImageError.exceedsMemory: self = .memory
    case ONNXError.tensor, RestorationError.unsuitableImage, RestorationError.nonFiniteResult: self = .file
    case PipelineError.picture, PipelineError.search: self = .file
    case is PipelineError, is DiffusionError: self = .model
    case is ONNXError, is CompilerError, is GraphError, is RestorationError: self = .model
    default: self = .file
    }
  }
}
