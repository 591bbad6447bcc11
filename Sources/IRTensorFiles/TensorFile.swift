import Foundation
import IRFiles
import IRTensor

/// A tensor by its name in a file.
package struct NamedTensor: Sendable {
  package var name: String
  package var tensor: Tensor

  package init(_ name: String, _ tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}

/// Files of tensors, by their extension: `.npy` (one, without a name), `.npz`, `.safetensors`.
package enum TensorFile {
  package static let extensions = ["npy", "npz", "safetensors"]

  /// Whether the path's extension is one of `extensions`.
  package static func isTensorFile(_ path: String) -> Bool { extensions.contains(fileExtension(path)) }

  /// The tensors in the file's order; the one of an `.npy` file has an empty name.
  /// - Throws: `TensorFileError` naming the file.
  package static func read(_ path: String) throws(TensorFileError) -> [NamedTensor] {
    switch fileExtension(path) {
    case "npy": return [NamedTensor("", try NumPyFile.read(path))]
    case "npz": return try NumPyArchive.read(path)
    case "safetensors": return try SafetensorsFile.read(path).tensors
    default: throw .file(path: path, reason: unknownExtension)
    }
  }

  /// The tensors of a file for these inputs: each by its name; an only tensor, or one called `input`, for the
  /// only input; else all in the file's order, where none has an input's name and there are as many.
  /// - Throws: `TensorFileError` with the file and the missing tensor.
  package static func inputs(
    _ names: [String], in path: String
  ) throws(TensorFileError) -> [String: Tensor] {
    let tensors = try read(path)
    let byName = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    let missing = names.filter { byName[$0] == nil }
    if missing.isEmpty { return byName.filter { names.contains($0.key) } }
    if names.count == 1, let only = byName["input"] ?? (tensors.count == 1 ? tensors[0].tensor : nil) {
      return [names[0]: only]
    }
    if missing.count == names.count, tensors.count == names.count {
      return Dictionary(uniqueKeysWithValues: zip(names, tensors.map(\.tensor)))
    }
    throw .malformed(
      path: path,
      detail: "the model's inputs \(missing.joined(separator: ", ")) are missing; the file holds "
        + tensors.map { $0.name.isEmpty ? "one tensor without a name" : $0.name }.joined(separator: ", "))
  }

  /// Extensions of files that `torch.save` writes.
  package static let weightExtensions = ["pth", "pt", "ckpt", "bin"]

  /// As `read`, also of PyTorch's files.
  package static func readWeights(_ path: String) throws(TensorFileError) -> [NamedTensor] {
    if weightExtensions.contains(fileExtension(path)) { return try PyTorchFile.read(path) }
    if isTensorFile(path) { return try read(path) }
    let known = (extensions + weightExtensions).map { ".\($0)" }.joined(separator: ", ")
    throw .file(path: path, reason: "the extension is not one of \(known)")
  }

  /// Writes tensors beside the path and renames: all of the file, or nothing.
  /// - Throws: `TensorFileError`, also if an `.npy` file is to hold other than one tensor.
  package static func write(_ tensors: [NamedTensor], to path: String) throws(TensorFileError) {
    switch fileExtension(path) {
    case "npy":
      guard tensors.count == 1 else {
        let names = tensors.map(\.name).joined(separator: ", ")
        throw .file(
          path: path, reason: "an .npy file holds one tensor, these are \(tensors.count) (\(names)): use .npz"
        )
      }
      try NumPyFile.write(tensors[0].tensor, to: path)
    case "npz": try NumPyArchive.write(tensors, to: path)
    case "safetensors": try SafetensorsFile.write(tensors, to: path)
    default: throw .file(path: path, reason: unknownExtension)
    }
  }

  private static let unknownExtension =
    "the extension is not one of \(extensions.map { ".\($0)" }.joined(separator: ", "))"

  private static func fileExtension(_ path: String) -> String {
    FilePath(path).suffix.lowercased()
  }
}

/// The bytes of a regular file, mapped.
func contents(of path: String) throws(TensorFileError) -> Data {
  let place = FilePath(path)
  guard let isFolder = place.isFolder else { throw .file(path: path, reason: "no such file") }
  guard !isFolder else { throw .file(path: path, reason: "is a folder") }
  guard place.kind == .file else { throw .file(path: path, reason: "not a regular file") }
  do throws(FileError) {
    let descriptor = try place.opened()
    defer { close(descriptor) }
    guard let count = place.byteCount, count > 0 else { return Data() }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw FileError(path: path, reason: systemError())
    }
    return Data(bytesNoCopy: start, count: count, deallocator: .unmap)
  } catch { throw .file(path: path, reason: error.reason) }
}

/// Writes parts one after another, beside the path first.
func writeFile(_ path: String, _ body: (AtomicFile) throws(FileError) -> Void) throws(TensorFileError) {
  do {
    let file = try AtomicFile(replacing: FilePath(path))
    try body(file)
    try file.synchronize()
    try file.replace()
  } catch { throw .file(path: error.path, reason: error.reason) }
}

/// Little-endian bytes of a number.
func littleEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
