import CONNXProto
import Glibc
import IRTensor

/// Memory of the protobuf-c messages of one model while it is packed; all freed together.
final class MessageMemory {
  private var blocks: [UnsafeMutableRawPointer] = []
  private var owners: [TensorStorage] = []
  /// The first text that could not be carried whole.
  private(set) var truncatedText: String?
  private var kept: [UnsafeMutablePointer<ProtobufCMessage>] = []

  deinit {
    for message in kept { protobuf_c_message_free_unpacked(message, nil) }
    for block in blocks { free(block) }
  }

  /// Keeps a tensor's bytes until the model is packed.
  func keep(_ storage: TensorStorage) { owners.append(storage) }

  func allocate<T>(_ count: Int, of _: T.Type) -> UnsafeMutablePointer<T> {
    guard let block = calloc(max(count, 1), MemoryLayout<T>.stride) else {
      preconditionFailure("out of memory")
    }
    blocks.append(block)
    return block.bindMemory(to: T.self, capacity: max(count, 1))
  }

  /// A message set to its defaults, then filled by `fill`.
  func message<T>(
    _ initialize: (UnsafeMutablePointer<T>?) -> Void, _ fill: (UnsafeMutablePointer<T>) -> Void
  ) -> UnsafeMutablePointer<T> {
    let pointer = allocate(1, of: T.self)
    initialize(pointer)
    fill(pointer)
    return pointer
  }

  func array<T: BitwiseCopyable>(_ elements: [T]) -> (Int, UnsafeMutablePointer<T>?) {
    guard !elements.isEmpty else { return (0, nil) }
    let start = allocate(elements.count, of: T.self)
    start.update(from: elements, count: elements.count)
    return (elements.count, start)
  }

  /// A repeated message field.
  func pointers<T>(_ elements: [UnsafeMutablePointer<T>]) -> (
    Int, UnsafeMutablePointer<UnsafeMutablePointer<T>?>?
  ) {
    guard !elements.isEmpty else { return (0, nil) }
    let start = allocate(elements.count, of: UnsafeMutablePointer<T>?.self)
    for (index, element) in elements.enumerated() { start[index] = element }
    return (elements.count, start)
  }

  /// A C string. A zero byte, which protobuf-c cannot carry, ends it and is remembered.
  func string(_ text: String) -> UnsafeMutablePointer<CChar> {
    var text = text
    return text.withUTF8 { utf8 in
      if truncatedText == nil, utf8.contains(0) { truncatedText = String(decoding: utf8, as: UTF8.self) }
      let start = allocate(utf8.count + 1, of: CChar.self)
      UnsafeMutableRawBufferPointer(start: start, count: utf8.count).copyMemory(
        from: UnsafeRawBufferPointer(utf8))
      return start
    }
  }

  /// A string field that is left out where it is empty.
  func optional(_ text: String) -> UnsafeMutablePointer<CChar>? { text.isEmpty ? nil : string(text) }

  func strings(_ texts: [String]) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) {
    pointers(texts.map { string($0) })
  }

  func binary(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let (count, start) = array(bytes)
    return ProtobufCBinaryData(len: count, data: start)
  }

  func properties(
    _ properties: [ONNXProperty]
  ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?) {
    pointers(
      properties.map { property in
        message(onnx__string_string_entry_proto__init) { p in
          p.pointee.key = string(property.key)
          p.pointee.value = string(property.value)
        }
      })
  }

  func versions(
    _ versions: [String: Int64]
  ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?) {
    pointers(
      versions.sorted { $0.key < $1.key }.map { domain, version in
        message(onnx__operator_set_id_proto__init) { p in
          p.pointee.domain = string(domain)
          p.pointee.has_version = 1
          p.pointee.version = version
        }
      })
  }

  /// Messages that were kept as bytes.
  func unpacked<T>(
    _ messages: [[UInt8]], as initialize: (UnsafeMutablePointer<T>?) -> Void
  ) -> (Int, UnsafeMutablePointer<UnsafeMutablePointer<T>?>?) {
    pointers(messages.compactMap { unpacked($0, as: initialize) })
  }

  func unpacked<T>(
    _ bytes: [UInt8], as initialize: (UnsafeMutablePointer<T>?) -> Void
  ) -> UnsafeMutablePointer<T>? {
    guard let raw = protobuf_c_message_unpack(descriptor(of: initialize), nil, bytes.count, bytes) else {
      return nil
    }
    kept.append(raw)
    return UnsafeMutableRawPointer(raw).assumingMemoryBound(to: T.self)
  }
}
