import Foundation

/// The outermost fields of a `ModelInferRequest`, looked at before they are read: messages of two bytes
/// become a hundred in memory.
package struct InferenceWire {
  private static let (modelName, modelVersion, inputs, outputs, rawContents) = (1, 2, 5, 6, 7)
  private static let nameByteLimit = 1024

  package var modelName = ""
  package var modelVersion = ""
  /// The bytes that are not those of raw tensors.
  package var growingByteCount = 0

  /// - Throws: `ServingError` where the bytes are no such message, or have too many inputs or outputs.
  package init(_ message: Data) throws {
    try message.withUnsafeBytes { bytes in
      var place = 0
      var raw = 0
      var counts = [Self.inputs: 0, Self.outputs: 0, Self.rawContents: 0]
      while place < bytes.count {
        let tag = try Self.number(bytes, &place)
        let field = Int(truncatingIfNeeded: tag >> 3)
        var length: UInt64
        switch tag & 7 {
        case 0:
          _ = try Self.number(bytes, &place)
          length = 0
        case 1: length = 8
        case 2: length = try Self.number(bytes, &place)
        case 5: length = 4
        default: throw Self.broken
        }
        guard length <= UInt64(bytes.count - place) else { throw Self.broken }
        if field == Self.modelName || field == Self.modelVersion {
          guard tag & 7 == 2, length <= Self.nameByteLimit else { throw Self.broken }
          let text = String(decoding: bytes[place..<(place + Int(length))], as: UTF8.self)
          if field == Self.modelName { modelName = text } else { modelVersion = text }
        }
        place += Int(length)
        if let count = counts[field] {
          guard count < InferenceMessage.inputLimit else {
            throw ServingError.badRequest(
              "a request has at most \(InferenceMessage.inputLimit) inputs, outputs and raw contents each")
          }
          counts[field] = count + 1
        }
        if field == Self.rawContents { raw += Int(length) }
      }
      growingByteCount = bytes.count - raw
    }
  }

  private static func number(_ bytes: UnsafeRawBufferPointer, _ place: inout Int) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard place < bytes.count else { throw broken }
      let byte = bytes[place]
      place += 1
      value |= UInt64(byte & 127) << shift
      if byte < 128 { return value }
    }
    throw broken
  }

  package static var broken: ServingError {
    .badRequest("the request is no message of the Open Inference Protocol")
  }
}
