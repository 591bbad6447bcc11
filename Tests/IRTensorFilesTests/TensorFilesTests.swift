import Foundation
import IRTensor
import IRTensorFiles
import Testing

/// A folder of its own, removed afterwards.
private func withFolder(_ body: (String) throws -> Void) throws {
  let folder = NSTemporaryDirectory() + "irkit-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

private let samples: [NamedTensor] = [
  NamedTensor("image", Tensor([1.5, -0.25, 3, 4, 5, 6], shape: [1, 2, 3])),
  NamedTensor("steps", Tensor([Int64(7), -9], shape: [2])),
  NamedTensor("mask", Tensor([true, false, true], shape: [3])),
  NamedTensor("scalar", Tensor(scalar: 2)),
  NamedTensor("empty", Tensor([Float](), shape: [0, 4])),
  NamedTensor("half", Tensor(TensorType(.float16, [2]), doubles: [0.5, -8])),
]

@Test(arguments: ["npz", "safetensors"])
func writtenTensorsAreReadAgain(_ suffix: String) throws {
  try withFolder { folder in
    let path = "\(folder)/a.\(suffix)"
    try TensorFile.write(samples, to: path)
    let read = try TensorFile.read(path)
    #expect(Set(read.map(\.name)) == Set(samples.map(\.name)))
    for sample in samples {
      #expect(read.first { $0.name == sample.name }?.tensor == sample.tensor, "\(sample.name)")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.\(suffix)"])
  }
}

@Test(arguments: samples.indices)
func npyHoldsOneTensor(_ index: Int) throws {
  try withFolder { folder in
    let path = "\(folder)/a.npy"
    try TensorFile.write([NamedTensor("", samples[index].tensor)], to: path)
    #expect(try TensorFile.read(path)[0].tensor == samples[index].tensor)
    #expect(throws: TensorFileError.self) { try TensorFile.write(samples, to: path) }
  }
}

/// Python's own zip module and its deflate, by hand-made `.npy` bytes: no package is needed.
@Test func pythonReadsOursAndWeReadPythons() throws {
  try withFolder { folder in
    try TensorFile.write(samples, to: "\(folder)/ours.npz")
    let script = """
      import sys, zipfile, struct
      f = sys.argv[1]
      z = zipfile.ZipFile(f + "/ours.npz")
      assert z.testzip() is None
      assert [i.filename for i in z.infolist()] == ["image.npy","steps.npy","mask.npy","scalar.npy","empty.npy","half.npy"]
      with zipfile.ZipFile(f + "/theirs.npz", "w", zipfile.ZIP_DEFLATED) as out:
        for i in z.infolist():
          with out.open(i.filename, "w", force_zip64=True) as m: m.write(z.read(i))
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, folder]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let read = try TensorFile.read("\(folder)/theirs.npz")
    #expect(read.map(\.tensor) == samples.map(\.tensor))
  }
}

/// Every byte of a file changed, and the file cut at every length: an error or a tensor, never a trap.
@Test(arguments: ["npy", "npz", "safetensors"])
func damagedFilesAreRefused(_ suffix: String) throws {
  try withFolder { folder in
    let path = "\(folder)/a.\(suffix)"
    try TensorFile.write(suffix == "npy" ? [samples[0]] : samples, to: path)
    let whole = [UInt8](try #require(FileManager.default.contents(atPath: path)))
    for position in stride(from: 0, to: whole.count, by: 3) {
      for value: UInt8 in [0, 0x7F, 0xFF] where value != whole[position] {
        var damaged = whole
        damaged[position] = value
        try Data(damaged).write(to: URL(fileURLWithPath: path))
        _ = try? TensorFile.read(path)
      }
      try Data(whole[..<position]).write(to: URL(fileURLWithPath: path))
      #expect(throws: TensorFileError.self) { try TensorFile.read(path) }
    }
  }
}

@Test func zipBombIsRefusedBeforeAllocating() throws {
  try withFolder { folder in
    let script = """
      import sys, zipfile, struct
      with zipfile.ZipFile(sys.argv[1] + "/b.npz", "w", zipfile.ZIP_DEFLATED) as z: z.writestr("a.npy", b"x" * 100)
      data = bytearray(open(sys.argv[1] + "/b.npz", "rb").read())
      at = data.index(b"PK\\x01\\x02")
      data[at+24:at+28] = struct.pack("<I", 0xFFFFFFF0)
      open(sys.argv[1] + "/b.npz", "wb").write(data)
      """
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", script, folder]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let failure = #expect(throws: TensorFileError.self) { try TensorFile.read("\(folder)/b.npz") }
    #expect("\(try #require(failure))".contains("states 4294967280 bytes"))
  }
}

/// Archives are read in memory, so a name that leads elsewhere is a name (CVE-2024-5187's kind).
@Test func archivesWriteNothing() throws {
  try withFolder { folder in
    let names = ["../evil", "/tmp/irkit-evil", "a/../../evil", "..\\evil"]
    try TensorFile.write(names.map { NamedTensor($0, Tensor(scalar: 1)) }, to: "\(folder)/a.npz")
    #expect(try TensorFile.read("\(folder)/a.npz").map(\.name) == names)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["a.npz"])
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/../evil"))
    #expect(!FileManager.default.fileExists(atPath: "/tmp/irkit-evil"))
  }
}

/// Directory entries that share one member's bytes, which would unpack to any size.
@Test func overlappingMembersAreRefused() throws {
  try withFolder { folder in
    let path = "\(folder)/a.npz"
    let script = """
      import sys, zipfile, io
      z = zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED)
      z.writestr("a.npy", bytes(1 << 20))
      for i in range(300):
        info = zipfile.ZipInfo("b%d.npy" % i); first = z.infolist()[0]
        for f in ("compress_type", "CRC", "compress_size", "file_size", "header_offset"): setattr(info, f, getattr(first, f))
        z.filelist.append(info)
      z._didModify = True
      z.close()
      """
    let python = Process()
    python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    python.arguments = ["python3", "-c", script, path]
    try python.run()
    python.waitUntilExit()
    try #require(python.terminationStatus == 0)
    let error = #expect(throws: TensorFileError.self) { try TensorFile.read(path) }
    #expect("\(try #require(error))".contains("its members are more than the file holds"))
  }
}

@Test func inputsAreFoundByNameOrPlace() throws {
  try withFolder { folder in
    let (a, b) = (Tensor([Float(1)], shape: [1]), Tensor([Float(2), 3], shape: [2]))
    func file(_ tensors: [NamedTensor]) throws -> String {
      let path = "\(folder)/in.npz"
      try TensorFile.write(tensors, to: path)
      return path
    }
    let named = try file([NamedTensor("x", a), NamedTensor("y", b), NamedTensor("z", a)])
    #expect(try TensorFile.inputs(["y", "x"], in: named) == ["x": a, "y": b])
    #expect(try TensorFile.inputs(["image"], in: try file([NamedTensor("other", b)])) == ["image": b])
    let pair = [NamedTensor("input", a), NamedTensor("output", b)]
    #expect(try TensorFile.inputs(["image"], in: try file(pair)) == ["image": a])
    let ordered = try file([NamedTensor("arr_0", a), NamedTensor("arr_1", b)])
    #expect(try TensorFile.inputs(["x", "y"], in: ordered) == ["x": a, "y": b])
    // One name is right, so that the other is a mistake.
    let mistaken = try file([NamedTensor("x", a), NamedTensor("why", b)])
    #expect { try TensorFile.inputs(["x", "y"], in: mistaken) } throws: {
      "\($0)".contains("inputs y are missing")
    }
  }
}
