import Foundation
import IRInference

extension ElementType {
  /// The protocol's name.
  package var inferenceName: String {
    switch self {
    case .float32: "FP32"
    case .float64: "FP64"
    case .float16: "FP16"
    case .bfloat16: "BF16"
    case .bool: "BOOL"
    default: description.uppercased()
    }
  }

  package init?(inferenceName: String) {
    guard let type = Self.allCases.first(where: { $0.inferenceName == inferenceName }) else { return nil }
    self = type
  }
}

extension Tensor {
  /// The tensor of an input: binary, or numbers in JSON.
  /// - Throws: `ServingError` where shape, type and data do not fit each other.
  package init(_ input: InferenceMessage.Input, binary: Data?) throws {
    let name = InferenceMessage.shown(input.name)
    guard let elementType = ElementType(inferenceName: input.datatype) else {
      throw ServingError.badRequest(
        "\(name): the datatype \(RestoreRequest.shown(input.datatype)) is not known")
    }
    let shape = Shape(input.shape)
    guard shape.rank <= 16, let count = shape.checkedElementCount else {
      throw ServingError.badRequest("\(name): \(RestoreRequest.shown("\(shape)")) is no shape of a tensor")
    }
    let type = TensorType(elementType, shape)
    guard let binary else {
      guard let data = input.data else { throw ServingError.badRequest("\(name) has no data") }
      guard elementType != .float16, elementType != .bfloat16 else {
        throw ServingError.badRequest("\(name): \(input.datatype) comes as binary data alone")
      }
      guard data.texts.isEmpty, data.numbers.count == count else {
        throw ServingError.badRequest(
          "\(name): \(data.numbers.count) numbers for a shape of \(count) elements")
      }
      if elementType.isFloatingPoint {
        self.init(type, doubles: data.numbers)
      } else {
        let integers = data.numbers.map { Int64(exactly: $0) }
        guard let all = integers as? [Int64] else {
          throw ServingError.badRequest("\(name): not all of its data are whole numbers")
        }
        self.init(type, integers: all)
      }
      return
    }
    let (byteCount, isTooLarge) = count.multipliedReportingOverflow(by: elementType.byteCount)
    guard !isTooLarge, byteCount == binary.count else {
      throw ServingError.badRequest(
        "\(name): \(binary.count) bytes for a shape of \(count) elements of \(elementType.byteCount)")
    }
    self.init(type) { target in binary.withUnsafeBytes { target.copyMemory(from: $0) } }
  }

  /// The bytes as they go over the wire.
  package var inferenceBytes: Data { withUnsafeBytes { Data($0) } }

  /// Numbers for JSON; nil for types that are binary alone.
  package var inferenceNumbers: [Double]? {
    func all<T: BitwiseCopyable>(_: T.Type, _ number: (T) -> Double) -> [Double] {
      withElements(as: T.self) { $0.map(number) }
    }
    switch type.elementType {
    case .float32: return all(Float.self) { Double($0) }
    case .float64: return all(Double.self) { $0 }
    case .uint8, .bool: return all(UInt8.self) { Double($0) }
    case .int8: return all(Int8.self) { Double($0) }
    case .uint16: return all(UInt16.self) { Double($0) }
    case .int16: return all(Int16.self) { Double($0) }
    case .uint32: return all(UInt32.self) { Double($0) }
    case .int32: return all(Int32.self) { Double($0) }
    case .uint64: return all(UInt64.self) { Double($0) }
    case .int64: return all(Int64.self) { Double($0) }
    case .float16, .bfloat16: return nil
    }
  }
}

/// Pictures in a tensor of the datatype BYTES: each a length of four bytes, the lowest first, and its file.
package enum PictureTensor {
  package static let countLimit = 64
  package static let lengthByteCount = 4

  /// - Throws: `ServingError` where the bytes are no such pictures.
  package static func pictures(_ bytes: Data, count: Int) throws -> [Data] {
    guard (1...countLimit).contains(count) else {
      throw ServingError.badRequest("1 to \(countLimit) pictures are taken at a time, not \(count)")
    }
    let bytes = Data(bytes)
    var pictures: [Data] = []
    var place = 0
    for _ in 0..<count {
      guard bytes.count - place >= 4 else { throw cut }
      let size = (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
      guard size <= bytes.count - place - 4 else { throw cut }
      pictures.append(Data(bytes[(place + 4)..<(place + 4 + size)]))
      place += 4 + size
    }
    guard place == bytes.count else { throw cut }
    return pictures
  }

  package static func bytes(_ pictures: [Data]) -> Data {
    pictures.reduce(into: Data()) { bytes, picture in
      for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: picture.count >> shift)) }
      bytes += picture
    }
  }

  private static var cut: ServingError {
    .badRequest("the lengths of a tensor of BYTES do not add up to its data")
  }
}
