import Foundation
import IRTensor
import Testing

@testable import IRONNX

@Suite struct FileExternalDataTests {
  private let folder: FileFolder
  private static let values = Tensor([1, 2, 3, 4] as [Float], shape: [4])

  init() throws {
    folder = try FileFolder()
    try folder.write(Self.values.withUnsafeBytes { Array($0) }, to: "w.data")
  }

  /// Reads a model whose one tensor has these entries.
  private func read(_ entries: [(String, String)], count: Int = 4) throws -> Tensor {
    let model = try readModelFile(entries, count: count)
    return try model.graph.initializers[0].tensor()
  }

  private func readModelFile(_ entries: [(String, String)], count: Int = 4) throws -> ONNXModel {
    var tensor = FileBytes.tensor(.float32, count: count).field(14, 1)
    for (key, value) in entries { tensor = tensor.field(13, FileBytes().field(1, key).field(2, value)) }
    try folder.write(FileBytes.model(graphField: 5, tensor).bytes, to: "m.onnx")
    return try ONNXModel(contentsOf: folder("m.onnx"))
  }

  private func expectRefusal(_ reason: String, _ entries: (String, String)...) {
    do {
      _ = try read(entries)
      Issue.record("\(entries) was read")
    } catch {
      #expect("\(error)" == folder("m.onnx") + ": external data of tensor t: " + reason)
    }
  }

  @Test func wholeFile() throws {
    #expect(try read([("location", "w.data")]) == Self.values)
  }

  @Test func part() throws {
    #expect(
      try read([("location", "w.data"), ("offset", "4"), ("length", "8")], count: 2).doubles == [2, 3])
    #expect(
      try read([("location", "w.data"), ("offset", "16"), ("length", "0")], count: 0).elementCount == 0)
  }

  @Test func lengthFollowsFromTheType() throws {
    #expect(try read([("location", "w.data"), ("offset", "4")], count: 2).doubles == [2, 3])
  }

  @Test func belowTheFolder() throws {
    try FileManager.default.createDirectory(atPath: folder("sub"), withIntermediateDirectories: false)
    try FileManager.default.moveItem(atPath: folder("w.data"), toPath: folder("sub/w.data"))
    #expect(try read([("location", "sub/w.data")]) == Self.values)
  }

  @Test func outlivesTheFile() throws {
    let model = try readModelFile([("location", "w.data")])
    try FileManager.default.removeItem(atPath: folder("w.data"))
    #expect(try model.graph.initializers[0].tensor() == Self.values)
  }

  /// Pages of mapped weights leave the process, and come back with the same bytes.
  @Test func pagesAreReleased() throws {
    let count = 1 << 16
    let values = Tensor((0..<count).map { Float($0) }, shape: [count])
    try folder.write(values.withUnsafeBytes { Array($0) }, to: "w.data")
    let model = try readModelFile([("location", "w.data")], count: count)
    let tensor = try model.graph.initializers[0].tensor()
    func isPresent(_ byte: Int) throws -> Bool {
      let pages = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/pagemap"))
      let address = tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } + UInt(byte)
      try pages.seek(toOffset: UInt64(address) / UInt64(sysconf(Int32(_SC_PAGESIZE))) * 8)
      let entry = try #require(try pages.read(upToCount: 8))
      return entry[7] & 0x80 != 0
    }
    #expect(tensor == values)
    #expect(try isPresent(0) && isPresent(2 * count))
    model.releasePages()
    #expect(try !isPresent(0) && !isPresent(2 * count))
    #expect(tensor == values)
    // Memory of other kinds keeps what it holds.
    let copy = TensorStorage(byteCount: 1 << 21)
    copy.pointer.storeBytes(of: 7, as: Int.self)
    copy.releasePages()
    #expect(copy.pointer.load(as: Int.self) == 7)
  }

  @Test(arguments: [
    "/etc/hostname", "../w.data", "sub/../w.data", "./w.data", "sub//w.data", "..\\w.data", "sub/",
  ])
  func locationLeavesTheFolder(_ location: String) {
    expectRefusal("the location \(location) leaves the model's folder", ("location", location))
  }

  @Test func noLocation() {
    expectRefusal("it names no location", ("offset", "0"))
    expectRefusal("it names no location", ("location", ""))
  }

  @Test func unknownKey() {
    expectRefusal(
      "the key url is not one of location, offset, length, checksum", ("location", "w.data"), ("url", "x"))
  }

  @Test func repeatedKey() {
    expectRefusal("the key location occurs twice", ("location", "w.data"), ("location", "v.data"))
  }

  @Test func missingFile() {
    expectRefusal("none.data: No such file or directory", ("location", "none.data"))
  }

  @Test func symbolicLink() throws {
    try FileManager.default.createSymbolicLink(atPath: folder("link"), withDestinationPath: "w.data")
    expectRefusal("link leads through a symbolic link", ("location", "link"))
  }

  @Test func symbolicLinkToFolder() throws {
    try FileManager.default.createSymbolicLink(atPath: folder("linked"), withDestinationPath: ".")
    expectRefusal("linked/w.data leads through a symbolic link", ("location", "linked/w.data"))
  }

  /// As caches of model hubs lie: the model and its data are links into one folder of blobs.
  @Test func linksIntoTheModelsOwnFolder() throws {
    _ = try read([("location", "w.data")])
    for name in ["cache", "cache/blobs", "cache/blobs/deeper", "cache/snapshot", "elsewhere"] {
      try FileManager.default.createDirectory(atPath: folder(name), withIntermediateDirectories: false)
    }
    func move(_ name: String, _ place: String) throws {
      try FileManager.default.moveItem(atPath: folder(name), toPath: folder(place))
    }
    func link(_ place: String, _ target: String) throws {
      try? FileManager.default.removeItem(atPath: folder(place))
      try FileManager.default.createSymbolicLink(atPath: folder(place), withDestinationPath: target)
    }
    func loaded() throws -> Tensor {
      try ONNXModel(contentsOf: folder("cache/snapshot/m.onnx")).graph.initializers[0].tensor()
    }
    try move("m.onnx", "cache/blobs/aaa")
    try move("w.data", "cache/blobs/bbb")
    try link("cache/snapshot/m.onnx", "../blobs/aaa")
    try link("cache/snapshot/w.data", "../blobs/bbb")
    #expect(try loaded() == Self.values)
    try move("cache/blobs/bbb", "cache/blobs/deeper/bbb")
    try link("cache/snapshot/w.data", "../blobs/deeper/bbb")
    #expect(try loaded() == Self.values)
    // Beside the folder, above it, and through a link from inside it to the outside.
    try move("cache/blobs/deeper/bbb", "elsewhere/bbb")
    try link("cache/snapshot/w.data", "../../elsewhere/bbb")
    #expect(throws: ONNXError.self) { try loaded() }
    try link("cache/blobs/bbb", "../../elsewhere/bbb")
    try link("cache/snapshot/w.data", "../blobs/bbb")
    #expect(throws: ONNXError.self) { try loaded() }
    // The data's link alone is none of a cache.
    try FileManager.default.removeItem(atPath: folder("cache/snapshot/m.onnx"))
    try FileManager.default.copyItem(
      atPath: folder("cache/blobs/aaa"), toPath: folder("cache/snapshot/m.onnx"))
    try FileManager.default.copyItem(atPath: folder("elsewhere/bbb"), toPath: folder("cache/snapshot/real"))
    try link("cache/snapshot/w.data", "real")
    #expect(throws: ONNXError.self) { try loaded() }
  }

  @Test func hardLink() throws {
    try FileManager.default.linkItem(atPath: folder("w.data"), toPath: folder("hard"))
    expectRefusal("hard is a hard link", ("location", "hard"))
  }

  @Test func notARegularFile() throws {
    try FileManager.default.createDirectory(atPath: folder("d"), withIntermediateDirectories: false)
    expectRefusal("d is not a regular file", ("location", "d"))
    try #require(mkfifo(folder("pipe"), 0o600) == 0)
    expectRefusal("pipe is not a regular file", ("location", "pipe"))
  }

  @Test(arguments: ["-1", "0x10", "9223372036854775808", "1.5", "", "+4", " 4"])
  func offsetIsNoNumber(_ text: String) {
    expectRefusal("offset is \(text.debugDescription)", ("location", "w.data"), ("offset", text))
    expectRefusal("length is \(text.debugDescription)", ("location", "w.data"), ("length", text))
  }

  @Test func beyondTheFile() {
    expectRefusal("bytes 0 to 0+17 of w.data, which has 16", ("location", "w.data"), ("length", "17"))
    expectRefusal("bytes 8 to 8+16 of w.data, which has 16", ("location", "w.data"), ("offset", "8"))
    expectRefusal("bytes 32 to 32+16 of w.data, which has 16", ("location", "w.data"), ("offset", "32"))
  }

  @Test func sumOverflows() {
    expectRefusal(
      "bytes 9223372036854775807 to 9223372036854775807+16 of w.data, which has 16", ("location", "w.data"),
      ("offset", "9223372036854775807"))
  }

  @Test func lengthDisagreesWithTheType() throws {
    #expect(throws: ONNXError.self) { try read([("location", "w.data"), ("length", "8")]) }
  }

  /// Tensors in attributes, subgraphs and functions are resolved as well.
  @Test func attributesOfSubgraphsAndFunctions() throws {
    let external = FileBytes.tensor(.float32, count: 4).field(14, 1)
      .field(13, FileBytes().field(1, "location").field(2, "w.data"))
    let constant = FileBytes().field(4, "Constant").field(
      5, FileBytes().field(1, "value").field(5, external).field(20, 4))
    let branch = FileBytes().field(1, "b").field(6, FileBytes().field(2, "inner").field(1, constant)).field(
      20, 5)
    let bytes = FileBytes.model(graphField: 1, FileBytes().field(4, "If").field(5, branch))
      .field(25, FileBytes().field(1, "f").field(7, constant)).bytes
    try folder.write(bytes, to: "m.onnx")
    let model = try ONNXModel(contentsOf: folder("m.onnx"))
    guard case .graph(let inner) = model.graph.nodes[0][attribute: "b"],
      case .tensor(let first) = inner.nodes[0][attribute: "value"],
      case .tensor(let second) = model.functions[0].nodes[0][attribute: "value"]
    else {
      Issue.record("attributes became others")
      return
    }
    #expect(try first.tensor() == Self.values)
    #expect(try second.tensor() == Self.values)
  }

  @Test func fromMemoryNothingIsOpened() throws {
    let tensor = FileBytes.tensor(.float32, count: 4).field(14, 1)
      .field(13, FileBytes().field(1, "location").field(2, "w.data"))
    let model = try readModel(FileBytes.model(graphField: 5, tensor).bytes)
    #expect(
      failure { () throws(ONNXError) in _ = try model.graph.initializers[0].tensor() }
        == "tensor t: its data lie in another file, which was not read")
  }
}
