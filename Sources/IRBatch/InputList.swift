import ArgumentParser
import Foundation
import IRFiles
import ImageRestoration

/// The files that the inputs of a command line stand for: files, folders, patterns, lists, the standard input.
struct InputList {
  struct Source {
    var path: String
    /// The path below the folder that was named, or the file's own name.
    var relative: String
  }

  private(set) var sources: [Source] = []
  private(set) var hasFolder = false
  /// Folders that could not be read, each with the system's reason.
  private(set) var unreadable: [FileError] = []
  /// Files of folders that are not read, by their extension.
  private(set) var leftOut: [String: Int] = [:]
  /// The outputs' folder: no input is looked for there.
  private let outputFolder: String?

  /// `outputFolder` is left out where it lies below a folder of inputs.
  /// - Throws: `ValidationError` where one stands for nothing.
  init(_ inputs: [String], _ options: FileOptions, outputFolder: String? = nil) throws {
    self.outputFolder = outputFolder.map(Self.place)
    for input in try inputs + Self.listed(options.list) {
      if input == Job.stream {
        sources.append(Source(path: input, relative: "stdin.png"))
        continue
      }
      let paths = Self.isFolder(input) == nil ? Self.matches(input) : [input]
      guard !paths.isEmpty else { throw ValidationError("\(input): no such file or folder") }
      if paths != [input] { hasFolder = true }
      for path in paths {
        guard Self.isFolder(path) == true else {
          sources.append(Source(path: path, relative: PathText.name(path)))
          continue
        }
        hasFolder = true
        let before = sources.count
        addImages(in: path, recurse: options.recurse)
        if sources.count == before, unreadable.isEmpty {
          throw ValidationError(
            "\(path): no images in this folder\(leftOut.isEmpty ? "" : "; \(leftOutText)")")
        }
      }
    }
    guard !sources.isEmpty || !unreadable.isEmpty else {
      throw ValidationError("no inputs: name some with -i or --list")
    }
  }

  /// The other files of the folders, counted: `left out: 2 .bmp, 1 without an extension`.
  var leftOutText: String {
    let parts = leftOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { suffix, count in
      suffix.isEmpty ? "\(count) without an extension" : "\(count) .\(suffix)"
    }
    return "left out: \(parts.joined(separator: ", "))"
  }

  /// The path of a folder without links and dots.
  private static func place(_ folder: String) -> String {
    URL(fileURLWithPath: folder.isEmpty ? "." : folder).resolvingSymlinksInPath().standardizedFileURL.path
  }

  private static func listed(_ file: String?) throws -> [String] {
    guard let file else { return [] }
    if file == Job.stream {
      let data = try StandardInput.read(atMost: StandardInput.listLimit)
      return String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    }
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("--list \(file): no such text file")
    }
    return text.split(whereSeparator: \.isNewline).map(String.init)
  }

  /// The files that a shell's pattern matches, for patterns that no shell has expanded.
  private static func matches(_ pattern: String) -> [String] {
    guard pattern.contains(where: { "*?[".contains($0) }) else { return [] }
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv.flatMap { $0[index] }.map { String(cString: $0) }
    }
  }

  /// Adds the images of a folder in order of their names; hidden files are no images.
  private mutating func addImages(in folder: String, recurse: Bool, below prefix: String = "") {
    let names: [String]
    do { names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
      // Foundation's text names its own domains and codes; the system's is in its last error.
      let reason = access(folder, R_OK | X_OK) == 0 ? "it cannot be listed" : systemError()
      unreadable.append(FileError(path: folder, reason: reason))
      return
    }
    for name in names where !name.hasPrefix(".") {
      let path = Self.joined(folder, name)
      let relative = prefix.isEmpty ? name : "\(prefix)/\(name)"
      if Self.isFolder(path) == true {
        // Links to folders are not followed: they may lead in circles.
        let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
        let isOutput = outputFolder != nil && Self.place(path) == outputFolder
        if recurse, !isLink, !isOutput { addImages(in: path, recurse: true, below: relative) }
      } else if ImageFile.writableExtensions.contains(PathText.suffix(name).lowercased()) {
        sources.append(Source(path: path, relative: relative))
      } else {
        leftOut[PathText.suffix(name).lowercased(), default: 0] += 1
      }
    }
  }

  static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// True for a folder, false for another file, nil where nothing is.
  static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    return isFolder.boolValue
  }
}
