import CONNXProto
import IRFiles
import IRTensor

extension ONNXModel {
  /// How a model file is written.
  package struct WritingOptions: Sendable {
    /// Puts tensors of at least `externalThreshold` bytes into one file beside the model.
    package var isExternal = false
    package var externalThreshold = 1024
    /// Models beyond this size become external by themselves: protobuf ends at 2 GB.
    package var inlineByteCountLimit = 2_000_000_000

    package init(isExternal: Bool = false) { self.isExternal = isExternal }
  }

  /// The model's bytes.
  /// - Throws: `ONNXError.notSerializable` for a model over 2 GB, and for text that holds a zero byte.
  package func serialized() throws(ONNXError) -> [UInt8] {
    let memory = MessageMemory()
    let message = memory.model(self)
    if let text = memory.truncatedText {
      throw .notSerializable(reason: "the text \(text.debugDescription) holds a zero byte")
    }
    let byteCount = packedByteCount(message)
    guard byteCount <= ONNXLimits.messageByteCount else {
      throw .notSerializable(
        reason: "\(byteCount) bytes, where a message ends at 2 GB: write it with external data")
    }
    return withExtendedLifetime(memory) { packed(message) }
  }

  /// Writes the model, beside its place first and then renamed, so that no half file is ever seen.
  /// With external data there is a second file, `<path>.data`.
  /// - Throws: `ONNXError.file` with the system's reason, or what `serialized()` throws; what was there
  ///   before is then untouched.
  package func write(to path: String, options: WritingOptions = WritingOptions()) throws(ONNXError) {
    do { try writeFiles(path, options) } catch let error as FileError {
      throw .file(path: error.path, reason: error.reason)
    } catch let error as ONNXError { throw error } catch { preconditionFailure("\(error)") }
  }

  private func writeFiles(_ path: String, _ options: WritingOptions) throws {
    var model = self
    try model.checkExternalPlaces(path)
    var files: [AtomicFile] = []
    if options.isExternal || weightByteCount > options.inlineByteCountLimit
      || byteCount > options.inlineByteCountLimit
    {
      let dataPath = path + ".data"
      let file = try AtomicFile(replacing: FilePath(dataPath))
      let location = dataPath.split(separator: "/").last.map(String.init) ?? dataPath
      try model.externalize(into: file, location: location, threshold: options.externalThreshold)
      files.append(file)
    }
    let file = try AtomicFile(replacing: FilePath(path))
    try file.write(model.serialized())
    files.append(file)
    for file in files { try file.synchronize() }
    for file in files { try file.replace() }
  }

  /// Data that were never read stay where the model says that they lie, which must be below its folder.
  private mutating func checkExternalPlaces(_ path: String) throws(ONNXError) {
    try forEachTensor { (tensor) throws(ONNXError) in
      guard case .external(let properties) = tensor.data,
        case .failure(let problem) = ExternalDataPlace.parse(properties)
      else { return }
      throw .externalData(path: path, tensor: tensor.name, reason: problem.text)
    }
  }

  /// Bytes of the initializers that the model has.
  package var weightByteCount: Int {
    graph.initializers.reduce(0) { sum, initializer in
      if case .bytes(_, let count) = initializer.data { sum + count } else { sum }
    }
  }

  private var byteCount: Int {
    let memory = MessageMemory()
    return withExtendedLifetime(memory) { packedByteCount(memory.model(self)) }
  }

  /// Moves large initializers into `file`, each at a multiple of a page so that it can be mapped.
  private mutating func externalize(
    into file: AtomicFile, location: String, threshold: Int
  ) throws(FileError) {
    var offset = 0
    for index in graph.initializers.indices {
      guard case .bytes(let storage, let count) = graph.initializers[index].data, count >= max(threshold, 1)
      else {
        continue
      }
      let aligned = offset.roundedUp(toMultipleOf: 4096)
      try file.write([UInt8](repeating: 0, count: aligned - offset))
      try storage.withUnsafeBytes { (bytes) throws(FileError) in
        try file.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
      }
      graph.initializers[index].data = .external([
        ONNXProperty("location", location), ONNXProperty("offset", "\(aligned)"),
        ONNXProperty("length", "\(count)"),
      ])
      offset = aligned + count
    }
  }
}
