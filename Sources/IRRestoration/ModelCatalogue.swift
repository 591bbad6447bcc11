import CIRSystem
import Glibc
import IRFiles

/// Models by name: the `.onnx` files in a list of folders and in the folders inside them. If two files have
/// the same name, the first one counts.
public struct ModelCatalogue: Sendable {
  /// The folders, in the order in which they are searched.
  public let folders: [String]
  /// The paths of the models by name (`symunet-s`).
  public let models: [String: String]

  /// Finds the models in these folders.
  public init(folders: [String]) {
    self.folders = folders
    var models: [String: String] = [:]
    for folder in folders {
      let paths = Self.paths(in: FilePath(folder))
      for file in paths + paths.flatMap(Self.paths) where file.suffix == "onnx" {
        let name = file.name.stem.text
        if models[name] == nil { models[name] = file.text }
      }
    }
    self.models = models
  }

  /// The installed models, after those in the folders `first`.
  public static func installed(first: [String] = []) -> ModelCatalogue {
    ModelCatalogue(folders: first + ModelFolders.standard)
  }

  /// The models of the roles: `restore` (any degradation, the default of irrun) and `denoise` (noise only).
  /// `daair-s` was a model of version 0.1.0; `daair-s5` has all of its tasks.
  public static let roles = ["restore": "symunet-s", "denoise": "symunet-denoise", "daair-s": "daair-s5"]

  /// The files that are released with this version: their paths among the models, and their SHA-256.
  package static let releasedFiles: [(path: String, digest: String)] = {
    let text = String(decoding: PackageResources.SHA256SUMS, as: UTF8.self)
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      return words.count == 2 ? (path: words[1], digest: words[0]) : nil
    }
  }()

  /// SHA-256 of the models among them, by name. Deeper folders are pipelines, whose networks are no models.
  package static let releasedDigests: [String: String] = releasedFiles.reduce(into: [:]) { found, file in
    let path = FilePath(file.path)
    if path.folder.folder.isEmpty { found[path.name.stem.text] = file.digest }
  }

  /// The first folder of installed models.
  public static var folder: String? { ModelFolders.standard.first }

  /// Paths of installed models by name (`symunet-s`).
  public static var models: [String: String] { installed().models }

  /// The path of the installed model with this name or role.
  /// - Throws: as `path(of:)` of a catalogue.
  public static func path(of name: String) throws(RestorationError) -> String {
    try installed().path(of: name)
  }

  /// The path of a model: `name` itself if it is a path, else the model with this name or role. If irkit
  /// released a model of this name, the file must be the released one.
  /// - Throws: `RestorationError.unknownModel`, `.foreignModel`.
  public func path(of name: String) throws(RestorationError) -> String {
    let isPath = name.contains("/") || name.hasSuffix(".onnx")
    if isPath, FilePath(name).exists { return name }
    let own = Self.roles[name] ?? name
    guard let path = models[own] else {
      if FilePath(name).exists { return name }
      let roles = Self.roles.filter { models[$0.value] != nil }.keys
      throw .unknownModel(name: name, available: (Array(models.keys) + roles).sorted())
    }
    guard let released = Self.releasedDigests[own] else { return path }
    let digest: String
    do { digest = try SHA256.hexadecimal(contentsOf: path) } catch {
      throw .unreadableModel(path: path, reason: error.reason)
    }
    guard digest == released else { throw .foreignModel(name: own, path: path) }
    return path
  }

  private static func paths(in folder: FilePath) -> [FilePath] {
    ((try? Folder.names(in: folder)) ?? []).map { folder.joined($0) }
  }
}

/// The folders in which models are installed. The working directory is not among them: a folder of pictures
/// from a stranger must not choose the model.
package enum ModelFolders {
  /// The folder in which SwiftPM puts the resources of the target RestorationModels, beside programs that
  /// have it.
  static let bundle = "irkit_RestorationModels.resources"

  /// Those of this process.
  static var standard: [String] {
    folders(near: ownFiles) { name in getenv(name).map { FilePath($0).text } }
  }

  /// Those of this process that hold the resources of the target RestorationModels.
  package static var bundles: [String] {
    ownFiles.compactMap { resolved("\(FilePath($0).folder.text)/\(bundle)", .folder) }
  }

  /// The program, and the library that holds this code.
  private static var ownFiles: [String] {
    [resolved("/proc/self/exe", .file), library].compactMap { $0 }
  }

  /// Those that exist: of the environment's `IRKIT_MODELS`, beside a program or library, where its prefix
  /// shares data, and the user's.
  static func folders(near files: [String], variable: (String) -> String?) -> [String] {
    func list(_ name: String) -> [String] { (variable(name) ?? "").split(separator: ":").map(String.init) }
    var result = list("IRKIT_MODELS")
    for place in files.map({ FilePath($0).folder }) {
      result += ["\(place)/models", "\(place)/../share/irkit/models"] + checkout(around: place)
      result.append("\(place)/\(bundle)")
    }
    let home = variable("HOME").map { "\($0)/.local/share" }
    let user = variable("XDG_DATA_HOME").flatMap { $0.isEmpty ? nil : $0 } ?? home
    // The XDG Base Directory Specification: these where none are named, and relative ones never count.
    let named = list("XDG_DATA_DIRS")
    let shared = ([user].compactMap { $0 } + (named.isEmpty ? ["/usr/local/share", "/usr/share"] : named))
      .filter { $0.hasPrefix("/") }
    result += shared.map { "\($0)/irkit/models" }
    var seen: Set<String> = []
    return result.compactMap { resolved($0, .folder) }.filter { seen.insert($0).inserted }
  }

  /// The models of the checkout that a program was built in: its build folder lies up to five levels deep.
  private static func checkout(around place: FilePath) -> [String] {
    var folder = place
    for _ in 0..<5 {
      folder = folder.folder
      if folder.bytes.count > 1, folder.joined("Package.swift").exists,
        folder.joined("Models/SHA256SUMS").exists
      {
        return ["\(folder)/Models"]
      }
    }
    return []
  }

  /// The file that this code was loaded from.
  private static var library: String? {
    guard let name = ir_loaded_from() else { return nil }
    let path = FilePath(name).text
    return path.contains("/") ? resolved(path, .file) : nil
  }

  private static func resolved(_ path: String, _ kind: FilePath.Kind) -> String? {
    let place = FilePath(path).place
    return place.kind == kind ? place.text : nil
  }
}
