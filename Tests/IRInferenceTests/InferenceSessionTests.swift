import IRGraph
import IRONNX
import IROperators
import IRRuntime
import IRTensor
import IRTestSupport
import Synchronization
import Testing

@testable import IRInference

@Suite struct InferenceSessionTests {
  /// From a file's bytes, against the operators' definitions.
  @Test func computesWhatTheOperatorsMean() throws {
    let (graph, input) = try SkipNetwork.sample()
    let bytes = try ONNXModel(graph, opset: ONNXModel.writableOpsets.upperBound).serialized()
    let session = try bytes.withUnsafeBytes { try InferenceSession(bytes: $0) }
    let name = try #require(session.inputs.first?.name)
    let expected = try GraphInterpreter(graph).run([name: input])
    let outputs = try session.run([name: input])
    #expect(outputs.keys.sorted() == expected.keys.sorted())
    for (name, tensor) in expected {
      expectClose(outputs[name], tensor, .ofRange(1e-5), name)
    }
  }

  /// A program that was compiled ahead is the one that runs, and comes again after its memory was given back.
  @Test func programsAreCompiledAheadAndDropped() throws {
    let (graph, input) = try SkipNetwork.sample()
    let session = InferenceSession(try ONNXModel(graph, opset: ONNXModel.writableOpsets.upperBound))
    let name = try #require(session.inputs.first?.name)
    #expect(session.keptByteCount == 0 && session.preparedByteCount([name: input]) == nil)
    let byteCount = try session.prepare([name: input])
    var none: Profile?
    let first = try session.run([name: input], profile: &none)
    #expect(first.program.byteCount == byteCount && session.keptByteCount > 0)
    #expect(session.dropPrograms() && session.keptByteCount == 0)
    #expect(try session.run([name: input]) == first.outputs)
    #expect(throws: RuntimeError.self) { try session.prepare([:]) }
  }

  /// The need of a program that was compiled is known while a run is under way, and after its memory was
  /// given back; other types and other values that decide shapes have needs of their own.
  @Test func needsAreKnownWithoutWaiting() throws {
    let (graph, input) = try SkipNetwork.sample()
    let session = InferenceSession(try ONNXModel(graph, opset: ONNXModel.writableOpsets.upperBound))
    let name = try #require(session.inputs.first?.name)
    let byteCount = try session.prepare([name: input])
    let seen = Mutex<[Int?]>([])
    _ = try session.run(
      [name: input],
      monitor: { _, _ in
        seen.withLock { $0.append(session.preparedByteCount([name: input])) }
        return true
      })
    #expect(Set(seen.withLock { $0 }) == [byteCount])
    #expect(session.dropPrograms() && session.preparedByteCount([name: input]) == byteCount)
    #expect(
      session.preparedByteCount([name: Tensor(scalar: 1)]) == nil && session.preparedByteCount([:]) == nil)
    let x = Tensor([Float](repeating: 1, count: 6), shape: [6])
    let reshape = Self.session(
      Self.reshape.model.graph.nodes, Self.reshape.model.graph.inputs, [Self.float("y", nil)])
    let shapes = [[2, 3], [3, 2]].map { Tensor($0 as [Int64], shape: [2]) }
    _ = try reshape.prepare(["x": x, "shape": shapes[0]])
    #expect(reshape.preparedByteCount(["x": x, "shape": shapes[0]]) != nil)
    #expect(reshape.preparedByteCount(["x": x, "shape": shapes[1]]) == nil)
  }

  private static func session(_ nodes: [ONNXNode], _ inputs: [ONNXValueInfo], _ outputs: [ONNXValueInfo])
    -> InferenceSession
  {
    var model = ONNXModel()
    model.opsetImports = ["": 20]
    (model.graph.nodes, model.graph.inputs, model.graph.outputs) = (nodes, inputs, outputs)
    return InferenceSession(model)
  }

  private static func float(_ name: String, _ shape: [ONNXDimension]?) -> ONNXValueInfo {
    ONNXValueInfo(name, .tensor(elementType: 1, shape: shape))
  }

  private static let reshape = session(
    [ONNXNode("Reshape", inputs: ["x", "shape"], outputs: ["y"])],
    [
      float("x", [.fixed(6)]), ONNXValueInfo("shape", .tensor(elementType: 7, shape: [.fixed(2)])),
    ], [float("y", nil)])

  /// A program is compiled for the values of a shape: another value of the same type is another program.
  @Test func tellsValuesThatDecideShapesApart() throws {
    let x = Tensor([0, 1, 2, 3, 4, 5] as [Float], shape: [6])
    for shape: [Int64] in [[2, 3], [3, 2], [2, 3], [6, 1]] {
      let y = try #require(try Self.reshape.run(["x": x, "shape": Tensor(shape, shape: [2])])["y"])
      #expect(y.shape.extents == shape.map { Int($0) } && y.floats == x.floats)
    }
  }

  /// The caller's memory may change between runs, also that of a value which became a constant.
  @Test func keepsNoBorrowedMemory() throws {
    let memory = UnsafeMutablePointer<Int64>.allocate(capacity: 2)
    defer { memory.deallocate() }
    let x = Tensor([Float](repeating: 1, count: 6), shape: [6])
    for extents: (Int64, Int64) in [(1, 6), (6, 1), (1, 6)] {
      (memory[0], memory[1]) = extents
      let shape = Tensor(
        TensorType(.int64, [2]), storage: TensorStorage(borrowing: memory, byteCount: 16, release: { _ in }))
      let y = try #require(try Self.reshape.run(["x": x, "shape": shape])["y"])
      #expect(y.shape == [Int(extents.0), Int(extents.1)])
    }
  }

  @Test func refusesUnknownAndMissingInputs() throws {
    let error = #expect(throws: ONNXError.self) { try Self.reshape.run(["z": Tensor(scalar: 1)]) }
    #expect("\(try #require(error))".contains("it takes shape, x"))
    let missing = #expect(throws: RuntimeError.self) {
      try Self.reshape.run(["shape": Tensor([2, 3] as [Int64], shape: [2])])
    }
    #expect("\(try #require(missing))" == "input x is missing")
  }

  @Test func statesWhatTheModelDeclares() {
    let session = Self.session(
      [], [Self.float("x", [.fixed(1), .symbolic("height"), .unknown])],
      [ONNXValueInfo("s", .sequence(.tensor(elementType: 7, shape: nil)))])
    let (input, output) = (session.inputs[0], session.outputs[0])
    #expect(input.typeText == "tensor(float)" && input.kind == .tensor)
    #expect(input.extents == [1, nil, nil] && input.symbols == ["", "height", ""])
    #expect(output.typeText == "seq(tensor(int64))" && output.kind == .sequence && output.extents == nil)
  }

  /// A monitor sees every step, and the run that it ends leaves the session as it was.
  @Test func endsBetweenSteps() throws {
    let (graph, input) = try SkipNetwork.sample()
    let model = try ONNXModel(graph, opset: ONNXModel.writableOpsets.upperBound)
    let seen = Mutex<[Int]>([])
    let session = InferenceSession(
      model,
      options: RuntimeOptions(monitor: { done, _ in
        // A long step is told again.
        seen.withLock { if $0.last != done { $0.append(done) } }
        return true
      }))
    let name = try #require(session.inputs.first?.name)
    let whole = try session.run([name: input])
    let stepCount = seen.withLock { $0.count }
    #expect(seen.withLock { $0 } == Array(0..<stepCount) && stepCount > 1)
    seen.withLock { $0 = [] }
    let error = #expect(throws: RuntimeError.self) {
      try session.run([name: input], monitor: { done, count in count == stepCount && done < 1 })
    }
    if case .cancelled = error {} else { Issue.record("\(String(describing: error))") }
    #expect(seen.withLock { $0 } == [0, 1])
    #expect(try session.run([name: input]) == whole)
  }

  @Test func threadsTakeTurns() async throws {
    let x = (0..<8).map { Tensor([Float](repeating: Float($0), count: 6), shape: [6]) }
    let shapes: [[Int64]] = [[2, 3], [3, 2], [6, 1]]
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<24 {
        group.addTask {
          let shape = shapes[index % 3]
          let y = try Self.reshape.run(["x": x[index % 8], "shape": Tensor(shape, shape: [2])])["y"]
          return y?.shape.extents == shape.map { Int($0) } && y?.floats == x[index % 8].floats
        }
      }
      for try await isRight in group { #expect(isRight) }
    }
  }
}
