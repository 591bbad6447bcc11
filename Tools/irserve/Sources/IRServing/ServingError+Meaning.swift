import HTTPTypes
import IRInference
import IRRequests
import ImageRestoration

extension ServingError {
  /// The meaning of an error of a restoration for its client.
  static func of(_ error: any Error) -> ServingError {
    switch error {
    case let error as ServingError: return error
    case Control.End.late:
      return ServingError(.gatewayTimeout, "it took longer than this server gives (--timeout)")
    case Control.End.stopped: return busy("the server ended before it was done")
    case is Control.End, is CancellationError:
      return ServingError(
        HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"), "the client left")
    case let error as ImageError:
      switch error {
      case .tooLarge, .exceedsMemory: return ServingError(.contentTooLarge, "\(error)")
      case .losesStatements, .mismatch, .unwritable: return unprocessable("\(error)")
      case .unreadable: return ServingError(.unsupportedMediaType, "\(error)")
      }
    case let error as RuntimeError:
      switch error {
      case .exceedsMemory: return ServingError(.contentTooLarge, "\(error)")
      case .outOfMemory: return busy("\(error)")
      default: return unprocessable("\(error)")
      }
    case let error as RestorationError:
      if case .unknownModel = error { return ServingError(.notFound, "\(error)") }
      return unprocessable("\(error)")
    case let error as ONNXError: return unprocessable("\(error)")
    default: return ServingError(.internalServerError, "\(error)")
    }
  }
}
