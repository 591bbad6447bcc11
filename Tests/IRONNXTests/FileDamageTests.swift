import Foundation
import IRTensor
import Testing

@testable import IRONNX

@Suite struct FileDamageTests {
  /// Whatever happens to a file's bytes, reading it throws or gives a model that can be used.
  @Test(arguments: 0..<8)
  func mutatedBytesNeverTrap(_ seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let original = try sampleModel().serialized()
    var accepted = 0
    for _ in 0..<500 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let position = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 2: bytes.remove(at: position)
        case 3: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
        default:
          let end = Int.random(in: position..<bytes.count, using: &generator)
          bytes.insert(contentsOf: Array(bytes[position...end].prefix(64)), at: position)
        }
      }
      if use(bytes) { accepted += 1 }
    }
    #expect(accepted < 500, "every mutation was accepted")
  }

  @Test func everyTruncationThrows() throws {
    let original = try sampleModel().serialized()
    for count in stride(from: 0, to: original.count, by: 3) { _ = use(Array(original.prefix(count))) }
    let graphStart = try #require(original.firstIndex(of: 7 << 3 | 2))
    for count in stride(from: graphStart + 1, to: graphStart + 200, by: 7) {
      #expect(throws: ONNXError.self) { try readModel(Array(original.prefix(count))) }
    }
  }

  /// Reads, reads every tensor, writes, reads again.
  private func use(_ bytes: [UInt8]) -> Bool {
    do throws(ONNXError) {
      var model = try readModel(bytes)
      try model.forEachTensor { (tensor) throws(ONNXError) in
        do throws(ONNXError) { _ = try tensor.tensor() } catch { #expect(!"\(error)".isEmpty) }
      }
      let again = try model.serialized()
      #expect(try readModel(again).serialized() == again)
      return true
    } catch {
      #expect(!"\(error)".isEmpty)
      return false
    }
  }

  @Test(arguments: [
    ("", "x.onnx: not an ONNX model: the file is empty"),
    ("\u{89}PNG\r\n\u{1A}\n\0\0\0\rIHDR", "x.onnx: not an ONNX model: "),
    ("<!DOCTYPE html><html><body>Not found</body></html>", "x.onnx: not an ONNX model: a web page"),
    ("\n <HTML lang=de>", "x.onnx: not an ONNX model: a web page"),
    (
      "version https://git-lfs.github.com/spec/v1\noid sha256:00",
      "x.onnx: not an ONNX model: a Git LFS pointer"
    ),
    ("PK\u{3}\u{4}\u{14}\0\0\0archive/data.pkl\u{80}\u{2}", "x.onnx: not an ONNX model: weights of PyTorch"),
    ("PK\u{3}\u{4}\u{14}\0\0\0readme.txt", "x.onnx: not an ONNX model: a zip archive"),
    ("\u{80}\u{2}\u{8A}\nl\u{FC}", "x.onnx: not an ONNX model: a Python pickle"),
    ("\u{8}\0\0\0\0\0\0\0{\"a\":{}}", "x.onnx: not an ONNX model: weights without a network (safetensors)"),
    ("7767517\n3 3\nInput data 0 1 data\n", "x.onnx: not an ONNX model: a network of ncnn"),
    ("\u{18}\0\0\0ORTM\0\0", "x.onnx: not an ONNX model: a file of ONNX Runtime's own format"),
    ("\u{1C}\0\0\0TFL3", "x.onnx: not an ONNX model: a TensorFlow Lite model"),
    ("PK", "x.onnx: not an ONNX model: "), ("{", "x.onnx: not an ONNX model: "),
    ("\u{08}\u{0A}", "x.onnx: not an ONNX model: it holds no graph"),
  ])
  func otherFiles(_ content: String, _ sentence: String) throws {
    let folder = try FileFolder()
    try folder.write(content.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }, to: "x.onnx")
    let said = failure { () throws(ONNXError) in _ = try ONNXModel(contentsOf: folder("x.onnx")) }
    #expect(said.hasPrefix(folder("") + sentence), "\(said)")
  }

  @Test func missingFileAndFolder() throws {
    let folder = try FileFolder()
    #expect(
      failure { () throws(ONNXError) in _ = try ONNXModel(contentsOf: folder("none.onnx")) }
        == folder("none.onnx") + ": No such file or directory")
    #expect(
      failure { () throws(ONNXError) in _ = try ONNXModel(contentsOf: folder.path) }
        == folder.path + ": not a regular file")
  }

  private func refusal(_ bytes: FileBytes) -> String {
    failure { () throws(ONNXError) in _ = try readModel(bytes.bytes) }
  }

  @Test func nestingIsLimited() {
    var graph = FileBytes().field(2, "g")
    for _ in 0..<40 {
      graph = FileBytes().field(
        1, FileBytes().field(4, "If").field(5, FileBytes().field(1, "b").field(6, graph)))
    }
    #expect(refusal(FileBytes().field(7, graph)).hasSuffix("messages nested over 96 deep"))
    var type = FileBytes().field(1, FileBytes().field(1, 1))
    for _ in 0..<2000 {
      type = FileBytes().field(4, FileBytes().field(1, type))
    }
    #expect(
      refusal(.model(graphField: 11, FileBytes().field(1, "x").field(2, type)))
        .hasSuffix("messages nested over 96 deep"))
  }

  @Test func smallMessagesAreLimited() {
    let empty = [UInt8](unsafeUninitializedCapacity: 6_000_000) { buffer, count in
      for index in buffer.indices { buffer[index] = index % 2 == 0 ? 1 << 3 | 2 : 0 }
      count = buffer.count
    }
    #expect(refusal(FileBytes().field(7, empty)).hasSuffix("more small messages than a model would have"))
  }

  @Test func lengthBeyondTheBuffer() {
    var bytes = FileBytes().field(1, 10)
    bytes.bytes += [7 << 3 | 2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
    #expect(
      refusal(bytes)
        == "m.onnx: not an ONNX model: a field at byte 2 is longer than the file, which may be cut short")
  }

  @Test func textMustBeText() {
    let node = FileBytes().field(4, [0x41, 0xFF])
    #expect(refusal(.model(graphField: 1, node)).hasSuffix("the op_type at byte 11 is not UTF-8 text"))
    let zero = FileBytes().field(4, [0x41, 0, 0x42])
    #expect(refusal(.model(graphField: 1, zero)).hasSuffix("the op_type at byte 11 is not UTF-8 text"))
  }

  /// Texts that nothing is found by may be of any encoding.
  @Test func remarksMayBeOtherText() throws {
    let model = FileBytes().field(1, 10).field(7, FileBytes().field(2, "g")).field(6, [0x41, 0xE9, 0x42])
    let read = try model.bytes.withUnsafeBytes { try ONNXModel(bytes: $0) }
    #expect(read.docString == "A\u{FFFD}B")
    let value = FileBytes().field(1, 10).field(7, FileBytes().field(2, "g")).field(
      14, FileBytes().field(1, "key").field(2, [0xE9]))
    #expect(
      try value.bytes.withUnsafeBytes { try ONNXModel(bytes: $0) }.metadata == [
        ONNXProperty("key", "\u{FFFD}")
      ])
    let zero = FileBytes().field(1, 10).field(6, [0x41, 0, 0x42])
    #expect(refusal(zero).hasSuffix("the doc_string at byte 4 is not UTF-8 text"))
  }

  @Test func messageStatedTwice() {
    let graph = FileBytes().field(2, "g")
    #expect(
      refusal(FileBytes().field(7, graph).field(7, graph))
        == "m.onnx: not an ONNX model: the field graph occurs twice at byte 5")
    let dimension = FileBytes().field(1, 3).field(2, "H")
    let shape = FileBytes().field(2, FileBytes().field(1, dimension)).field(1, 1)
    let info = FileBytes().field(1, "x").field(2, FileBytes().field(1, shape))
    #expect(refusal(.model(graphField: 11, info)).contains("the field dim_param occurs twice"))
  }

  @Test func wrongWireTypes() {
    #expect(refusal(FileBytes().field(7, 5)).hasSuffix("its fields are not a model's"))
    #expect(
      refusal(FileBytes().field(1, "text").field(7, FileBytes())).hasSuffix("its fields are not a model's"))
  }

  @Test func tensorDataMustFitItsType() throws {
    func refusal(_ tensor: FileBytes) throws -> String {
      let model = try readModel(FileBytes.model(graphField: 5, tensor).bytes)
      return failure { () throws(ONNXError) in _ = try model.graph.initializers[0].tensor() }
    }
    #expect(
      try refusal(.tensor(.float32, count: 3).field(9, [0, 0]))
        == "tensor t: 2 bytes of data, its type float32[3] takes 12")
    #expect(try refusal(.tensor(.int64, count: -3)) == "tensor t: dimensions [-3] are not a shape")
    #expect(
      try refusal(.tensor(.int64, count: .max)) == "tensor t: dimensions [9223372036854775807] are too large")
    #expect(
      try refusal(FileBytes().field(1, packed: [1 << 40, 1 << 40]).field(2, 1))
        == "tensor (unnamed): dimensions [1099511627776, 1099511627776] are too large")
    #expect(try refusal(FileBytes().field(2, 22)) == "tensor (unnamed): element type int4 is not supported")
    #expect(
      try refusal(FileBytes().field(2, 99)) == "tensor (unnamed): element type number 99 is not supported")
    #expect(
      try refusal(.tensor(.int8, count: 1).field(3, FileBytes().field(1, 0).field(2, 1)))
        == "tensor t: it is a segment of a larger tensor")
  }
}
