import Foundation

/// The models that come with the project: `.onnx` files in folders of `Models`.
public enum ModelCatalogue {
  /// The `Models` folder of the working directory or of a folder above the executable.
  public static var folder: String? {
    var candidates = [FileManager.default.currentDirectoryPath]
    // The system's own link, where there is one: the first argument is no path for a tool found by PATH.
    let own = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    var place = URL(fileURLWithPath: own ?? CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
    for _ in 0..<6 {
      place.deleteLastPathComponent()
      candidates.append(place.path)
    }
    return candidates.map { $0 + "/Models" }.first { FileManager.default.fileExists(atPath: $0 + "/SymUNet") }
  }

  /// Models by what they do: `restore` is the default of irrun, for photographs of any kind; `denoise` removes noise alone.
  public static let roles = ["restore": "symunet-s", "denoise": "symunet-denoise"]

  /// Paths by name (`symunet-s`).
  public static var models: [String: String] {
    guard let folder else { return [:] }
    var result: [String: String] = [:]
    for family in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(family)")) ?? []
      for file in files where file.hasSuffix(".onnx") {
        result[String(file.dropLast(5))] = "\(folder)/\(family)/\(file)"
      }
    }
    return result
  }

  /// The file that `name` stands for: itself where it is one, else the model of that name or role.
  /// - Throws: `RestorationError.unknownModel`.
  public static func path(of name: String) throws(RestorationError) -> String {
    if FileManager.default.fileExists(atPath: name) { return name }
    let models = models
    if let path = models[roles[name] ?? name] { return path }
    throw .unknownModel(name: name, available: (Array(models.keys) + Array(roles.keys)).sorted())
  }
}
