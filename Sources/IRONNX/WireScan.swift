import CONNXProto

/// A walk over protobuf's wire format, before anything is unpacked: protobuf-c recurses without a
/// limit, allocates as it goes and takes any bytes for text, so all of that is checked here first.
struct WireScan {
  private typealias Descriptor = UnsafePointer<ProtobufCMessageDescriptor>

  /// The bytes of protobuf-c's note on one field while it unpacks, and of the pointer to the field's value.
  private static let fieldByteCount = 64

  /// Fields that nothing in the model is found by, metadata's values among them: their bytes may be of any
  /// encoding, and are read with marks for those that are not UTF-8.
  private static let remarks: Set<String> = ["doc_string", "producer_name", "producer_version", "value"]

  private let bytes: UnsafeRawBufferPointer
  private var allocation = 0
  private let allocationLimit: Int

  /// - Returns: why the bytes must not be unpacked, or nil if they may.
  static func problem(
    in bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> String? {
    guard bytes.count <= ONNXLimits.messageByteCount else {
      return "\(bytes.count) bytes, where a message ends at 2 GB and larger weights lie beside it"
    }
    var scan = WireScan(bytes: bytes)
    return scan.message(0..<bytes.count, descriptor, depth: 0)
  }

  private init(bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
    allocationLimit = ONNXLimits.unpackingByteCount + 16 * bytes.count
  }

  private mutating func message(_ range: Range<Int>, _ descriptor: Descriptor, depth: Int) -> String? {
    guard depth <= ONNXLimits.nesting else { return "messages nested over \(ONNXLimits.nesting) deep" }
    allocation += Int(descriptor.pointee.sizeof_message)
    var seen: UInt64 = 0
    var position = range.lowerBound
    while position < range.upperBound {
      let start = position
      guard let key = varint(&position, end: range.upperBound), key >> 3 != 0, key >> 3 <= 0x1FFF_FFFF else {
        return "a field's number is damaged at byte \(start)"
      }
      allocation += Self.fieldByteCount
      guard allocation <= allocationLimit else { return "more small messages than a model would have" }
      let field = protobuf_c_message_descriptor_get_field(descriptor, UInt32(key >> 3))
      if let field, let problem = repetition(of: field, in: descriptor, &seen) {
        return "\(problem) at byte \(start)"
      }
      switch key & 7 {
      case 0:
        guard varint(&position, end: range.upperBound) != nil else {
          return "a number is cut off at byte \(start)"
        }
      case 1: position += 8
      case 5: position += 4
      case 2:
        guard let length = varint(&position, end: range.upperBound),
          length <= UInt64(range.upperBound - position)
        else {
          return depth == 0
            ? "a field at byte \(start) is longer than the file, which may be cut short"
            : "a field at byte \(start) is longer than what holds it"
        }
        let body = position..<(position + Int(length))
        position = body.upperBound
        if let field, let problem = content(body, of: field, depth: depth) { return problem }
      default: return "a field at byte \(start) has wire type \(key & 7)"
      }
      guard position <= range.upperBound else { return "a field at byte \(start) is cut off" }
    }
    return nil
  }

  /// A message or a choice that is stated twice: protobuf would merge the two, at quadratic cost, and
  /// nobody writes it.
  private func repetition(
    of field: UnsafePointer<ProtobufCFieldDescriptor>, in descriptor: Descriptor, _ seen: inout UInt64
  ) -> String? {
    let isChoice = field.pointee.flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0
    guard isChoice || field.pointee.type == PROTOBUF_C_TYPE_MESSAGE,
      field.pointee.label != PROTOBUF_C_LABEL_REPEATED, let fields = descriptor.pointee.fields
    else { return nil }
    let bit: UInt64 = 1 << (isChoice ? 63 : field - fields)
    defer { seen |= bit }
    return seen & bit == 0 ? nil : "the field \(String(cString: field.pointee.name)) occurs twice"
  }

  /// The fault inside a field that has a length.
  private mutating func content(
    _ body: Range<Int>, of field: UnsafePointer<ProtobufCFieldDescriptor>, depth: Int
  ) -> String? {
    switch field.pointee.type {
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let inner = field.pointee.descriptor else { return nil }
      return message(body, inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self), depth: depth + 1)
    case PROTOBUF_C_TYPE_STRING:
      let text = UnsafeRawBufferPointer(rebasing: bytes[body])
      let isRemark = Self.remarks.contains(String(cString: field.pointee.name))
      guard !text.contains(0), isRemark || String(validating: text, as: UTF8.self) != nil else {
        return "the \(String(cString: field.pointee.name)) at byte \(body.lowerBound) is not UTF-8 text"
      }
    default: break
    }
    return nil
  }

  private func varint(_ position: inout Int, end: Int) -> UInt64? {
    var result: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { return nil }
      let byte = bytes[position]
      position += 1
      result |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return result }
    }
    return nil
  }
}
