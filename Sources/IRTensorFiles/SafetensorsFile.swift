import Foundation
import IRFiles
import IRTensor

/// Hugging Face's `.safetensors`: a JSON header of names, types, shapes and offsets, then the bytes.
package enum SafetensorsFile {
  /// One tensor's entry of the header.
  private struct Entry: Codable {
    var dtype: String
    var shape: [Int]
    var dataOffsets: [Int]

    enum CodingKeys: String, CodingKey {
      case dtype, shape
      case dataOffsets = "data_offsets"
    }
  }

  /// The header's limit in the reference implementation.
  private static let headerByteCountLimit = 100_000_000

  private static let typeNames: [(ElementType, String)] = [
    (.float16, "F16"), (.bfloat16, "BF16"), (.float32, "F32"), (.float64, "F64"), (.int8, "I8"),
    (.int16, "I16"),
    (.int32, "I32"), (.int64, "I64"), (.uint8, "U8"), (.uint16, "U16"), (.uint32, "U32"), (.uint64, "U64"),
    (.bool, "BOOL"),
  ]

  /// The tensors in the order of their bytes, and the header's free text.
  /// - Throws: `TensorFileError` naming the file and the tensor.
  package static func read(
    _ path: String
  ) throws(TensorFileError) -> (tensors: [NamedTensor], metadata: [String: String]) {
    let data = try contents(of: path)
    func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }
    guard data.count >= 8 else { throw malformed("not a safetensors file") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= headerByteCountLimit, Int(length) <= data.count - 8 else {
      throw malformed("not a safetensors file, or the header of \(length) bytes is cut off")
    }
    let body = data.startIndex + 8 + Int(length)
    let header = data[(data.startIndex + 8)..<body]
    var metadata: [String: String] = [:]
    var entries: [String: Entry] = [:]
    do {
      let parts = try JSONDecoder().decode([String: Field].self, from: header)
      for (name, field) in parts {
        switch field {
        case .entry(let entry): entries[name] = entry
        case .metadata(let text):
          if name == "__metadata__" { metadata = text } else { throw CocoaError(.coderInvalidValue) }
        }
      }
    } catch { throw malformed("the header is not what safetensors prescribe") }
    var result: [NamedTensor] = []
    let ordered = entries.sorted {
      ($0.value.dataOffsets.first ?? 0, $0.key) < ($1.value.dataOffsets.first ?? 0, $1.key)
    }
    for (name, entry) in ordered {
      guard let type = typeNames.first(where: { $0.1 == entry.dtype })?.0 else {
        throw malformed("\(name) is of type \(entry.dtype), which is not supported")
      }
      let shape = Shape(entry.shape)
      guard entry.dataOffsets.count == 2, shape.rank <= 32, let count = shape.checkedElementCount,
        let (first, last) = Optional((entry.dataOffsets[0], entry.dataOffsets[1])), first >= 0, first <= last,
        last <= data.endIndex - body, count <= (last - first) / type.byteCount,
        count * type.byteCount == last - first
      else {
        throw malformed(
          "\(name): \(entry.dtype) \(shape) at \(entry.dataOffsets) of \(data.endIndex - body) bytes")
      }
      let tensor = Tensor(TensorType(type, shape)) { target in
        _ = data[(body + first)..<(body + last)].copyBytes(to: target)
      }
      result.append(NamedTensor(name, tensor))
    }
    return (result, metadata)
  }

  /// Writes tensors without gaps, in order.
  package static func write(
    _ tensors: [NamedTensor], metadata: [String: String] = [:], to path: String
  ) throws(TensorFileError) {
    var fields: [String: Field] = metadata.isEmpty ? [:] : ["__metadata__": .metadata(metadata)]
    var offset = 0
    for named in tensors {
      let end = offset + named.tensor.byteCount
      let typeName = typeNames.first { $0.0 == named.tensor.elementType }?.1 ?? ""
      let entry = Entry(dtype: typeName, shape: named.tensor.shape.extents, dataOffsets: [offset, end])
      guard fields.updateValue(.entry(entry), forKey: named.name) == nil else {
        throw .file(path: path, reason: "two tensors are named \(named.name)")
      }
      offset = end
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var header = try? encoder.encode(fields) else {
      throw .file(path: path, reason: "a name that JSON cannot hold")
    }
    header.append(contentsOf: [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8))
    try writeFile(path) { [header] (file) throws(FileError) in
      try file.write(littleEndian(UInt64(header.count)) + [UInt8](header))
      for named in tensors {
        try named.tensor.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
      }
    }
  }

  private enum Field: Codable {
    case entry(Entry)
    case metadata([String: String])

    init(from decoder: any Decoder) throws {
      if let entry = try? Entry(from: decoder) {
        self = .entry(entry)
      } else {
        self = .metadata(try [String: String](from: decoder))
      }
    }

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .entry(let entry): try entry.encode(to: encoder)
      case .metadata(let text): try text.encode(to: encoder)
      }
    }
  }
}
