import Foundation
import IRInference

/// A request of the Open Inference Protocol: JSON, and behind it the bytes of binary tensors.
package struct InferenceMessage: Decodable {
  package struct Parameters: Decodable {
    package var binarySize: Int?
    package var wantsBinary: Bool?
    package var allBinary: Bool?
    package var strength: Double?
    package var format: String?
    package var quality: Int?

    enum CodingKeys: String, CodingKey {
      case strength, format, quality
      case binarySize = "binary_data_size"
      case wantsBinary = "binary_data"
      case allBinary = "binary_data_output"
    }
  }

  package struct Input: Decodable {
    package var name: String
    package var shape: [Int]
    package var datatype: String
    package var parameters: Parameters?
    package var data: Values?
  }

  package struct Output: Decodable {
    package var name: String
    package var parameters: Parameters?
  }

  /// The data of a tensor: numbers, truths or texts, flat or nested.
  package struct Values: Decodable {
    package var numbers: [Double] = []
    package var texts: [String] = []

    package init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      try Self.read(&container, 0, &self.numbers, &self.texts)
    }

    private static func read(
      _ container: inout any UnkeyedDecodingContainer, _ depth: Int, _ numbers: inout [Double],
      _ texts: inout [String]
    ) throws {
      guard depth < 16 else {
        throw DecodingError.dataCorruptedError(
          in: container, debugDescription: "more than 16 levels of arrays")
      }
      while !container.isAtEnd {
        if let number = try? container.decode(Double.self) {
          numbers.append(number)
        } else if let truth = try? container.decode(Bool.self) {
          numbers.append(truth ? 1 : 0)
        } else if let text = try? container.decode(String.self) {
          texts.append(text)
        } else {
          var inner = try container.nestedUnkeyedContainer()
          try read(&inner, depth + 1, &numbers, &texts)
        }
      }
    }
  }

  package var id: String?
  package var parameters: Parameters?
  package var inputs: [Input]
  package var outputs: [Output]?

  package static let inputLimit = 64

  /// Bytes of memory that a byte of JSON may become while it is read.
  package static let growth = 32

  /// The message of a body whose first `headerLength` bytes are JSON, all of them where none is stated, and
  /// the bytes of each binary input.
  /// - Throws: `ServingError`.
  package static func read(
    _ body: Data, headerLength: Int?
  ) throws -> (message: InferenceMessage, binary: [Int: Data]) {
    // A slice is the same bytes at other places.
    let body = body.startIndex == 0 ? body : Data(body)
    let length = headerLength ?? body.count
    guard (0...body.count).contains(length) else {
      throw ServingError.badRequest(
        "Inference-Header-Content-Length is \(length), the body has \(body.count) bytes")
    }
    let message: InferenceMessage
    do { message = try JSONDecoder().decode(Self.self, from: body.prefix(length)) } catch {
      throw ServingError.badRequest("the request is not JSON of the Open Inference Protocol: \(text(error))")
    }
    guard (1...inputLimit).contains(message.inputs.count) else {
      throw ServingError.badRequest("a request has 1 to \(inputLimit) inputs, not \(message.inputs.count)")
    }
    var binary: [Int: Data] = [:]
    var place = length
    for (index, input) in message.inputs.enumerated() {
      guard let size = input.parameters?.binarySize else { continue }
      guard size >= 0, size <= body.count - place else {
        throw ServingError.badRequest(
          "\(shown(input.name)): its binary data of \(size) bytes go beyond the body's end")
      }
      binary[index] = body[place..<(place + size)]
      place += size
    }
    guard place == body.count else {
      throw ServingError.badRequest("\(body.count - place) bytes follow the last input's binary data")
    }
    return (message, binary)
  }

  private static func text(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "\(key.stringValue) is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
      DecodingError.dataCorrupted(let context):
      RestoreRequest.shown(
        (context.codingPath.map(\.stringValue).joined(separator: ".") + " " + context.debugDescription)
          .trimmingCharacters(in: .whitespaces))
    default: "it cannot be read"
    }
  }

  package static func shown(_ name: String) -> String { RestoreRequest.shown(name) }
}
