import CONNXProto
import Foundation
import IRTensor

extension ONNXModel {
  /// How a model file is written.
  public struct WritingOptions: Sendable {
    /// Puts tensors of at least `externalThreshold` bytes into one file beside the model.
    public var isExternal = false
    public var externalThreshold = 1024
    /// Models beyond this size become external by themselves: protobuf ends at 2 GB.
    public var inlineByteCountLimit = 2_000_000_000

    public init(isExternal: Bool = false) { self.isExternal = isExternal }
  }

  /// The model's bytes.
  public func serialized() -> [UInt8] {
    let memory = MessageMemory()
    return withExtendedLifetime(memory) { packed(memory.model(self)) }
  }

  /// Writes the model, beside its place first and then renamed, so that no half file is ever seen.
  /// - Throws: `ONNXError.file` with the system's reason; what was there before is then untouched.
  public func write(to path: String, options: WritingOptions = WritingOptions()) throws(ONNXError) {
    var model = self
    var byteCount = 0
    try model.graph.forEachTensor { (tensor) throws(ONNXError) in
      if case .bytes(_, let count) = tensor.data { byteCount += count }
    }
    if options.isExternal || byteCount > options.inlineByteCountLimit {
      try model.externalize(beside: path, threshold: options.externalThreshold)
    }
    try writeAtomically(to: path) { (file) throws(ONNXError) in
      try file.write(model.serialized())
    }
  }

  /// Moves large initializers into `<name>.data`, each at a multiple of a page.
  private mutating func externalize(beside path: String, threshold: Int) throws(ONNXError) {
    let dataPath = path + ".data"
    let location = dataPath.split(separator: "/").last.map(String.init) ?? dataPath
    var tensors = graph.initializers
    try writeAtomically(to: dataPath) { (file) throws(ONNXError) in
      var offset = 0
      for index in tensors.indices {
        guard case .bytes(let storage, let count) = tensors[index].data, count >= threshold else { continue }
        let aligned = (offset + 4095) / 4096 * 4096
        try file.write([UInt8](repeating: 0, count: aligned - offset))
        try file.write(UnsafeRawBufferPointer(start: storage.pointer, count: count))
        withExtendedLifetime(storage) {}
        tensors[index].data = .external([
          ONNXProperty("location", location), ONNXProperty("offset", "\(aligned)"),
          ONNXProperty("length", "\(count)"),
        ])
        offset = aligned + count
      }
    }
    graph.initializers = tensors
  }
}

/// A file being written under a temporary name.
struct TemporaryFile {
  let descriptor: Int32
  let path: String

  func write(_ bytes: [UInt8]) throws(ONNXError) {
    let result: Result<Void, ONNXError> = bytes.withUnsafeBytes { buffer in
      do throws(ONNXError) { return .success(try write(buffer)) } catch { return .failure(error) }
    }
    try result.get()
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ONNXError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .file(path: path, reason: systemError()) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }
}

/// Runs `body` on a temporary file beside `path` and renames it there; removes it where `body` fails.
func writeAtomically(
  to path: String, _ body: (TemporaryFile) throws(ONNXError) -> Void
) throws(ONNXError) {
  let temporary = "\(path).\(getpid()).partial"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw .file(path: path, reason: systemError()) }
  do throws(ONNXError) {
    defer { close(descriptor) }
    try body(TemporaryFile(descriptor: descriptor, path: path))
    guard fsync(descriptor) == 0 else { throw .file(path: path, reason: systemError()) }
  } catch {
    unlink(temporary)
    throw error
  }
  guard rename(temporary, path) == 0 else {
    let reason = systemError()
    unlink(temporary)
    throw .file(path: path, reason: reason)
  }
}
