import Foundation
import HTTPTypes
import Hummingbird
import IRInference
import IRRequests
import NIOCore

/// The answer to a request of the Open Inference Protocol.
struct InferenceAnswer: Sendable {
  enum Content: Sendable {
    case tensor(Tensor)
    case pictures([Data])

    /// Bytes that it has as binary data.
    var byteCount: Int {
      switch self {
      case .tensor(let tensor): tensor.shape.elementCount * tensor.type.elementType.byteCount
      case .pictures(let pictures): pictures.reduce(0) { $0 + PictureTensor.lengthByteCount + $1.count }
      }
    }

    fileprivate func write(to buffer: inout ByteBuffer) {
      switch self {
      case .tensor(let tensor): tensor.withUnsafeBytes { _ = buffer.writeBytes($0) }
      case .pictures(let pictures):
        for picture in pictures {
          buffer.writeInteger(UInt32(truncatingIfNeeded: picture.count), endianness: .little)
          buffer.writeBytes(picture)
        }
      }
    }
  }

  /// An answer as it is sent, and how many of its bytes are JSON where others follow.
  typealias Bytes = (bytes: ByteBuffer, headerLength: Int?)

  var model: String
  var id: String?
  var outputs: [(name: String, content: Content, isBinary: Bool)]

  /// Bytes that a number takes while it becomes JSON.
  static let numberGrowth = 128
  /// Bytes that a byte of a picture takes while it becomes JSON.
  static let pictureGrowth = 10

  /// Bytes that making the answer takes, beside tensors that are sent as they are.
  var makingByteCount: Int {
    outputs.reduce(0) { sum, output in
      switch output.content {
      case .tensor(let tensor):
        sum + (output.isBinary ? 0 : Self.numberGrowth * tensor.shape.elementCount)
      case .pictures(let pictures):
        sum + (output.isBinary ? 3 : Self.pictureGrowth) * pictures.reduce(0) { $0 + $1.count }
      }
    }
  }

  private struct Header: Encodable {
    struct Parameters: Encodable {
      var binarySize: Int

      enum CodingKeys: String, CodingKey { case binarySize = "binary_data_size" }
    }

    struct Output: Encodable {
      var name: String
      var datatype: String
      var shape: [Int]
      var parameters: Parameters?
      var data: Values?
    }

    enum Values: Encodable {
      case numbers([Double])
      case truths([Bool])
      case texts([String])

      func encode(to encoder: any Encoder) throws {
        switch self {
        case .numbers(let values): try values.encode(to: encoder)
        case .truths(let values): try values.encode(to: encoder)
        case .texts(let values): try values.encode(to: encoder)
        }
      }
    }

    var modelName: String
    var modelVersion = "1"
    var id: String?
    var outputs: [Output]

    enum CodingKeys: String, CodingKey {
      case id, outputs
      case modelName = "model_name"
      case modelVersion = "model_version"
    }
  }

  /// JSON, and behind it the outputs that were asked for as bytes.
  func bytes() throws -> Bytes {
    var header = Header(modelName: model, id: id, outputs: [])
    for (name, content, isBinary) in outputs {
      var output: Header.Output
      switch content {
      case .tensor(let tensor):
        output = Header.Output(
          name: name, datatype: tensor.type.elementType.inferenceName, shape: tensor.shape.extents)
        if !isBinary {
          guard let numbers = tensor.inferenceNumbers else {
            throw ServingError.badRequest("\(name) is \(output.datatype), which goes as binary data alone")
          }
          output.data =
            tensor.type.elementType == .bool ? .truths(numbers.map { $0 != 0 }) : .numbers(numbers)
        }
      case .pictures(let pictures):
        output = Header.Output(name: name, datatype: "BYTES", shape: [pictures.count])
        if !isBinary { output.data = .texts(pictures.map { $0.base64EncodedString() }) }
      }
      if isBinary { output.parameters = Header.Parameters(binarySize: content.byteCount) }
      header.outputs.append(output)
    }
    let json = try Answers.text(header)
    let binary = outputs.filter(\.isBinary).map(\.content)
    let byteCount = binary.reduce(0) { $0 + $1.byteCount }
    // Each tensor is copied once on its way out.
    var bytes = ByteBufferAllocator().buffer(capacity: json.utf8.count + byteCount)
    bytes.writeString(json)
    for content in binary { content.write(to: &bytes) }
    return (bytes, byteCount == 0 ? nil : json.utf8.count)
  }
}
