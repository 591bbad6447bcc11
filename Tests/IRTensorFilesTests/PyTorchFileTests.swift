import Foundation
import IRTensor
import IRTensorFiles
import Testing

private let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures/pytorch").path

private func byName(_ tensors: [NamedTensor]) -> [String: Tensor] {
  Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
}

@Test(arguments: ["zip", "protocol4", "legacy"])
func filesOfTorchSaveAreRead(_ name: String) throws {
  let expected = byName(try TensorFile.read("\(fixtures)/content.safetensors"))
  let found = byName(try TensorFile.readWeights("\(fixtures)/\(name).pth"))
  #expect(Set(found.keys) == Set(expected.keys))
  for (key, tensor) in expected { #expect(found[key] == tensor, "\(key)") }
}

@Test func wholeModulesGiveTheirState() throws {
  let expected = byName(try TensorFile.read("\(fixtures)/module.safetensors"))
  let found = byName(try PyTorchFile.read("\(fixtures)/module.pth"))
  #expect(found == expected)
}

/// Writes a file of the old format around a pickle, and reads it.
private func read(_ body: [UInt8]) throws -> [NamedTensor] {
  let magic: [UInt8] = [0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E]
  let version: [UInt8] = [0x80, 2, 0x4D, 0xE9, 0x03, 0x2E]
  let system: [UInt8] = [0x80, 2, 0x7D, 0x2E]
  let keys: [UInt8] = [0x80, 2, 0x5D, 0x55, 1, 0x30, 0x61, 0x2E]
  let storage: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]
  let path = NSTemporaryDirectory() + "irkit-\(UUID().uuidString).pth"
  defer { try? FileManager.default.removeItem(atPath: path) }
  try Data(magic + version + system + body + keys + storage).write(to: URL(fileURLWithPath: path))
  return try PyTorchFile.read(path)
}

private func text(_ text: String) -> [UInt8] { [0x58, UInt8(text.utf8.count), 0, 0, 0] + Array(text.utf8) }
private func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }
private func integer(_ value: Int32) -> [UInt8] {
  [0x4A] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

/// `{name: tensor}` with a view of the two floats 1 and 2.
private func tensor(offset: Int32 = 0, size: [Int32], stride: [Int32]) -> [UInt8] {
  let storage =
    [0x28] + text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu")
    + integer(2) + [0x4E, 0x74, 0x51]
  let sizes = [0x28] + size.flatMap(integer) + [0x74]
  let strides = [0x28] + stride.flatMap(integer) + [0x74]
  let arguments = [0x28] + storage + integer(offset) + sizes + strides + [0x89, 0x7D, 0x74]
  let call = global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
  return [0x80, 2, 0x7D] + text("w") + call + [0x73, 0x2E]
}

@Test func viewsStayInTheirStorage() throws {
  #expect(try read(tensor(size: [2], stride: [1]))[0].tensor == Tensor([Float(1), 2], shape: [2]))
  #expect(try read(tensor(offset: 1, size: [1, 1], stride: [1, 1]))[0].tensor.floats == [2])
  let far = try read(tensor(size: [1, 2, 1], stride: [Int32.max, 1, Int32.max]))
  #expect(far[0].tensor.floats == [1, 2])
  let wrong: [(Int32, [Int32], [Int32])] = [
    (0, [3], [1]), (1, [2], [1]), (-1, [1], [1]), (0, [2], [2]), (0, [2], [-1]),
    (0, [1 << 30, 1 << 30], [0, 0]),
    (0, [2], [Int32.max]), (3, [1], [1]), (0, [-2], [1]), (0, [2, 1], [1]),
  ]
  for (offset, size, stride) in wrong {
    #expect(throws: TensorFileError.self, "\(offset) \(size) \(stride)") {
      try read(tensor(offset: offset, size: size, stride: stride))
    }
  }
}

/// Pickles that make Python run a command: here they are a name and a text, and hold no tensor.
@Test func nothingIsExecuted() throws {
  let marker = NSTemporaryDirectory() + "irkit-executed-\(UUID().uuidString)"
  let attacks: [[UInt8]] = [
    [0x80, 2] + global("os", "system") + text("touch \(marker)") + [0x85, 0x52, 0x2E],
    [0x80, 2] + global("builtins", "eval") + text("open('\(marker)', 'w')") + [0x85, 0x52, 0x2E],
    [0x80, 4] + text("posix") + text("system") + [0x93] + text("touch \(marker)") + [0x85, 0x52, 0x2E],
  ]
  for attack in attacks {
    let error = #expect(throws: TensorFileError.self) { try read(attack) }
    #expect("\(try #require(error))".contains("holds no tensors"))
  }
  // A command beside weights is passed over, and the weights are read.
  let weights = Array(tensor(size: [2], stride: [1]).dropFirst(2).dropLast())
  let both =
    [0x80, 2] + global("os", "system") + text("touch \(marker)") + [0x85, 0x52, 0x30] + weights + [0x2E]
  #expect(try read(both)[0].tensor.floats == [1, 2])
  #expect(!FileManager.default.fileExists(atPath: marker))
}

@Test func hostilePicklesAreRefused() throws {
  let deep: [UInt8] =
    [0x80, 2] + [UInt8](repeating: 0x5D, count: 200_000)
    + [UInt8](repeating: 0x61, count: 199_999) + [0x2E]
  // A list that holds itself twice, over and over.
  let endless: [UInt8] = [0x80, 2, 0x5D, 0x71, 0, 0x28, 0x68, 0, 0x68, 0, 0x65, 0x2E]
  // Each list holds the one before twice.
  let laughs: [UInt8] =
    [0x80, 2, 0x5D, 0x71, 0]
    + (0..<40).flatMap { index -> [UInt8] in
      [0x5D, 0x28, 0x68, UInt8(index), 0x68, UInt8(index), 0x65, 0x71, UInt8(index + 1)]
    } + [0x2E]
  let cases: [[UInt8]] = [
    deep, endless, laughs, [], [0x80], [0x2E], [0x61, 0x2E], [0x52, 0x2E], [0x74, 0x2E], [0x68, 9, 0x2E],
    [0x58, 0xFF, 0xFF, 0xFF, 0x7F], [0x8D] + [UInt8](repeating: 0xFF, count: 8),
    [0x8B, 0xFF, 0xFF, 0xFF, 0xFF],
    [0x7D, 0x28, 0x4B, 1, 0x75, 0x2E], [0x69, 0x2E], [0x28, 0x28, 0x2E], [0x63, 0x61],
    [0x28, 0x4B, 1, 0x85, 0x85, 0x2E], [0x4B, 1, 0x28, 0x30, 0x30, 0x30, 0x2E],
  ]
  for bytes in cases { #expect(throws: TensorFileError.self, "\(bytes.prefix(12))") { try read(bytes) } }
}

@Test(arguments: ["zip", "legacy", "module"])
func damagedWeightsEndInAnError(_ name: String) throws {
  let whole = [UInt8](try #require(FileManager.default.contents(atPath: "\(fixtures)/\(name).pth")))
  let path = NSTemporaryDirectory() + "irkit-\(UUID().uuidString).pth"
  defer { try? FileManager.default.removeItem(atPath: path) }
  for cut in stride(from: 0, to: whole.count, by: 61) {
    try Data(whole.prefix(cut)).write(to: URL(fileURLWithPath: path))
    #expect(throws: TensorFileError.self) { try PyTorchFile.read(path) }
  }
  var state: UInt64 = 9
  for _ in 0..<400 {
    var bytes = whole
    for _ in 0..<3 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      bytes[Int(state >> 33) % bytes.count] = UInt8(truncatingIfNeeded: state >> 24)
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    _ = try? PyTorchFile.read(path)
  }
}
