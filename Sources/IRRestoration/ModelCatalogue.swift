import CIRSystem
import Glibc
import IRFiles

/// Models by name: `.onnx` files in folders that are looked through in order, and in the folders of these. Of
/// two files of one name the first is taken.
public struct ModelCatalogue: Sendable {
  public let folders: [String]
  /// Paths by name (`symunet-s`).
  public let models: [String: String]

  public init(folders: [String]) {
    self.folders = folders
    var models: [String: String] = [:]
    for folder in folders {
      let names = Self.names(in: folder)
      let files =
        names.map { "\(folder)/\($0)" }
        + names.flatMap { name in Self.names(in: "\(folder)/\(name)").map { "\(folder)/\(name)/\($0)" } }
      for file in files where file.hasSuffix(".onnx") {
        let name = PathText.stem(PathText.name(file))
        if models[name] == nil { models[name] = file }
      }
    }
    self.models = models
  }

  /// The models that are installed, `first` before the others.
  public static func installed(first: [String] = []) -> ModelCatalogue {
    ModelCatalogue(folders: first + ModelFolders.standard)
  }

  /// Models by what they do: `restore` is the default of irrun, for photographs of any kind; `denoise`
  /// removes noise alone. `daair-s` of version 0.1.0 knew a part of what `daair-s5` knows.
  public static let roles = ["restore": "symunet-s", "denoise": "symunet-denoise", "daair-s": "daair-s5"]

  /// SHA-256 of the models that are released with this version, by name.
  package static let releasedDigests: [String: String] = {
    let text = String(decoding: PackageResources.SHA256SUMS, as: UTF8.self)
    var result: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words.count == 2 { result[PathText.stem(PathText.name(words[1]))] = words[0] }
    }
    return result
  }()

  /// The first folder of installed models.
  public static var folder: String? { ModelFolders.standard.first }

  /// Paths of installed models by name (`symunet-s`).
  public static var models: [String: String] { installed().models }

  /// The file that `name` stands for among the installed models.
  /// - Throws: as `path(of:)` of a catalogue.
  public static func path(of name: String) throws(RestorationError) -> String {
    try installed().path(of: name)
  }

  /// The file that `name` stands for: itself where it is a path, else the model of that name or role, whose
  /// content must be as released if the name is one of ours.
  /// - Throws: `RestorationError.unknownModel`, `.foreignModel`.
  public func path(of name: String) throws(RestorationError) -> String {
    let isPath = name.contains("/") || name.hasSuffix(".onnx")
    if isPath, access(name, F_OK) == 0 { return name }
    let own = Self.roles[name] ?? name
    guard let path = models[own] else {
      if access(name, F_OK) == 0 { return name }
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

  private static func names(in folder: String) -> [String] {
    ((try? Folder.names(in: folder)) ?? []).sorted()
  }
}

/// The folders in which models are installed. The working directory is none of them: who sends a folder of
/// pictures must not choose the model.
package enum ModelFolders {
  /// The folder in which SwiftPM puts the resources of the target RestorationModels, beside programs that have it.
  static let bundle = "irkit_RestorationModels.resources"

  /// Those of this process.
  static var standard: [String] {
    folders(near: ownFiles) { name in getenv(name).map { String(cString: $0) } }
  }

  /// Those of this process that hold the resources of the target RestorationModels.
  package static var bundles: [String] {
    ownFiles.compactMap { resolved("\(PathText.folder($0))/\(bundle)", kind: S_IFDIR) }
  }

  /// The program, and the library that holds this code.
  private static var ownFiles: [String] {
    [resolved("/proc/self/exe", kind: S_IFREG), library].compactMap { $0 }
  }

  /// Those that exist: of the environment's `IRKIT_MODELS`, beside a program or library, where its prefix
  /// shares data, and the user's.
  static func folders(near files: [String], variable: (String) -> String?) -> [String] {
    func list(_ name: String) -> [String] { (variable(name) ?? "").split(separator: ":").map(String.init) }
    var result = list("IRKIT_MODELS")
    for place in files.map(PathText.folder) {
      result += ["\(place)/models", "\(place)/../share/irkit/models"] + checkout(around: place)
      result.append("\(place)/\(bundle)")
    }
    let home = variable("HOME").map { "\($0)/.local/share" }
    let user = variable("XDG_DATA_HOME").flatMap { $0.isEmpty ? nil : $0 } ?? home
    // Relative ones do not count, by the XDG Base Directory Specification.
    let shared = ([user].compactMap { $0 } + list("XDG_DATA_DIRS")).filter { $0.hasPrefix("/") }
    result += shared.map { "\($0)/irkit/models" }
    var seen: Set<String> = []
    return result.compactMap { resolved($0, kind: S_IFDIR) }.filter { seen.insert($0).inserted }
  }

  /// The models of the checkout that a program was built in: its build folder lies up to five levels deep.
  private static func checkout(around place: String) -> [String] {
    var folder = place
    for _ in 0..<5 {
      folder = PathText.folder(folder)
      if folder.count > 1, access("\(folder)/Package.swift", F_OK) == 0,
        access("\(folder)/Models/SHA256SUMS", F_OK) == 0
      {
        return ["\(folder)/Models"]
      }
    }
    return []
  }

  /// The file that this code was loaded from.
  private static var library: String? {
    guard let name = ir_loaded_from() else { return nil }
    let path = String(cString: name)
    return path.contains("/") ? resolved(path, kind: S_IFREG) : nil
  }

  private static func resolved(_ path: String, kind: mode_t) -> String? {
    guard let text = realpath(path, nil) else { return nil }
    defer { free(text) }
    var status = stat()
    guard stat(text, &status) == 0, status.st_mode & S_IFMT == kind else { return nil }
    return String(cString: text)
  }
}
