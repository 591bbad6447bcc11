extension ONNXError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file(let path, let reason): return "\(path): \(reason)"
    case .notAModel(let path, let reason): return "\(path): not an ONNX model: \(reason)"
    case .externalData(let path, let tensor, let reason):
      return "\(path): external data of tensor \(tensor): \(reason)"
    case .tensor(let name, let detail): return "tensor \(name.isEmpty ? "(unnamed)" : name): \(detail)"
    case .unboundValues(let inputs):
      return "shapes depend on the values of \(inputs.joined(separator: ", ")): "
        + "run the model on tensors (.npz), so that the values are known at import"
    case .unboundDimensions(let names):
      return "the sizes \(names.joined(separator: ", ")) have no value: state them"
    case .unsupported(let path, let problems):
      let head = "\(path): \(problems.count) problem\(problems.count == 1 ? "" : "s") in the model"
      return ([head] + problems.map { "  \($0)" }).joined(separator: "\n")
    case .notSerializable(let reason): return "the model cannot be written: \(reason)"
    case .notExpressible(let node, let name, let detail):
      return "\(node) (\(name)) cannot be written as ONNX: \(detail)"
    }
  }
}

extension ONNXProblem: CustomStringConvertible {
  public var description: String {
    let name = domain.isEmpty ? operatorType : "\(domain).\(operatorType)"
    let nodes = count == 1 ? "node \(firstNode)" : "\(count) nodes, first \(firstNode)"
    return "\(name) (opset \(opset); \(nodes)): \(advice)"
  }
}
