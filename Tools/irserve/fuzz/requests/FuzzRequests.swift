import Foundation
import FuzzDriver
import IRInference

@testable import IRRequests

/// Any bytes as a request of a stranger; the first one says of which kind. A refusal must be a short
/// sentence.
private func fuzzRequest(_ start: UnsafePointer<UInt8>, _ count: Int) {
  guard count > 0 else { return }
  let rest = Data(bytes: start + 1, count: count - 1)
  do {
    switch UnicodeScalar(start[0]) {
    case "j": try read(try InferenceMessage.read(rest, headerLength: nil))
    case "b": try readBinary(rest)
    case "g":
      let wire = try InferenceWire(rest)
      precondition((0...rest.count).contains(wire.growingByteCount))
      try read(try InferenceMessage.read(message: rest))
    case "m": try readForm(rest)
    case "q": _ = try RestoreRequest(query(rest))
    default: break
    }
  } catch let error as ServingError {
    precondition(!error.sentence.isEmpty && error.sentence.utf8.count < 4096, "a refusal without a sentence")
    precondition((400..<500).contains(error.status.code), "a fault of the server")
  } catch { preconditionFailure("\(error)") }
}

/// Two bytes of a stated length, and a body.
private func readBinary(_ bytes: Data) throws {
  guard bytes.count >= 2 else { return }
  let length = Int(bytes[0]) | Int(bytes[1]) << 8
  try read(try InferenceMessage.read(bytes.dropFirst(2), headerLength: length))
}

/// The tensors and pictures of a message.
private func read(_ request: (message: InferenceMessage, binary: [Int: Data])) throws {
  for (index, input) in request.message.inputs.enumerated() {
    let bytes = request.binary[index]
    if input.datatype == "BYTES" {
      guard let bytes else { continue }
      let pictures = try PictureTensor.pictures(bytes, count: input.shape.first ?? 1)
      precondition(PictureTensor.bytes(pictures) == bytes, "pictures are not their bytes")
    } else {
      let tensor = try Tensor(input, binary: bytes)
      if let bytes { precondition(tensor.inferenceBytes == bytes, "a tensor is not its bytes") }
      _ = tensor.inferenceNumbers
    }
  }
}

/// A line with the content type, and the form.
private func readForm(_ bytes: Data) throws {
  let end = bytes.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
  guard let boundary = Multipart.boundary(of: String(decoding: bytes[..<end], as: UTF8.self)) else { return }
  let body = bytes[end...].dropFirst()
  let parts = try Multipart.parts(of: body, boundary: boundary)
  precondition(parts.reduce(0) { $0 + $1.bytes.count } <= body.count, "parts are more than their form")
  _ = try RestoreRequest(
    parts.filter { $0.fileName == nil }.map { ($0.name, String(decoding: $0.bytes, as: UTF8.self)) })
}

/// Names and values as a query has them.
private func query(_ bytes: Data) -> [(name: String, value: String)] {
  String(decoding: bytes, as: UTF8.self).split(separator: "&").map { pair in
    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      .map { $0.removingPercentEncoding ?? String($0) }
    return (parts[0], parts.count > 1 ? parts[1] : "")
  }
}

@_cdecl("fuzz_requests_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  runFuzzer(count, arguments) {
    fuzzRequest($0, $1)
    return 0
  }
}
