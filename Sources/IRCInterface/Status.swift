import CIRKit
import IRCompiler
import IRGraph
import IRONNX
import IRPicture
import IRRestoration
import IRRuntime

/// An argument that no call takes.
struct ArgumentError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// Runs the body of a call that can fail, and puts the reason where the caller asked for it.
func reporting(_ error: ErrorText?, _ body: () throws -> Void) -> irkit_status {
  error?.pointee = nil
  do {
    try body()
    return IRKIT_OK
  } catch let failure {
    error?.pointee = copyOfText("\(failure)")
    return status(of: failure)
  }
}

private func status(of error: any Error) -> irkit_status {
  switch error {
  case is ArgumentError: IRKIT_INVALID_ARGUMENT
  case let error as ONNXError:
    switch error {
    case .file, .notAModel, .externalData: IRKIT_UNREADABLE
    case .tensor, .unboundValues, .unboundDimensions: IRKIT_INVALID_ARGUMENT
    case .unsupported, .notSerializable, .notExpressible: IRKIT_UNSUPPORTED
    }
  case let error as RuntimeError:
    switch error {
    case .missingInput, .inputType: IRKIT_INVALID_ARGUMENT
    case .outOfMemory, .exceedsMemory: IRKIT_OUT_OF_MEMORY
    case .cancelled: IRKIT_CANCELLED
    }
  case let error as RestorationError:
    switch error {
    case .unknownModel, .foreignModel, .unreadableModel: IRKIT_UNREADABLE
    case .notARestorer: IRKIT_UNSUPPORTED
    case .unsuitableImage: IRKIT_INVALID_ARGUMENT
    default: IRKIT_FAILED
    }
  case is CompilerError, is GraphError: IRKIT_UNSUPPORTED
  case is ImageError: IRKIT_INVALID_ARGUMENT
  default: IRKIT_FAILED
  }
}
