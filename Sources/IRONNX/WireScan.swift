import CONNXProto

/// A walk over protobuf's wire format, before anything is unpacked: protobuf-c recurses without a
/// limit and allocates as it goes, so depth and cost are bounded here first.
struct WireScan {
  private let bytes: UnsafeRawBufferPointer
  private var allocation = 0
  private let allocationLimit: Int

  /// - Returns: why the bytes must not be unpacked, or nil where they may.
  static func problem(
    in bytes: UnsafeRawBufferPointer, as descriptor: UnsafePointer<ProtobufCMessageDescriptor>
  ) -> String? {
    var scan = WireScan(bytes: bytes, allocationLimit: ONNXLimits.messageByteCount + 4 * bytes.count)
    return scan.message(0..<bytes.count, descriptor, depth: 0)
  }

  private init(bytes: UnsafeRawBufferPointer, allocationLimit: Int) {
    self.bytes = bytes
    self.allocationLimit = allocationLimit
  }

  private mutating func message(
    _ range: Range<Int>, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, depth: Int
  ) -> String? {
    guard depth <= ONNXLimits.nesting else { return "messages nested over \(ONNXLimits.nesting) deep" }
    allocation += Int(descriptor.pointee.sizeof_message) + 16
    guard allocation <= allocationLimit else { return "more small messages than a model would have" }
    var position = range.lowerBound
    while position < range.upperBound {
      let start = position
      guard let key = varint(&position, end: range.upperBound), key >> 3 != 0, key >> 3 <= 0x1FFF_FFFF else {
        return "a field's number is damaged at byte \(start)"
      }
      switch key & 7 {
      case 0:
        guard varint(&position, end: range.upperBound) != nil else { return "a number is cut off at byte \(start)" }
      case 1: position += 8
      case 5: position += 4
      case 2:
        guard let length = varint(&position, end: range.upperBound),
          length <= UInt64(range.upperBound - position)
        else { return "a field at byte \(start) is longer than the file" }
        let body = position..<(position + Int(length))
        position = body.upperBound
        let field = protobuf_c_message_descriptor_get_field(descriptor, UInt32(key >> 3))
        if let field, field.pointee.type == PROTOBUF_C_TYPE_MESSAGE, let inner = field.pointee.descriptor {
          let nested = inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
          if let problem = message(body, nested, depth: depth + 1) { return problem }
        }
      default: return "a field at byte \(start) has wire type \(key & 7)"
      }
      guard position <= range.upperBound else { return "a field at byte \(start) is cut off" }
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
