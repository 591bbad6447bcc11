import Foundation
import HTTPTypes
import Hummingbird
import IRRequests
import NIOCore

/// Answers in JSON.
enum Answers {
  /// `value` as JSON of ASCII characters with its keys in order.
  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    Response(
      status: status, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: try text(value))))
  }

  /// Text that a header may hold too: characters beyond ASCII are escaped.
  static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    var result = ""
    for unit in String(decoding: try encoder.encode(value), as: UTF8.self).utf16 {
      if unit < 127 {
        result.unicodeScalars.append(UnicodeScalar(UInt8(unit)))
      } else {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return result
  }

  private struct Failure: Encodable {
    var error: String
  }

  static func failure(_ error: ServingError) -> Response {
    var response =
      (try? json(Failure(error: error.sentence), status: error.status)) ?? Response(status: error.status)
    if let seconds = error.retrySeconds { response.headers[.retryAfter] = "\(seconds)" }
    if error.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
    if error.endsConnection { response.headers[.connection] = "close" }
    return response
  }

  /// The media type of an extension that pictures are written with.
  static func mediaType(_ suffix: String) -> String {
    switch suffix {
    case "jpg", "jpeg", "jpe", "jfif": "image/jpeg"
    case "tif", "tiff": "image/tiff"
    case "heif", "heic": "image/heic"
    case "ppm": "image/x-portable-pixmap"
    case "pgm": "image/x-portable-graymap"
    default: "image/\(suffix)"
    }
  }
}
