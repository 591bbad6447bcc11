import CONNXProto
import IRTensor

// Each function fills one protobuf-c message from the value of the same name.
extension MessageMemory {
  func model(_ model: ONNXModel) -> UnsafeMutablePointer<Onnx__ModelProto> {
    message(onnx__model_proto__init) { p in
      p.pointee.has_ir_version = 1
      p.pointee.ir_version = model.irVersion
      (p.pointee.n_opset_import, p.pointee.opset_import) = versions(model.opsetImports)
      p.pointee.producer_name = optional(model.producerName)
      p.pointee.producer_version = optional(model.producerVersion)
      p.pointee.domain = optional(model.domain)
      if let version = model.modelVersion {
        p.pointee.has_model_version = 1
        p.pointee.model_version = version
      }
      p.pointee.doc_string = optional(model.docString)
      p.pointee.graph = graph(model.graph)
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(model.metadata)
      (p.pointee.n_functions, p.pointee.functions) = pointers(model.functions.map { function($0) })
      (p.pointee.n_training_info, p.pointee.training_info) = unpacked(
        model.trainingInfos, as: onnx__training_info_proto__init)
      (p.pointee.n_configuration, p.pointee.configuration) = unpacked(
        model.configurations, as: onnx__device_configuration_proto__init)
    }
  }

  func graph(_ graph: ONNXGraph) -> UnsafeMutablePointer<Onnx__GraphProto> {
    message(onnx__graph_proto__init) { p in
      p.pointee.name = string(graph.name)
      p.pointee.doc_string = optional(graph.docString)
      (p.pointee.n_input, p.pointee.input) = pointers(graph.inputs.map { valueInfo($0) })
      (p.pointee.n_output, p.pointee.output) = pointers(graph.outputs.map { valueInfo($0) })
      (p.pointee.n_value_info, p.pointee.value_info) = pointers(graph.valueInfos.map { valueInfo($0) })
      (p.pointee.n_initializer, p.pointee.initializer) = pointers(graph.initializers.map { tensor($0) })
      (p.pointee.n_sparse_initializer, p.pointee.sparse_initializer) = pointers(
        graph.sparseInitializers.map { sparseTensor($0) })
      (p.pointee.n_node, p.pointee.node) = pointers(graph.nodes.map { node($0) })
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(graph.metadata)
      (p.pointee.n_quantization_annotation, p.pointee.quantization_annotation) = unpacked(
        graph.quantizationAnnotations, as: onnx__tensor_annotation__init)
    }
  }

  func node(_ node: ONNXNode) -> UnsafeMutablePointer<Onnx__NodeProto> {
    message(onnx__node_proto__init) { p in
      (p.pointee.n_input, p.pointee.input) = strings(node.inputs)
      (p.pointee.n_output, p.pointee.output) = strings(node.outputs)
      p.pointee.name = optional(node.name)
      p.pointee.op_type = string(node.opType)
      p.pointee.domain = optional(node.domain)
      p.pointee.overload = optional(node.overload)
      p.pointee.doc_string = optional(node.docString)
      (p.pointee.n_attribute, p.pointee.attribute) = pointers(node.attributes.map { attribute($0) })
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(node.metadata)
      (p.pointee.n_device_configurations, p.pointee.device_configurations) = unpacked(
        node.deviceConfigurations, as: onnx__node_device_configuration_proto__init)
    }
  }

  func function(_ function: ONNXFunction) -> UnsafeMutablePointer<Onnx__FunctionProto> {
    message(onnx__function_proto__init) { p in
      p.pointee.name = string(function.name)
      p.pointee.domain = optional(function.domain)
      p.pointee.overload = optional(function.overload)
      p.pointee.doc_string = optional(function.docString)
      (p.pointee.n_input, p.pointee.input) = strings(function.inputs)
      (p.pointee.n_output, p.pointee.output) = strings(function.outputs)
      (p.pointee.n_attribute, p.pointee.attribute) = strings(function.attributeNames)
      (p.pointee.n_attribute_proto, p.pointee.attribute_proto) = pointers(
        function.attributeDefaults.map { attribute($0) })
      (p.pointee.n_node, p.pointee.node) = pointers(function.nodes.map { node($0) })
      (p.pointee.n_opset_import, p.pointee.opset_import) = versions(function.opsetImports)
      (p.pointee.n_value_info, p.pointee.value_info) = pointers(function.valueInfos.map { valueInfo($0) })
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(function.metadata)
    }
  }

  func valueInfo(_ info: ONNXValueInfo) -> UnsafeMutablePointer<Onnx__ValueInfoProto> {
    message(onnx__value_info_proto__init) { p in
      p.pointee.name = string(info.name)
      p.pointee.type = type(info.type)
      if !info.denotation.isEmpty, let type = p.pointee.type {
        type.pointee.denotation = string(info.denotation)
      }
      if !info.dimensionDenotations.isEmpty, let shape = shapeMessage(of: p.pointee.type) {
        for (index, dimension) in messages(shape.pointee.dim, shape.pointee.n_dim).enumerated() {
          dimension.pointee.denotation = info.dimensionDenotations[index].map { string($0) }
        }
      }
      p.pointee.doc_string = optional(info.docString)
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(info.metadata)
    }
  }

  func type(_ type: ONNXType) -> UnsafeMutablePointer<Onnx__TypeProto>? {
    if case .none = type { return nil }
    return message(onnx__type_proto__init) { p in
      switch type {
      case .none: break
      case .tensor(let elementType, let shape):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE
        p.pointee.tensor_type = message(onnx__type_proto__tensor__init) { t in
          t.pointee.has_elem_type = 1
          t.pointee.elem_type = elementType
          t.pointee.shape = shape.map { dimensions($0) }
        }
      case .sparseTensor(let elementType, let shape):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE
        p.pointee.sparse_tensor_type = message(onnx__type_proto__sparse_tensor__init) { t in
          t.pointee.has_elem_type = 1
          t.pointee.elem_type = elementType
          t.pointee.shape = shape.map { dimensions($0) }
        }
      case .sequence(let element):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE
        p.pointee.sequence_type = message(onnx__type_proto__sequence__init) { t in
          t.pointee.elem_type = self.type(element)
        }
      case .optional(let element):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE
        p.pointee.optional_type = message(onnx__type_proto__optional__init) { t in
          t.pointee.elem_type = self.type(element)
        }
      case .map(let keyType, let value):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_MAP_TYPE
        p.pointee.map_type = message(onnx__type_proto__map__init) { t in
          t.pointee.has_key_type = 1
          t.pointee.key_type = keyType
          t.pointee.value_type = self.type(value)
        }
      case .opaque(let domain, let name):
        p.pointee.value_case = ONNX__TYPE_PROTO__VALUE_OPAQUE_TYPE
        p.pointee.opaque_type = message(onnx__type_proto__opaque__init) { t in
          t.pointee.domain = optional(domain)
          t.pointee.name = optional(name)
        }
      }
    }
  }

  private func dimensions(_ shape: [ONNXDimension]) -> UnsafeMutablePointer<Onnx__TensorShapeProto> {
    message(onnx__tensor_shape_proto__init) { p in
      (p.pointee.n_dim, p.pointee.dim) = pointers(
        shape.map { dimension in
          message(onnx__tensor_shape_proto__dimension__init) { d in
            switch dimension {
            case .fixed(let extent):
              d.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
              d.pointee.dim_value = extent
            case .symbolic(let name):
              d.pointee.value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
              d.pointee.dim_param = string(name)
            case .unknown: break
            }
          }
        })
    }
  }

  func sparseTensor(_ sparse: ONNXSparseTensor) -> UnsafeMutablePointer<Onnx__SparseTensorProto> {
    message(onnx__sparse_tensor_proto__init) { p in
      p.pointee.values = tensor(sparse.values)
      p.pointee.indices = tensor(sparse.indices)
      (p.pointee.n_dims, p.pointee.dims) = array(sparse.dims)
    }
  }

  func tensor(_ tensor: ONNXTensor) -> UnsafeMutablePointer<Onnx__TensorProto> {
    if case .segment(let bytes) = tensor.data, let kept = unpacked(bytes, as: onnx__tensor_proto__init) {
      return kept
    }
    return message(onnx__tensor_proto__init) { p in
      p.pointee.name = optional(tensor.name)
      p.pointee.has_data_type = 1
      p.pointee.data_type = tensor.dataType
      (p.pointee.n_dims, p.pointee.dims) = array(tensor.dims)
      p.pointee.doc_string = optional(tensor.docString)
      (p.pointee.n_metadata_props, p.pointee.metadata_props) = properties(tensor.metadata)
      switch tensor.data {
      case .bytes(let storage, let byteCount):
        keep(storage)
        p.pointee.has_raw_data = 1
        p.pointee.raw_data = ProtobufCBinaryData(
          len: byteCount, data: storage.pointer.assumingMemoryBound(to: UInt8.self))
      case .strings(let strings):
        (p.pointee.n_string_data, p.pointee.string_data) = array(strings.map { binary($0) })
      case .int32s(let values): (p.pointee.n_int32_data, p.pointee.int32_data) = array(values)
      case .floats(let values): (p.pointee.n_float_data, p.pointee.float_data) = array(values)
      case .doubles(let values): (p.pointee.n_double_data, p.pointee.double_data) = array(values)
      case .external(let entries):
        p.pointee.has_data_location = 1
        p.pointee.data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL
        (p.pointee.n_external_data, p.pointee.external_data) = properties(entries)
      case .segment: break
      }
    }
  }

  func attribute(_ attribute: ONNXNamedAttribute) -> UnsafeMutablePointer<Onnx__AttributeProto> {
    message(onnx__attribute_proto__init) { p in
      p.pointee.name = string(attribute.name)
      p.pointee.doc_string = optional(attribute.docString)
      p.pointee.has_type = 1
      p.pointee.type = Onnx__AttributeProto__AttributeType(rawValue: attribute.value.typeNumber)
      fill(p, attribute.value)
    }
  }

  private func fill(_ p: UnsafeMutablePointer<Onnx__AttributeProto>, _ value: ONNXAttribute) {
    switch value {
    case .float(let value): (p.pointee.has_f, p.pointee.f) = (1, value)
    case .int(let value): (p.pointee.has_i, p.pointee.i) = (1, value)
    case .string(let value): (p.pointee.has_s, p.pointee.s) = (1, binary(value))
    case .tensor(let value): p.pointee.t = tensor(value)
    case .graph(let value): p.pointee.g = graph(value)
    case .sparseTensor(let value): p.pointee.sparse_tensor = sparseTensor(value)
    case .type(let value): p.pointee.tp = type(value)
    case .floats(let values): (p.pointee.n_floats, p.pointee.floats) = array(values)
    case .ints(let values): (p.pointee.n_ints, p.pointee.ints) = array(values)
    case .strings(let values): (p.pointee.n_strings, p.pointee.strings) = array(values.map { binary($0) })
    case .tensors(let values): (p.pointee.n_tensors, p.pointee.tensors) = pointers(values.map { tensor($0) })
    case .graphs(let values): (p.pointee.n_graphs, p.pointee.graphs) = pointers(values.map { graph($0) })
    case .sparseTensors(let values):
      (p.pointee.n_sparse_tensors, p.pointee.sparse_tensors) = pointers(values.map { sparseTensor($0) })
    case .types(let values):
      (p.pointee.n_type_protos, p.pointee.type_protos) = pointers(values.compactMap { type($0) })
    case .reference(let name, _): p.pointee.ref_attr_name = string(name)
    }
  }
}
