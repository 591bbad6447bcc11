import Foundation
import IRFiles

extension DarktablePackage {
  /// The part of `config.json` that is read.
  private struct Statement: Decodable {
    var id: String
    var task: String?
    var backend: String?
  }

  /// Bytes of a `config.json`.
  private static let statementLimit = 1 << 20

  /// The network of a package that restores pictures, of this factor where it holds several.
  /// - Throws: `TensorFileError` if the package holds none, or several.
  package static func network(
    in path: String, scale: Int?
  ) throws(TensorFileError) -> (id: String, bytes: Data) {
    func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }
    let archive = ZipArchive(bytes: try contents(of: path), path: path)
    let members = try archive.members()
    let statements = members.filter {
      FilePath($0.name).name.text == "config.json" && $0.name.count { $0 == "/" } == 1
    }
    guard statements.count == 1 else { throw malformed("a package of darktable has one ID/config.json") }
    guard statements[0].size <= statementLimit else {
      throw malformed("its config.json has \(statements[0].size) bytes, more than \(statementLimit)")
    }
    let text = try archive.contents(of: statements[0])
    guard let statement = try? JSONDecoder().decode(Statement.self, from: text) else {
      throw malformed("its config.json states no id")
    }
    guard (statement.backend ?? "onnx") == "onnx", let task = Task(rawValue: statement.task ?? "") else {
      throw malformed("a model for \(statement.task ?? "no task"): packages that denoise or upscale are read")
    }
    let folder = FilePath(statements[0].name).folder.text
    let networks = members.filter { member in
      FilePath(member.name).folder.text == folder
        && [1, 2, 3, 4, 8].contains { factor in
          FilePath(member.name).name.text == fileName(scale: factor)
            && (scale == nil || factor == scale || task == .denoise)
        }
    }
    guard networks.count == 1 else {
      let names = members.map { FilePath($0.name).name.text }.filter { $0.hasSuffix(".onnx") }.joined(
        separator: ", ")
      throw malformed(
        "of its networks \(networks.count) are meant; it holds \(names.isEmpty ? "none" : names)")
    }
    return (statement.id, try archive.contents(of: networks[0]))
  }

  /// The path of a package's network, put into the user's cache: `irkit/dtmodel/DIGEST/ID.onnx` in
  /// XDG_CACHE_HOME.
  /// - Throws: `TensorFileError`, also if nothing can be written there.
  package static func unpacked(_ path: String, scale: Int?) throws(TensorFileError) -> String {
    let (id, bytes) = try network(in: path, scale: scale)
    let variables = ProcessInfo.processInfo.environment
    let stated = variables["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    guard let cache = stated ?? variables["HOME"].map({ "\($0)/.cache" }) else {
      throw .file(
        path: path, reason: "there is no place to unpack it: neither XDG_CACHE_HOME nor HOME is set")
    }
    var digest = SHA256()
    bytes.withUnsafeBytes { digest.update($0) }
    let folder = "\(cache)/irkit/\(suffix)/\(digest.finished())"
    // An id is a name of a stranger's.
    let isName =
      id.count <= 100 && !id.isEmpty && !id.hasPrefix(".")
      && id.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    let target = "\(folder)/\(isName ? id : "model").onnx"
    if let known = try? contents(of: target), known == bytes { return target }
    do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
      throw .file(path: folder, reason: "cannot be made")
    }
    try writeFile(target) { (file) throws(FileError) in try file.write(Array(bytes)) }
    return target
  }
}
