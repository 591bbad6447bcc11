import Foundation
import IRTensor
import Testing

@testable import IRONNX

@Suite struct FileRoundTripTests {
  @Test func everyPartSurvives() throws {
    let bytes = try sampleModel().serialized()
    let model = try readModel(bytes)
    #expect(try model.serialized() == bytes)

    #expect(model.opsetImports == ["": 20, "ai.onnx.ml": 5])
    #expect(model.modelVersion == 0)
    #expect(model.metadata == [ONNXProperty("b", "1"), ONNXProperty("a", "2")])
    let function = try #require(model.functions.first)
    #expect(function.overload == "float" && function.attributeNames == ["alpha"])
    guard case .reference("alpha", 1) = function.nodes[0][attribute: "alpha"] else {
      Issue.record("the reference became \(String(describing: function.nodes[0].attributes))")
      return
    }
    let graph = model.graph
    #expect(graph.inputs[0].type == .tensor(elementType: 1, shape: [.fixed(1), .symbolic("H"), .unknown]))
    #expect(graph.inputs[0].denotation == "IMAGE")
    #expect(graph.inputs[0].dimensionDenotations == [1: "DATA_FEATURE"])
    #expect(graph.inputs[1].type == .sequence(.optional(.tensor(elementType: 7, shape: []))))
    #expect(graph.inputs[2].type == .map(keyType: 7, value: .opaque(domain: "d", name: "n")))
    #expect(graph.inputs[4].type == .none)
    let node = try #require(graph.nodes.first)
    #expect(node.inputs == ["x", "", "w"] && node.domain == "example" && node.overload == "o")
    #expect(node.attributes.map(\.name) == (0..<17).map { "a\($0)" })
    guard case .ints([-1, 0, .max]) = node[attribute: "a7"],
      case .string([0, 255, 10]) = node[attribute: "a2"],
      case .graph(let inner) = node[attribute: "a15"]
    else {
      Issue.record("attributes became others")
      return
    }
    #expect(inner.nodes[0].attributes.count == 15)
    #expect(try graph.initializers[0].tensor() == Tensor([1, -2, 3] as [Float], shape: [3]))
    #expect(try graph.initializers[1].tensor().shape == [0, 2])
  }

  @Test(arguments: ElementType.allCases)
  func tensorsOfEveryElementType(_ elementType: ElementType) throws {
    let tensor = Tensor(TensorType(elementType, [2, 3]), doubles: [0, 1, 2, 3, 1, 0])
    var model = ONNXModel()
    model.graph.initializers = [ONNXTensor(tensor, name: "t")]
    let read = try readModel(model.serialized())
    #expect(read.graph.initializers[0].dataType == elementType.rawValue)
    #expect(try read.graph.initializers[0].tensor() == tensor)
  }

  /// The typed fields of `TensorProto`, which hold small types in wider numbers.
  @Test(
    arguments: [
      (.int32, 5, [1, -2]), (.int16, 5, [1, -2]), (.int8, 5, [1, -2]), (.uint8, 5, [1, 254]),
      (.uint16, 5, [1, 65534]),
      (.bool, 5, [1, 0]), (.int64, 7, [1, .min]), (.uint64, 11, [1, -1]), (.uint32, 11, [1, 4_294_967_295]),
    ] as [(ElementType, UInt64, [Int64])])
  func typedIntegers(_ elementType: ElementType, _ field: UInt64, _ values: [Int64]) throws {
    let packed = FileBytes.tensor(elementType, count: 2).field(field, packed: values)
    #expect(try initializer(packed) == Tensor(TensorType(elementType, [2]), integers: values))
    let single = FileBytes.tensor(elementType, count: 2)
      .field(field, UInt64(bitPattern: values[0])).field(field, UInt64(bitPattern: values[1]))
    #expect(try initializer(single) == Tensor(TensorType(elementType, [2]), integers: values))
  }

  @Test func typedHalves() throws {
    let half = FileBytes.tensor(.float16, count: 2).field(5, packed: [0x3C00, 0xC000])
    #expect(try initializer(half).doubles == [1, -2])
    let brain = FileBytes.tensor(.bfloat16, count: 2).field(5, packed: [0x3F80, 0xC000])
    #expect(try initializer(brain).doubles == [1, -2])
  }

  @Test func typedFloats() throws {
    let single = [1.5, -2].flatMap { withUnsafeBytes(of: Float($0).bitPattern.littleEndian, Array.init) }
    #expect(try initializer(.tensor(.float32, count: 2).field(4, single)).doubles == [1.5, -2])
    let double = [1.5, -2].flatMap { withUnsafeBytes(of: $0.bitPattern.littleEndian, Array.init) }
    #expect(try initializer(.tensor(.float64, count: 2).field(10, double)).doubles == [1.5, -2])
  }

  @Test func booleansOfAnyByteAreOneOrZero() throws {
    #expect(try initializer(.tensor(.bool, count: 3).field(9, [0, 1, 255])).integers == [0, 1, 1])
  }

  @Test func stringsAreCarriedUnread() throws {
    let strings = FileBytes().field(1, packed: [2]).field(2, 8).field(6, [255, 0]).field(6, "a").field(8, "t")
    let model = try readModel(FileBytes.model(graphField: 5, strings).bytes)
    let again = try readModel(model.serialized())
    guard case .strings(let values) = again.graph.initializers[0].data else {
      Issue.record("the strings became others")
      return
    }
    #expect(values == [[255, 0], [65 + 32]])
    #expect(
      failure { () throws(ONNXError) in _ = try again.graph.initializers[0].tensor() }
        == "tensor t: element type string is not supported")
  }

  /// Parts that are kept as bytes: training information, device configurations, annotations.
  @Test func messagesKeptAsTheyWere() throws {
    let graph = FileBytes().field(2, "g").field(14, FileBytes().field(1, "w"))
      .field(1, FileBytes().field(4, "Add").field(10, FileBytes().field(1, "c").field(3, 2)))
    let bytes = FileBytes().field(1, 10).field(7, graph)
      .field(20, FileBytes().field(3, FileBytes().field(1, "k").field(2, "v")))
      .field(26, FileBytes().field(1, "two").field(2, 2).field(3, "d0")).bytes
    let model = try readModel(bytes)
    let again = try readModel(model.serialized())
    #expect(again.trainingInfos.count == 1 && again.trainingInfos == model.trainingInfos)
    #expect(again.configurations.count == 1 && again.configurations == model.configurations)
    #expect(again.graph.quantizationAnnotations.count == 1)
    #expect(again.graph.nodes[0].deviceConfigurations == model.graph.nodes[0].deviceConfigurations)
  }

  @Test func standardDomainHasOneName() throws {
    let node = FileBytes().field(4, "Add").field(7, "ai.onnx")
    let bytes = FileBytes.model(graphField: 1, node).field(8, FileBytes().field(1, "ai.onnx").field(2, 17))
      .bytes
    let model = try readModel(bytes)
    #expect(model.opset == 17 && model.graph.nodes[0].domain == "")
  }

  @Test func attributesWithoutTypeAreRecognized() throws {
    func value(_ attribute: FileBytes) throws -> ONNXAttribute? {
      let node = FileBytes().field(4, "Op").field(5, attribute.field(1, "a"))
      return try readModel(FileBytes.model(graphField: 1, node).bytes).graph.nodes[0][attribute: "a"]
    }
    guard case .int(5) = try value(FileBytes().field(3, 5)),
      case .string([120]) = try value(FileBytes().field(4, "x")),
      case .ints([1, 2]) = try value(FileBytes().field(8, 1).field(8, 2)),
      case .strings([[120]]) = try value(FileBytes().field(9, "x"))
    else {
      Issue.record("attributes became others")
      return
    }
  }

  /// Files of PyTorch's two exporters (Tests/Fixtures/exported).
  @Test(arguments: ["nafnet", "restormer", "symunet"], ["dynamo", "torchscript"])
  func exportedNetworks(_ network: String, _ exporter: String) throws {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let path = tests.appendingPathComponent("Fixtures/exported/\(network)-\(exporter)/model.onnx").path
    let model = try ONNXModel(contentsOf: path)
    #expect(model.producerName == "pytorch")
    #expect(model.opset == (exporter == "dynamo" ? 20 : 17))
    guard case .tensor(1, .some(let shape)) = model.graph.inputs[0].type, shape.count == 4 else {
      Issue.record("the input is a \(model.graph.inputs[0].type)")
      return
    }
    #expect(shape[1] == .fixed(3))
    for axis in 2..<4 {
      guard case .symbolic = shape[axis] else {
        Issue.record("axis \(axis) is \(shape[axis])")
        continue
      }
    }
    for initializer in model.graph.initializers { _ = try initializer.tensor() }
    let bytes = try model.serialized()
    #expect(try readModel(bytes).serialized() == bytes)
  }

  private func initializer(_ tensor: FileBytes) throws -> Tensor {
    try readModel(FileBytes.model(graphField: 5, tensor).bytes).graph.initializers[0].tensor()
  }
}
