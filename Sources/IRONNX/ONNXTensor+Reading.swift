import CONNXProto
import Glibc
import IRTensor

extension ONNXTensor {
  /// Takes the raw bytes over from the message where there are any, so that they are not copied.
  init(_ pointer: UnsafeMutablePointer<Onnx__TensorProto>) {
    let proto = pointer.pointee
    self.init(
      name: text(proto.name), dataType: proto.data_type, dims: Array(list(proto.dims, proto.n_dims)),
      data: Self.data(pointer))
    docString = text(proto.doc_string)
    metadata = messages(proto.metadata_props, proto.n_metadata_props)
      .map { ONNXProperty(text($0.pointee.key), text($0.pointee.value)) }
  }

  private static func data(_ pointer: UnsafeMutablePointer<Onnx__TensorProto>) -> Data {
    let proto = pointer.pointee
    if proto.segment != nil { return .segment(packed(pointer)) }
    if proto.has_data_location != 0, proto.data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL {
      return .external(
        messages(proto.external_data, proto.n_external_data)
          .map { ONNXProperty(text($0.pointee.key), text($0.pointee.value)) })
    }
    if proto.has_raw_data != 0, proto.raw_data.len > 0, let start = proto.raw_data.data {
      pointer.pointee.raw_data = ProtobufCBinaryData(len: 0, data: nil)
      let storage = TensorStorage(borrowing: start, byteCount: proto.raw_data.len) { free($0) }
      return .bytes(storage, byteCount: proto.raw_data.len)
    }
    if proto.data_type == 8 {
      return .strings(list(proto.string_data, proto.n_string_data).map { bytes($0) })
    }
    guard let elementType = ElementType(rawValue: proto.data_type) else {
      if proto.n_float_data > 0 { return .floats(Array(list(proto.float_data, proto.n_float_data))) }
      if proto.n_double_data > 0 { return .doubles(Array(list(proto.double_data, proto.n_double_data))) }
      if proto.n_int32_data > 0 { return .int32s(Array(list(proto.int32_data, proto.n_int32_data))) }
      return .bytes(TensorStorage(byteCount: 0), byteCount: 0)
    }
    switch elementType {
    case .float32: return copy(list(proto.float_data, proto.n_float_data))
    case .float64: return copy(list(proto.double_data, proto.n_double_data))
    case .int64: return copy(list(proto.int64_data, proto.n_int64_data))
    case .uint64: return copy(list(proto.uint64_data, proto.n_uint64_data))
    case .uint32: return copy(list(proto.uint64_data, proto.n_uint64_data)) { UInt32(truncatingIfNeeded: $0) }
    case .int32: return copy(list(proto.int32_data, proto.n_int32_data))
    case .int16, .uint16, .float16, .bfloat16:
      return copy(list(proto.int32_data, proto.n_int32_data)) { UInt16(truncatingIfNeeded: $0) }
    case .int8, .uint8:
      return copy(list(proto.int32_data, proto.n_int32_data)) { UInt8(truncatingIfNeeded: $0) }
    case .bool: return copy(list(proto.int32_data, proto.n_int32_data)) { $0 != 0 ? UInt8(1) : 0 }
    }
  }

  private static func copy<T: BitwiseCopyable>(_ elements: UnsafeBufferPointer<T>) -> Data {
    copy(elements) { $0 }
  }

  private static func copy<T, U: BitwiseCopyable>(
    _ elements: UnsafeBufferPointer<T>, _ convert: (T) -> U
  ) -> Data {
    let byteCount = elements.count * MemoryLayout<U>.stride
    let storage = TensorStorage(byteCount: byteCount)
    let target = storage.pointer.bindMemory(to: U.self, capacity: elements.count)
    for index in elements.indices { target[index] = convert(elements[index]) }
    return .bytes(storage, byteCount: byteCount)
  }
}
