import CONNXProto

/// Owns an unpacked protobuf-c message.
struct ProtobufMessage<Message>: ~Copyable {
  let pointer: UnsafeMutablePointer<Message>

  /// Unpacks `bytes` after they were found safe to unpack.
  /// - Returns: nil and the reason where they are not such a message.
  static func unpack(
    _ bytes: UnsafeRawBufferPointer, as initialize: (UnsafeMutablePointer<Message>?) -> Void
  ) -> Result<Self, Reason> {
    let descriptor = descriptor(of: initialize)
    if let problem = WireScan.problem(in: bytes, as: descriptor) { return .failure(Reason(text: problem)) }
    guard
      let raw = protobuf_c_message_unpack(
        descriptor, nil, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    else { return .failure(Reason(text: "its fields are not a model's")) }
    return .success(Self(pointer: UnsafeMutableRawPointer(raw).assumingMemoryBound(to: Message.self)))
  }

  struct Reason: Error { var text: String }

  deinit {
    protobuf_c_message_free_unpacked(
      UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: ProtobufCMessage.self), nil)
  }
}

/// protobuf-c's description of a message type, as its initializer leaves it in the message.
func descriptor<Message>(
  of initialize: (UnsafeMutablePointer<Message>?) -> Void
) -> UnsafePointer<ProtobufCMessageDescriptor> {
  let message = UnsafeMutablePointer<Message>.allocate(capacity: 1)
  defer { message.deallocate() }
  initialize(message)
  return UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self).pointee.descriptor
}

/// The size of a message's serialized bytes.
func packedByteCount<Message>(_ message: UnsafePointer<Message>) -> Int {
  protobuf_c_message_get_packed_size(UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self))
}

/// The serialized bytes of any message.
func packed<Message>(_ message: UnsafePointer<Message>) -> [UInt8] {
  let base = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
  let count = protobuf_c_message_get_packed_size(base)
  return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    initialized = protobuf_c_message_pack(base, buffer.baseAddress)
  }
}

func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
  pointer.map { String(cString: $0) } ?? ""
}

func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
  Array(UnsafeBufferPointer(start: data.data, count: data.len))
}

/// The elements of a repeated field.
func list<T>(_ start: UnsafeMutablePointer<T>?, _ count: Int) -> UnsafeBufferPointer<T> {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : count)
}

/// The messages of a repeated message field.
func messages<T>(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?, _ count: Int
) -> [UnsafeMutablePointer<T>] {
  list(start, count).compactMap { $0 }
}

func strings(_ start: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
  list(start, count).map { text($0) }
}
