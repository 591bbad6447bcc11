import Foundation
import IRInference
import SwiftProtobuf

extension InferenceMessage {
  /// The message of a call, and the bytes of each of its tensors.
  /// - Throws: `ServingError`.
  package static func read(message bytes: Data) throws -> (message: InferenceMessage, binary: [Int: Data]) {
    let request: Inference_ModelInferRequest
    do { request = try Inference_ModelInferRequest(serializedBytes: bytes) } catch {
      throw InferenceWire.broken
    }
    guard (1...inputLimit).contains(request.inputs.count) else {
      throw ServingError.badRequest("a request has 1 to \(inputLimit) inputs, not \(request.inputs.count)")
    }
    let raw = request.rawInputContents
    guard raw.isEmpty || raw.count == request.inputs.count else {
      throw ServingError.badRequest(
        "\(raw.count) raw contents for \(request.inputs.count) inputs: each has its own")
    }
    var binary: [Int: Data] = [:]
    for (index, input) in request.inputs.enumerated() {
      guard raw.isEmpty || !input.hasContents else {
        throw ServingError.badRequest("\(shown(input.name)) has contents beside raw ones")
      }
      binary[index] = try raw.isEmpty ? input.bytes() : raw[index]
    }
    let message = InferenceMessage(
      id: request.id.isEmpty ? nil : request.id, parameters: try Parameters(request.parameters),
      inputs: request.inputs.map { input in
        Input(
          name: input.name, shape: input.shape.map { Int($0) }, datatype: input.datatype, parameters: nil,
          data: nil)
      },
      outputs: request.outputs.isEmpty ? nil : request.outputs.map { Output(name: $0.name, parameters: nil) })
    return (message, binary)
  }
}

extension InferenceMessage.Parameters {
  /// All tensors of an answer are raw.
  fileprivate init(_ parameters: [String: Inference_InferParameter]) throws {
    self.init(allBinary: true)
    for (name, value) in parameters {
      switch (name, value.parameterChoice) {
      case ("strength", .doubleParam(let number)): strength = number
      case ("strength", .int64Param(let number)): strength = Double(number)
      case ("strength", .uint64Param(let number)): strength = Double(number)
      case ("format", .stringParam(let text)): format = text
      case ("quality", .int64Param(let number)): quality = Int(number)
      case ("quality", .uint64Param(let number)): quality = Int(clamping: number)
      case ("strength", _), ("format", _), ("quality", _):
        throw ServingError.badRequest("the parameter \(name) is of another type")
      default: break
      }
    }
  }
}

extension Inference_ModelInferRequest.InferInputTensor {
  /// The numbers of typed contents as the bytes of a raw tensor.
  /// - Throws: `ServingError` for numbers beyond the datatype, and contents of another one.
  fileprivate func bytes() throws -> Data {
    func all<T: BitwiseCopyable>(_ numbers: [T]) -> Data { numbers.withUnsafeBytes { Data($0) } }
    func narrowed<T: FixedWidthInteger & BitwiseCopyable>(
      _ numbers: [some FixedWidthInteger], _: T.Type
    ) throws -> Data {
      all(
        try numbers.map { number in
          guard let narrow = T(exactly: number) else {
            throw ServingError.badRequest("\(InferenceMessage.shown(name)): \(number) is no \(datatype)")
          }
          return narrow
        })
    }
    switch datatype {
    case "BOOL": return Data(contents.boolContents.map { UInt8($0 ? 1 : 0) })
    case "INT8": return try narrowed(contents.intContents, Int8.self)
    case "INT16": return try narrowed(contents.intContents, Int16.self)
    case "INT32": return all(contents.intContents)
    case "INT64": return all(contents.int64Contents)
    case "UINT8": return try narrowed(contents.uintContents, UInt8.self)
    case "UINT16": return try narrowed(contents.uintContents, UInt16.self)
    case "UINT32": return all(contents.uintContents)
    case "UINT64": return all(contents.uint64Contents)
    case "FP32": return all(contents.fp32Contents)
    case "FP64": return all(contents.fp64Contents)
    case "BYTES": return PictureTensor.bytes(contents.bytesContents)
    default:
      throw ServingError.badRequest(
        "\(InferenceMessage.shown(name)): \(RestoreRequest.shown(datatype)) has no typed contents; send raw ones"
      )
    }
  }
}
