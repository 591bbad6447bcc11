import Foundation
import IRTensor
import Testing

@testable import IRONNX

@Suite struct FileWritingTests {
  private let folder: FileFolder
  private let large = Tensor((0..<1500).map { Float($0) }, shape: [15, 100])
  private let other = Tensor((0..<400).map { Int64($0) }, shape: [400])
  private let small = Tensor([7] as [Float], shape: [1])

  init() throws { folder = try FileFolder() }

  private var model: ONNXModel {
    var model = ONNXModel()
    model.graph.name = "g"
    model.graph.initializers = [
      ONNXTensor(large, name: "large"), ONNXTensor(small, name: "small"), ONNXTensor(other, name: "other"),
    ]
    return model
  }

  private func expectTensors(_ path: String) throws {
    let read = try ONNXModel(contentsOf: path)
    #expect(
      try read.graph.initializers.map { (tensor) throws(ONNXError) in try tensor.tensor() } == [
        large, small, other,
      ])
  }

  @Test func inline() throws {
    try model.write(to: folder("m.onnx"))
    #expect(try folder.contents == ["m.onnx"])
    try expectTensors(folder("m.onnx"))
  }

  @Test func external() throws {
    try model.write(to: folder("m.onnx"), options: .init(isExternal: true))
    #expect(try folder.contents == ["m.onnx", "m.onnx.data"])
    try expectTensors(folder("m.onnx"))
    let unresolved = try readModel(Array(Data(contentsOf: URL(fileURLWithPath: folder("m.onnx")))))
    guard case .external(let entries) = unresolved.graph.initializers[2].data,
      case .bytes = unresolved.graph.initializers[1].data
    else {
      Issue.record("the wrong tensors are external")
      return
    }
    #expect(
      entries == [
        ONNXProperty("location", "m.onnx.data"), ONNXProperty("offset", "8192"),
        ONNXProperty("length", "3200"),
      ])
  }

  /// With the real limit of 2 GB in the place of 5,000 bytes.
  @Test func largeModelsBecomeExternalByThemselves() throws {
    var options = ONNXModel.WritingOptions()
    options.inlineByteCountLimit = 5000
    try model.write(to: folder("m.onnx"), options: options)
    #expect(try folder.contents == ["m.onnx", "m.onnx.data"])
    try expectTensors(folder("m.onnx"))
    options.inlineByteCountLimit = 20_000
    try model.write(to: folder("n.onnx"), options: options)
    #expect(try folder.contents == ["m.onnx", "m.onnx.data", "n.onnx"])
  }

  /// A model whose weights are mapped from the file that is being replaced.
  @Test func overItself() throws {
    try model.write(to: folder("m.onnx"), options: .init(isExternal: true))
    let read = try ONNXModel(contentsOf: folder("m.onnx"))
    try read.write(to: folder("m.onnx"), options: .init(isExternal: true))
    try expectTensors(folder("m.onnx"))
    #expect(try folder.contents == ["m.onnx", "m.onnx.data"])
  }

  @Test func failureLeavesWhatWasThere() throws {
    try model.write(to: folder("m.onnx"), options: .init(isExternal: true))
    var bad = model
    bad.graph.initializers[0] = ONNXTensor(small, name: "zero\0byte")
    let said = failure { () throws(ONNXError) in
      try bad.write(to: folder("m.onnx"), options: .init(isExternal: true))
    }
    #expect(said == "the model cannot be written: the text \"zero\\0byte\" holds a zero byte")
    #expect(try folder.contents == ["m.onnx", "m.onnx.data"])
    try expectTensors(folder("m.onnx"))
  }

  @Test func folderDoesNotExist() {
    let path = folder("none/m.onnx")
    #expect(
      failure { () throws(ONNXError) in try model.write(to: path) } == path + ": No such file or directory")
  }

  @Test func placeIsTakenByAFolder() throws {
    let path = folder("m.onnx")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(failure { () throws(ONNXError) in try model.write(to: path) } == path + ": Is a directory")
    #expect(try folder.contents == ["m.onnx"])
  }

  @Test func olderFileKeepsNothing() throws {
    try folder.write([UInt8](repeating: 1, count: 100_000), to: "m.onnx")
    try model.write(to: folder("m.onnx"))
    try expectTensors(folder("m.onnx"))
  }
}
