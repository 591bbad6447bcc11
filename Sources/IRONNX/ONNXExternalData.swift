import Foundation
import IRFiles
import IRTensor

/// A file's bytes, mapped read-only; the mapping lives as long as its storage.
struct MappedFile {
  let storage: TensorStorage
  let byteCount: Int

  init(path: String) throws(ONNXError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
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
    storage = TensorStorage(borrowing: start, byteCount: length) { munmap($0, length) }
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
    var values: [String: String] = [:]
    for property in properties {
      guard ["location", "offset", "length", "checksum"].contains(property.key) else {
        throw refuse("the key \(property.key) is not one of location, offset, length, checksum")
      }
      guard values.updateValue(property.value, forKey: property.key) == nil else {
        throw refuse("the key \(property.key) occurs twice")
      }
    }
    guard let location = values["location"], !location.isEmpty else { throw refuse("it names no location") }
    let components = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.hasPrefix("/"), !location.contains("\\"), !location.contains("\0"),
      components.allSatisfy({ !["", ".", ".."].contains($0) })
    else { throw refuse("the location \(location) leaves the model's folder") }
    func number(_ key: String) throws(ONNXError) -> Int? {
      guard let text = values[key] else { return nil }
      guard let value = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        throw refuse("\(key) is \(text.debugDescription)")
      }
      return value
    }
    let offset = try number("offset") ?? 0
    let file = try map(location, components: components.map(String.init), refuse: refuse)
    let length = try number("length") ?? tensor.expectedByteCount ?? max(file.byteCount - offset, 0)
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
      TensorStorage(borrowing: start, byteCount: length) { _ in withExtendedLifetime(owner) {} },
      byteCount: length)
  }

  /// Opens component by component without following links, so that nothing can be swapped between a
  /// check and its use.
  private mutating func map(
    _ location: String, components: [String], refuse: (String) -> ONNXError
  ) throws(ONNXError) -> MappedFile {
    if let known = files[location] { return known }
    let slash = modelPath.lastIndex(of: "/")
    let folder = slash.map { String(modelPath[...$0]) } ?? "."
    var directory = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw refuse("the folder \(folder): \(systemError())") }
    defer { close(directory) }
    for component in components.dropLast() {
      let next = openat(directory, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard next >= 0 else { throw refuse("\(location): \(systemError())") }
      close(directory)
      directory = next
    }
    guard let name = components.last else { throw refuse("it names no location") }
    let descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw refuse(errno == ELOOP ? "\(location) is a symbolic link" : "\(location): \(systemError())")
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
