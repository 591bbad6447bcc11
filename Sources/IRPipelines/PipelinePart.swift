import CIRSystem
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// One of a pipeline's networks, bound to sizes when it runs.
struct PipelinePart: Sendable {
  let name: String
  let path: String
  let model: ONNXModel

  init(_ name: String, _ files: PipelineFiles) throws {
    self.name = name
    path = files.path(of: name)
    model = try files.model(name)
  }

  var inputNames: [String] { model.graphInputs.map(\.name) }

  /// Numbers of all weights; lists of integers, which shapes are computed with, are none.
  var parameterCount: Int {
    model.graph.initializers.reduce(0) { sum, weight in
      let isWeight =
        (ElementType(rawValue: weight.dataType)?.isFloatingPoint ?? false) && !weight.dims.isEmpty
      return sum + (isWeight ? (try? weight.tensor().type.shape.elementCount) ?? 0 : 0)
    }
  }

  /// The extents of an input, open ones nil; nil for an input that it does not have.
  func extents(of name: String) -> [Int?]? {
    guard let input = model.graphInputs.first(where: { $0.name == name }),
      case .tensor(_, let shape?) = input.type
    else { return nil }
    return shape.map { if case .fixed(let extent) = $0 { Int(extent) } else { nil } }
  }

  /// The network for inputs of these shapes.
  /// - Throws: `PipelineError.part` for an input that is not given, or has another shape; `ONNXError`.
  func graph(_ shapes: [String: Shape]) throws -> Graph {
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
    return graph
  }
}

/// The networks of a pipeline, compiled for the sizes at hand; not for several threads at once. One of them
/// at a time has memory to run in.
final class CompiledParts {
  let options: RuntimeOptions
  private var weights: [String: PackedWeights] = [:]
  private var programs: [(key: Key, program: Program)] = []
  private var current: (key: Key, part: PipelinePart, session: Session)?
  /// Programs of a few sizes: the search's and the picture's.
  private static let programLimit = 9
  /// More bytes of weights in memory than this are not kept while another network runs: a network that has
  /// them takes far longer than reading and packing them again.
  private static let keptByteCount = 1 << 25

  private struct Key: Hashable {
    var part: String
    var shapes: [String: Shape]
  }

  init(options: RuntimeOptions) { self.options = options }

  /// - Throws: `PipelineError.part`, `ONNXError`, `CompilerError`.
  func program(_ part: PipelinePart, _ shapes: [String: Shape]) throws -> Program {
    let key = Key(part: part.name, shapes: shapes)
    if let known = programs.first(where: { $0.key == key }) { return known.program }
    let packed = weights[part.name] ?? PackedWeights()
    weights[part.name] = packed
    let compiler = Compiler(
      threadCount: options.threadCount, weights: packed,
      memoryByteCount: options.memoryByteCount ?? AvailableMemory.byteCount, precision: options.precision)
    let program = try compiler.compile(part.graph(shapes))
    if programs.count == Self.programLimit { programs.removeFirst() }
    programs.append((key, program))
    return program
  }

  /// The type of one of a part's outputs.
  /// - Throws: as `program`, and `PipelineError.part` for an output that it does not have.
  func outputShape(_ name: String, of part: PipelinePart, _ shapes: [String: Shape]) throws -> Shape {
    let outputs = try program(part, shapes).outputs
    guard let port = outputs.first(where: { $0.name == name }) else {
      throw PipelineError.part(
        path: part.path,
        detail:
          "the output \(name) is missing; outputs are \(outputs.map(\.name).sorted().joined(separator: ", "))"
      )
    }
    return port.type.shape
  }

  /// Computes an output as float32, from inputs of any number type.
  /// - Throws: as `outputShape`, and `RuntimeError`.
  func output(_ name: String, of part: PipelinePart, _ inputs: [String: Tensor]) throws -> Tensor {
    let key = Key(part: part.name, shapes: inputs.mapValues(\.shape))
    if current?.key != key {
      if current?.part.name != part.name { release() }
      current = nil
      let program = try program(part, key.shapes)
      current = (key, part, try Session(program, options: options))
    }
    guard let session = current?.session else { preconditionFailure("a session was made") }
    var fitting: [String: Tensor] = [:]
    for port in session.program.inputs {
      fitting[port.name] = inputs[port.name]?.converted(to: port.type.elementType)
    }
    guard let output = try session.run(fitting)[name] else {
      throw PipelineError.part(path: part.path, detail: "the output \(name) is missing")
    }
    return output.converted(to: .float32)
  }

  /// Gives back the memory that the last network ran in, and what it read of its file.
  func release() {
    guard let part = current?.part else { return }
    if let program = current?.session.program, program.weightByteCount > Self.keptByteCount { forget(part) }
    current = nil
    part.model.releasePages()
    ir_give_back_freed()
  }

  /// Gives up the programs and the packed weights of a network that has run.
  func forget(_ part: PipelinePart) {
    weights[part.name] = nil
    programs.removeAll { $0.key.part == part.name }
  }
}
