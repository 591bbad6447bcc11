import CONNXProto
import Glibc
import IRTensor

extension ONNXModel {
  /// Reads a model and maps its external data.
  /// - Throws: `ONNXError` naming the file if it cannot be read, is not a model, or points at data
  ///   that it must not.
  public init(contentsOf path: String) throws(ONNXError) {
    let file = try MappedFile(path: path)
    try self.init(
      bytes: UnsafeRawBufferPointer(start: file.storage.pointer, count: file.byteCount), path: path)
    var directory = ExternalDataDirectory(modelPath: path)
    try resolveExternalData { (tensor, properties) throws(ONNXError) in
      try directory.data(for: tensor, properties)
    }
  }

  /// Reads a model from memory; `path` is its name in errors. External data stay unresolved.
  public init(bytes: UnsafeRawBufferPointer, path: String = "model") throws(ONNXError) {
    guard bytes.count > 0 else { throw .notAModel(path: path, reason: "the file is empty") }
    let result: Result<ProtobufMessage<Onnx__ModelProto>, ProtobufMessage<Onnx__ModelProto>.Reason> =
      ProtobufMessage.unpack(bytes, as: onnx__model_proto__init)
    switch consume result {
    case .failure(let reason):
      throw .notAModel(path: path, reason: ForeignFile.advice(on: bytes) ?? reason.text)
    case .success(let message):
      guard message.pointer.pointee.graph != nil else {
        throw .notAModel(path: path, reason: ForeignFile.advice(on: bytes) ?? "it holds no graph")
      }
      self.init(message.pointer.pointee)
    }
  }

  private init(_ proto: Onnx__ModelProto) {
    self.init()
    irVersion = proto.has_ir_version != 0 ? proto.ir_version : 0
    opsetImports = versions(proto.opset_import, proto.n_opset_import)
    producerName = text(proto.producer_name)
    producerVersion = text(proto.producer_version)
    domain = text(proto.domain)
    modelVersion = proto.has_model_version != 0 ? proto.model_version : nil
    docString = text(proto.doc_string)
    metadata = properties(proto.metadata_props, proto.n_metadata_props)
    if let inner = proto.graph { graph = ONNXGraph(inner.pointee) }
    functions = messages(proto.functions, proto.n_functions).map { ONNXFunction($0.pointee) }
    trainingInfos = messages(proto.training_info, proto.n_training_info).map { packed($0) }
    configurations = messages(proto.configuration, proto.n_configuration).map { packed($0) }
  }
}

/// Reads one serialized tensor, as ONNX's test data hold them.
extension ONNXTensor {
  package init(contentsOf path: String) throws(ONNXError) {
    let file = try MappedFile(path: path)
    let bytes = UnsafeRawBufferPointer(start: file.storage.pointer, count: file.byteCount)
    let result: Result<ProtobufMessage<Onnx__TensorProto>, ProtobufMessage<Onnx__TensorProto>.Reason> =
      ProtobufMessage.unpack(bytes, as: onnx__tensor_proto__init)
    switch consume result {
    case .failure(let reason): throw .notAModel(path: path, reason: reason.text)
    case .success(let message): self.init(message.pointer)
    }
  }
}

private func properties(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?, _ count: Int
) -> [ONNXProperty] {
  messages(start, count).map { ONNXProperty(text($0.pointee.key), text($0.pointee.value)) }
}

private func versions(
  _ start: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?, _ count: Int
) -> [String: Int64] {
  var result: [String: Int64] = [:]
  for entry in messages(start, count) {
    let domain = text(entry.pointee.domain)
    result[domain == "ai.onnx" ? "" : domain] = entry.pointee.version
  }
  return result
}

extension ONNXGraph {
  init(_ proto: Onnx__GraphProto) {
    self.init()
    name = text(proto.name)
    docString = text(proto.doc_string)
    inputs = messages(proto.input, proto.n_input).map { ONNXValueInfo($0.pointee) }
    outputs = messages(proto.output, proto.n_output).map { ONNXValueInfo($0.pointee) }
    valueInfos = messages(proto.value_info, proto.n_value_info).map { ONNXValueInfo($0.pointee) }
    initializers = messages(proto.initializer, proto.n_initializer).map { ONNXTensor($0) }
    sparseInitializers = messages(proto.sparse_initializer, proto.n_sparse_initializer)
      .compactMap { ONNXSparseTensor($0.pointee) }
    nodes = messages(proto.node, proto.n_node).map { ONNXNode($0.pointee) }
    metadata = properties(proto.metadata_props, proto.n_metadata_props)
    quantizationAnnotations = messages(proto.quantization_annotation, proto.n_quantization_annotation)
      .map { packed($0) }
  }
}

extension ONNXNode {
  init(_ proto: Onnx__NodeProto) {
    self.init(
      text(proto.op_type), inputs: strings(proto.input, proto.n_input),
      outputs: strings(proto.output, proto.n_output))
    name = text(proto.name)
    domain = text(proto.domain) == "ai.onnx" ? "" : text(proto.domain)
    overload = text(proto.overload)
    docString = text(proto.doc_string)
    attributes = messages(proto.attribute, proto.n_attribute).map { ONNXNamedAttribute($0.pointee) }
    metadata = properties(proto.metadata_props, proto.n_metadata_props)
    deviceConfigurations = messages(proto.device_configurations, proto.n_device_configurations)
      .map { packed($0) }
  }
}

extension ONNXFunction {
  init(_ proto: Onnx__FunctionProto) {
    self.init()
    name = text(proto.name)
    domain = text(proto.domain)
    overload = text(proto.overload)
    docString = text(proto.doc_string)
    inputs = strings(proto.input, proto.n_input)
    outputs = strings(proto.output, proto.n_output)
    attributeNames = strings(proto.attribute, proto.n_attribute)
    attributeDefaults = messages(proto.attribute_proto, proto.n_attribute_proto)
      .map { ONNXNamedAttribute($0.pointee) }
    nodes = messages(proto.node, proto.n_node).map { ONNXNode($0.pointee) }
    opsetImports = versions(proto.opset_import, proto.n_opset_import)
    valueInfos = messages(proto.value_info, proto.n_value_info).map { ONNXValueInfo($0.pointee) }
    metadata = properties(proto.metadata_props, proto.n_metadata_props)
  }
}

extension ONNXValueInfo {
  init(_ proto: Onnx__ValueInfoProto) {
    self.init(text(proto.name), ONNXType(proto.type))
    denotation = text(proto.type?.pointee.denotation)
    if let shape = shapeMessage(of: proto.type) {
      for (index, dimension) in messages(shape.pointee.dim, shape.pointee.n_dim).enumerated() {
        if let name = dimension.pointee.denotation, name.pointee != 0 {
          dimensionDenotations[index] = text(name)
        }
      }
    }
    docString = text(proto.doc_string)
    metadata = properties(proto.metadata_props, proto.n_metadata_props)
  }
}

/// The shape that a (sparse) tensor's type states.
func shapeMessage(of type: UnsafeMutablePointer<Onnx__TypeProto>?) -> UnsafeMutablePointer<
  Onnx__TensorShapeProto
>? {
  switch type?.pointee.value_case {
  case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE: type?.pointee.tensor_type?.pointee.shape
  case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE: type?.pointee.sparse_tensor_type?.pointee.shape
  default: nil
  }
}

extension ONNXType {
  init(_ proto: UnsafeMutablePointer<Onnx__TypeProto>?) {
    guard let type = proto?.pointee else { self = .none; return }
    switch type.value_case {
    case ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE:
      let tensor = type.tensor_type.pointee
      self = .tensor(elementType: tensor.elem_type, shape: dimensions(tensor.shape))
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
      let tensor = type.sparse_tensor_type.pointee
      self = .sparseTensor(elementType: tensor.elem_type, shape: dimensions(tensor.shape))
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
      self = .sequence(ONNXType(type.sequence_type.pointee.elem_type))
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
      self = .optional(ONNXType(type.optional_type.pointee.elem_type))
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
      self = .map(keyType: type.map_type.pointee.key_type, value: ONNXType(type.map_type.pointee.value_type))
    case ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE:
      self = .opaque(domain: text(type.opaque_type.pointee.domain), name: text(type.opaque_type.pointee.name))
    default: self = .none
    }
  }
}

private func dimensions(_ shape: UnsafeMutablePointer<Onnx__TensorShapeProto>?) -> [ONNXDimension]? {
  guard let shape else { return nil }
  return messages(shape.pointee.dim, shape.pointee.n_dim).map { dimension in
    switch dimension.pointee.value_case {
    case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE: .fixed(dimension.pointee.dim_value)
    case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM: .symbolic(text(dimension.pointee.dim_param))
    default: .unknown
    }
  }
}

extension ONNXSparseTensor {
  init?(_ proto: Onnx__SparseTensorProto) {
    guard let values = proto.values, let indices = proto.indices else { return nil }
    self.init(
      values: ONNXTensor(values), indices: ONNXTensor(indices), dims: Array(list(proto.dims, proto.n_dims)))
  }
}

extension ONNXNamedAttribute {
  init(_ proto: Onnx__AttributeProto) {
    self.init(text(proto.name), ONNXAttribute(proto))
    docString = text(proto.doc_string)
  }
}

extension ONNXAttribute {
  init(_ p: Onnx__AttributeProto) {
    let type = p.has_type != 0 ? p.type.rawValue : Self.impliedType(of: p)
    if let name = p.ref_attr_name, name.pointee != 0 {
      self = .reference(text(name), type: Int32(bitPattern: UInt32(type)))
      return
    }
    switch type {
    case 1: self = .float(p.f)
    case 2: self = .int(p.i)
    case 3: self = .string(bytes(p.s))
    case 4: self = p.t.map { .tensor(ONNXTensor($0)) } ?? .tensors([])
    case 5: self = p.g.map { .graph(ONNXGraph($0.pointee)) } ?? .graphs([])
    case 6: self = .floats(Array(list(p.floats, p.n_floats)))
    case 7: self = .ints(Array(list(p.ints, p.n_ints)))
    case 8: self = .strings(list(p.strings, p.n_strings).map { bytes($0) })
    case 9: self = .tensors(messages(p.tensors, p.n_tensors).map { ONNXTensor($0) })
    case 10: self = .graphs(messages(p.graphs, p.n_graphs).map { ONNXGraph($0.pointee) })
    case 11:
      self =
        p.sparse_tensor.flatMap { ONNXSparseTensor($0.pointee) }.map { .sparseTensor($0) }
        ?? .sparseTensors([])
    case 12:
      self = .sparseTensors(
        messages(p.sparse_tensors, p.n_sparse_tensors).compactMap { ONNXSparseTensor($0.pointee) })
    case 13: self = .type(ONNXType(p.tp))
    case 14: self = .types(messages(p.type_protos, p.n_type_protos).map { ONNXType($0) })
    default: self = .ints(Array(list(p.ints, p.n_ints)))
    }
  }

  /// Files older than the `type` field: the field that is set tells.
  private static func impliedType(of p: Onnx__AttributeProto) -> UInt32 {
    if p.has_f != 0 { return 1 }
    if p.has_i != 0 { return 2 }
    if p.has_s != 0 { return 3 }
    if p.t != nil { return 4 }
    if p.g != nil { return 5 }
    if p.sparse_tensor != nil { return 11 }
    if p.tp != nil { return 13 }
    if p.n_floats > 0 { return 6 }
    if p.n_strings > 0 { return 8 }
    if p.n_tensors > 0 { return 9 }
    if p.n_graphs > 0 { return 10 }
    if p.n_sparse_tensors > 0 { return 12 }
    return p.n_type_protos > 0 ? 14 : 7
  }
}
