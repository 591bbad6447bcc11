import HTTPTypes
import ImageRestoration

/// Why a request has no result: a status and a sentence.
package struct ServingError: Error, Sendable {
  package var status: HTTPResponse.Status
  package var sentence: String
  /// Seconds after which it may be tried again.
  package var retrySeconds: Int?
  /// Whether the connection ends with the answer, since the rest of the body is not read.
  package var endsConnection = false

  package init(_ status: HTTPResponse.Status, _ sentence: String, retrySeconds: Int? = nil) {
    (self.status, self.sentence, self.retrySeconds) = (status, sentence, retrySeconds)
  }

  static func badRequest(_ sentence: String) -> ServingError { ServingError(.badRequest, sentence) }
  static func unprocessable(_ sentence: String) -> ServingError {
    ServingError(.unprocessableContent, sentence)
  }

  static func bodyTooLarge(_ limit: Int) -> ServingError {
    var error = ServingError(
      .contentTooLarge,
      "the body has more than \(limit) bytes, the most that this server takes (--max-body, --memory)")
    error.endsConnection = true
    return error
  }

  static func busy(_ sentence: String) -> ServingError {
    var error = ServingError(.serviceUnavailable, sentence, retrySeconds: 2)
    error.endsConnection = true
    return error
  }

  /// The meaning of an error of a restoration for its client.
  static func of(_ error: any Error) -> ServingError {
    switch error {
    case let error as ServingError: return error
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
    default: return ServingError(.internalServerError, "\(error)")
    }
  }
}
