import Glibc
import IRFiles
import IRTensor

/// A file's bytes, mapped read-only; the mapping lives as long as its storage.
struct MappedFile {
  let storage: TensorStorage
  let byteCount: Int

  init(path: String) throws(ONNXError) {
    let descriptor = open(FilePath(path).cString, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .file(path: path, reason: systemError()) }
    defer { close(descriptor) }
    try self.init(descriptor: descriptor, path: path)
  }

  init(descriptor: Int32, path: String) throws(ONNXError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .file(path: path, reason: systemError()) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .file(path: path, reason: "not a regular file") }
    byteCount = Int(status.st_size)
    guard byteCount <= ONNXLimits.fileByteCount else {
      throw .file(path: path, reason: "\(byteCount) bytes are more than a model may have")
    }
    guard byteCount > 0 else { storage = TensorStorage(byteCount: 0); return }
    let length = byteCount
    guard let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .file(path: path, reason: systemError())
    }
    storage = TensorStorage(mapped: start, byteCount: length) { munmap($0, length) }
  }
}

/// The folder of a model, from which external data may be read: regular files below it, reached
/// without links, and nothing else.
struct ExternalDataDirectory {
  private let modelPath: String
  private var files: [String: MappedFile] = [:]

  init(modelPath: String) { self.modelPath = modelPath }

  /// The bytes that a tensor's `external_data` entries name.
  mutating func data(for tensor: ONNXTensor, _ properties: [ONNXProperty]) throws(ONNXError)
    -> ONNXTensor.Data
  {
    let path = modelPath
    func refuse(_ reason: String) -> ONNXError {
      .externalData(path: path, tensor: tensor.name, reason: reason)
    }
    let place: ExternalDataPlace
    switch ExternalDataPlace.parse(properties) {
    case .success(let found): place = found
    case .failure(let problem): throw refuse(problem.text)
    }
    let (location, offset) = (place.location, place.offset)
    let file = try map(location, refuse: refuse)
    let length = place.length ?? tensor.expectedByteCount ?? max(file.byteCount - offset, 0)
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow, end <= file.byteCount else {
      throw refuse("bytes \(offset) to \(offset)+\(length) of \(location), which has \(file.byteCount)")
    }
    let start = file.storage.pointer + offset
    guard offset % TensorStorage.alignment == 0 else {
      let copy = TensorStorage(byteCount: length)
      copy.pointer.copyMemory(from: start, byteCount: length)
      return .bytes(copy, byteCount: length)
    }
    let owner = file.storage
    return .bytes(
      TensorStorage(mapped: start, byteCount: length) { _ in withExtendedLifetime(owner) {} },
      byteCount: length)
  }

  private mutating func map(
    _ location: String, refuse: (String) -> ONNXError
  ) throws(ONNXError) -> MappedFile {
    if let known = files[location] { return known }
    let parent = FilePath(modelPath).folder
    let folder = parent.isEmpty ? "." : parent
    let directory = open(folder.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw refuse("the folder \(folder): \(systemError())") }
    defer { close(directory) }
    var descriptor = openBeneath(directory, location)
    if descriptor < 0, errno == ELOOP {
      descriptor = openBesideLinked(model: FilePath(modelPath), folder: folder, location: location)
    }
    guard descriptor >= 0 else {
      throw refuse(
        errno == ELOOP ? "\(location) leads through a symbolic link" : "\(location): \(systemError())")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw refuse("\(location): \(systemError())") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw refuse("\(location) is not a regular file") }
    guard status.st_nlink == 1 else { throw refuse("\(location) is a hard link") }
    let file = try MappedFile(descriptor: descriptor, path: location)
    files[location] = file
    return file
  }
}
