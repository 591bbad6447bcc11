import IRTensor

extension ONNXModel {
  /// The model with every value and constant of float16 or bfloat16 as float32: it computes the same with
  /// fewer roundings, by kernels that halves have none of. A model that only stores weights as halves stays
  /// as it is.
  package func computingInFloat32() -> ONNXModel {
    guard computesInHalves else { return self }
    var model = self
    model.graph = graph.computingInFloat32()
    for index in functions.indices {
      model.functions[index].nodes = functions[index].nodes.map { $0.computingInFloat32() }
      model.functions[index].attributeDefaults = functions[index].attributeDefaults.map {
        $0.computingInFloat32()
      }
      model.functions[index].valueInfos = []
    }
    return model
  }

  private var computesInHalves: Bool {
    func isHalf(_ info: ONNXValueInfo) -> Bool {
      if case .tensor(let type, _) = info.type { Half.types.contains(type) } else { false }
    }
    return (graph.inputs + graph.outputs).contains(where: isHalf) || graph.castsToHalves
      || functions.contains { $0.nodes.contains { $0.castsToHalves } }
  }
}

private enum Half {
  static let types: Set<Int32> = [ElementType.float16.rawValue, ElementType.bfloat16.rawValue]
  static let single = ElementType.float32.rawValue
  /// Attributes that name an element type.
  static let attributes: Set<String> = ["to", "dtype", "output_dtype", "output_datatype"]

  static func widened(_ type: Int32) -> Int32 { types.contains(type) ? single : type }
}

extension ONNXGraph {
  fileprivate var castsToHalves: Bool { nodes.contains { $0.castsToHalves } }

  fileprivate func computingInFloat32() -> ONNXGraph {
    var graph = self
    graph.inputs = inputs.map { $0.computingInFloat32() }
    graph.outputs = outputs.map { $0.computingInFloat32() }
    graph.valueInfos = []
    graph.initializers = initializers.map { $0.computingInFloat32() }
    graph.nodes = nodes.map { $0.computingInFloat32() }
    return graph
  }
}

extension ONNXNode {
  fileprivate var castsToHalves: Bool {
    attributes.contains { attribute in
      switch attribute.value {
      case .int(let type):
        opType == "Cast" && attribute.name == "to" && Half.types.contains(Int32(clamping: type))
      case .graph(let graph): graph.castsToHalves
      case .graphs(let graphs): graphs.contains { $0.castsToHalves }
      default: false
      }
    }
  }

  fileprivate func computingInFloat32() -> ONNXNode {
    var node = self
    node.attributes = attributes.map { $0.computingInFloat32() }
    return node
  }
}

extension ONNXNamedAttribute {
  fileprivate func computingInFloat32() -> ONNXNamedAttribute {
    var result = self
    switch value {
    case .int(let type) where Half.attributes.contains(name):
      result.value = .int(Int64(Half.widened(Int32(clamping: type))))
    case .tensor(let tensor): result.value = .tensor(tensor.computingInFloat32())
    case .graph(let graph): result.value = .graph(graph.computingInFloat32())
    case .graphs(let graphs): result.value = .graphs(graphs.map { $0.computingInFloat32() })
    default: break
    }
    return result
  }
}

extension ONNXTensor {
  /// A damaged tensor stays, for the importer to refuse.
  fileprivate func computingInFloat32() -> ONNXTensor {
    guard Half.types.contains(dataType), let tensor = try? tensor() else { return self }
    return ONNXTensor(tensor.converted(to: .float32), name: name)
  }
}

extension ONNXValueInfo {
  fileprivate func computingInFloat32() -> ONNXValueInfo {
    var info = self
    info.type = type.computingInFloat32()
    return info
  }
}

extension ONNXType {
  fileprivate func computingInFloat32() -> ONNXType {
    switch self {
    case .tensor(let type, let shape): .tensor(elementType: Half.widened(type), shape: shape)
    case .sequence(let type): .sequence(type.computingInFloat32())
    case .optional(let type): .optional(type.computingInFloat32())
    default: self
    }
  }
}
