import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// One of a pipeline's networks, bound to sizes when it runs.
struct PipelinePart: Sendable {
  let path: String
  let model: ONNXModel

  init(_ name: String, _ files: PipelineFiles) throws {
    path = files.path(of: name)
    model = try files.model(name)
  }

  var inputNames: [String] { model.graphInputs.map(\.name) }

  /// The extents of an input, open ones nil; nil for an input that it does not have.
  func extents(of name: String) -> [Int?]? {
    guard let input = model.graphInputs.first(where: { $0.name == name }),
      case .tensor(_, let shape?) = input.type
    else { return nil }
    return shape.map { if case .fixed(let extent) = $0 { Int(extent) } else { nil } }
  }

  /// The network compiled for inputs of these shapes.
  /// - Throws: `PipelineError.part` for an input that is not given, or has another shape; `ONNXError`, `CompilerError`,
  ///   `RuntimeError`.
  func session(_ shapes: [String: Shape], _ options: RuntimeOptions) throws -> Session {
    var binding = ONNXBinding()
    for input in model.graphInputs {
      guard let wanted = shapes[input.name] else {
        throw PipelineError.part(
          path: path, detail: "the input \(input.name) is not one of \(shapes.keys.sorted())")
      }
      guard case .tensor(_, let shape?) = input.type, shape.count == wanted.rank else { continue }
      for axis in shape.indices {
        if let symbol = input.openDimension(axis) { binding.dimensions[symbol] = wanted[axis] }
      }
    }
    let graph = try ONNXImporter(model, path: path).graph(binding: binding)
    for id in graph.inputs {
      guard graph[id].type.shape == shapes[graph[id].name] else {
        throw PipelineError.part(
          path: path,
          detail: "\(graph[id].name) is \(graph[id].type.shape), the pipeline needs "
            + (shapes[graph[id].name].map { "\($0)" } ?? "none"))
      }
    }
    let compiler = Compiler(
      threadCount: options.threadCount, memoryByteCount: options.memoryByteCount ?? AvailableMemory.byteCount)
    return try Session(compiler.compile(graph), options: options)
  }
}

extension Session {
  /// An output of the program as float32, for inputs of any number type.
  /// - Throws: `PipelineError.part` for an output that it does not have, and what `run` throws.
  func output(_ name: String, _ inputs: [String: Tensor], of part: PipelinePart) throws -> Tensor {
    var fitting: [String: Tensor] = [:]
    for port in program.inputs {
      fitting[port.name] = inputs[port.name]?.converted(to: port.type.elementType)
    }
    let outputs = try run(fitting)
    guard let output = outputs[name] else {
      throw PipelineError.part(
        path: part.path,
        detail: "the output \(name) is missing; outputs are \(outputs.keys.sorted().joined(separator: ", "))")
    }
    return output.converted(to: .float32)
  }
}
