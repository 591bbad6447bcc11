import HTTPTypes

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

  package static func badRequest(_ sentence: String) -> ServingError { ServingError(.badRequest, sentence) }
  package static func unprocessable(_ sentence: String) -> ServingError {
    ServingError(.unprocessableContent, sentence)
  }

  package static func bodyTooLarge(_ limit: Int) -> ServingError {
    var error = ServingError(
      .contentTooLarge,
      "the body has more than \(limit) bytes, the most that this server takes (--max-body, --memory)")
    error.endsConnection = true
    return error
  }

  package static func busy(_ sentence: String) -> ServingError {
    var error = ServingError(.serviceUnavailable, sentence, retrySeconds: 2)
    error.endsConnection = true
    return error
  }
}
