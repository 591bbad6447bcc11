import IRTensor

extension ONNXModel {
  /// The model with its large float32 weights stored as float16, half the bytes, and cast back to float32
  /// where they are used: runtimes do that once. Weights that float16 cannot hold (beyond ±65504) and those
  /// of fewer than `threshold` elements stay.
  /// - Returns: the model, and how many weights were changed.
  package func storingHalfWeights(threshold: Int = 64) -> (model: ONNXModel, count: Int) {
    var model = self
    let inputs = Set(graph.inputs.map(\.name))
    let outputs = Set(graph.outputs.map(\.name))
    var taken = Set(graph.initializers.map(\.name)).union(inputs)
    for node in graph.nodes { taken.formUnion(node.outputs) }
    var casts: [ONNXNode] = []
    for index in graph.initializers.indices {
      let initializer = graph.initializers[index]
      guard initializer.dataType == ElementType.float32.rawValue, !inputs.contains(initializer.name),
        !outputs.contains(initializer.name), let tensor = try? initializer.tensor(),
        tensor.elementCount >= threshold
      else { continue }
      let fits = tensor.withElements(as: Float.self) { $0.allSatisfy { $0.magnitude <= 65504 } }
      guard fits else { continue }
      var name = initializer.name + ".f16"
      while !taken.insert(name).inserted { name += "_" }
      model.graph.initializers[index] = ONNXTensor(tensor.converted(to: .float16), name: name)
      var cast = ONNXNode("Cast", inputs: [name], outputs: [initializer.name])
      cast.name = "\(name).cast"
      cast.attributes = [ONNXNamedAttribute("to", .int(Int64(ElementType.float32.rawValue)))]
      casts.append(cast)
    }
    model.graph.nodes = casts + graph.nodes
    return (model, casts.count)
  }
}
