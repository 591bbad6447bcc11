import Foundation
import IRInference
import IRRequests
import ImageRestoration

/// One request of the Open Inference Protocol on its way through a model.
struct InferenceRun: Sendable {
  let model: String
  let message: InferenceMessage
  let binary: [Int: Data]
  let restoration: Restoration
  /// Holds results until they are on their way.
  let waiting: WaitingBytes

  private var hasPictures: Bool { message.inputs.contains { $0.datatype == "BYTES" } }

  /// - Throws: `ServingError`, the errors of models and pictures, `Control.End`, and what `write` throws.
  func run<R>(_ control: Control, _ write: (InferenceAnswer) throws -> R) throws -> R {
    try hasPictures ? restore(control, write) : compute(control, write)
  }

  private func isBinary(_ name: String) -> Bool {
    message.outputs?.first { $0.name == name }?.parameters?.wantsBinary
      ?? message.parameters?.allBinary ?? false
  }

  // MARK: Pictures

  private func restore<R>(_ control: Control, _ write: (InferenceAnswer) throws -> R) throws -> R {
    guard message.inputs.count == 1, let input = message.inputs.first else {
      throw ServingError.badRequest("pictures (BYTES) come as the only input")
    }
    let name = InferenceMessage.shown(input.name)
    guard let count = Shape(input.shape).checkedElementCount, count >= 1 else {
      throw ServingError.badRequest("\(name): the shape says no number of pictures")
    }
    let pictures: [Data]
    if let bytes = binary[0] {
      pictures = try PictureTensor.pictures(bytes, count: count)
    } else {
      let texts = input.data?.texts ?? []
      let decoded = texts.map { Data(base64Encoded: $0) }
      guard texts.count == count, count <= PictureTensor.countLimit, let all = decoded as? [Data] else {
        throw ServingError.badRequest(
          "\(name): 1 to \(PictureTensor.countLimit) pictures are expected, in base 64 or as binary data")
      }
      pictures = all
    }
    let wish = try wish()
    let own = try ports(control).outputs.first?.name ?? "output"
    let output = message.outputs?.first?.name ?? own
    guard output == own, message.outputs?.count ?? 1 == 1 else {
      throw ServingError.badRequest("\(InferenceMessage.shown(output)): no such output; it is \(own)")
    }
    var answer = InferenceAnswer(model: model, id: message.id, outputs: [])
    var results: [Data] = []
    let place = waiting.place(0)
    for picture in pictures {
      results.append(try restoration.run(picture, wish, control).bytes)
      answer.outputs = [(output, .pictures(results), isBinary(output))]
      try hold(answer, place)
    }
    return try withExtendedLifetime(place) { try write(answer) }
  }

  /// Takes place for the bytes of an answer while they are made.
  /// - Throws: `ServingError` where they are more than one answer may have, and where others have the place.
  private func hold(_ answer: InferenceAnswer, _ place: WaitingBytes.Place?) throws {
    let (need, limit) = (answer.makingByteCount, waiting.limit / 2)
    guard need <= limit else {
      throw ServingError(
        .contentTooLarge,
        "making the answer takes \(need) bytes, of \(limit) that one may take: ask for less at a time, or for binary "
          + "data (binary_data)")
    }
    guard let place, place.grow(to: need) else {
      throw waiting.noPlace
    }
  }

  /// The wish that the request's parameters state.
  private func wish() throws -> RestoreRequest {
    var parameters = [(name: "model", value: model)]
    if let strength = message.parameters?.strength { parameters.append(("strength", "\(strength)")) }
    if let format = message.parameters?.format { parameters.append(("format", format)) }
    if let quality = message.parameters?.quality { parameters.append(("quality", "\(quality)")) }
    return try RestoreRequest(parameters)
  }

  private func ports(_ control: Control) throws -> (inputs: [InferencePort], outputs: [InferencePort]) {
    let network = try restoration.store.network(model, control).model
    return (network.inputs, network.outputs)
  }

  // MARK: Tensors

  private func compute<R>(_ control: Control, _ write: (InferenceAnswer) throws -> R) throws -> R {
    let entry = try restoration.store.network(model, control)
    let network = entry.model
    var inputs: [String: Tensor] = [:]
    for (index, input) in message.inputs.enumerated() {
      guard inputs[input.name] == nil else {
        throw ServingError.badRequest("\(InferenceMessage.shown(input.name)) is there twice")
      }
      inputs[input.name] = try Tensor(input, binary: binary[index])
    }
    let known = network.outputs.map(\.name)
    let wanted = message.outputs.map { $0.map(\.name) }.flatMap { $0.isEmpty ? nil : $0 } ?? known
    for name in wanted where !known.contains(name) {
      throw ServingError.badRequest(
        "\(InferenceMessage.shown(name)): no such output; they are \(known.joined(separator: ", "))")
    }
    let need = try Self.translating {
      // A program that is there waits for no run.
      try entry.known { $0.preparedByteCount(inputs) } ?? entry.work(control) { try $0.prepare(inputs) }
    }
    // Results are copied once for their way out.
    let promise = try restoration.ledger.promise(2 * need, control)
    defer { restoration.store.settle(promise, entry) }
    let results = try Self.translating {
      try entry.work(control) { network in
        try restoration.computing.take(control) {
          do {
            return try network.run(inputs) { done, count in
              control.advance(Double(done) / Double(max(1, count)))
            }
          } catch RuntimeError.cancelled { throw control.end ?? .stopped }
        }
      }
    }
    let answer = InferenceAnswer(
      model: model, id: message.id,
      outputs: try wanted.map { name in
        guard let tensor = results[name] else {
          throw ServingError.unprocessable("the model gave no tensor \(name)")
        }
        return (name, .tensor(tensor), isBinary(name))
      })
    let place = waiting.place(0)
    try hold(answer, place)
    return try withExtendedLifetime(place) { try write(answer) }
  }

  /// Errors of inputs that do not fit the model are the client's.
  private static func translating<R>(_ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as Control.End { throw error } catch let error as ServingError {
      throw error
    } catch let error as RuntimeError {
      switch error {
      case .exceedsMemory: throw ServingError(.contentTooLarge, "\(error)")
      case .outOfMemory: throw ServingError.busy("\(error)")
      default: throw ServingError.badRequest("\(error)")
      }
    } catch { throw ServingError.badRequest("\(error)") }
  }
}
