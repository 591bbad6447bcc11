import Foundation
import IRFiles
import ImageRestoration

/// The files that the inputs of a batch stand for: files, folders, patterns, lists, the standard input.
package struct InputList {
  package struct Source {
    package var path: String
    /// The path below the folder that was named, or the file's own name.
    package var relative: String
  }

  package private(set) var sources: [Source] = []
  /// Folders that could not be read, each with the system's reason.
  package private(set) var unreadable: [FileError] = []
  /// Files of folders that are not read, by their extension.
  package private(set) var leftOut: [String: Int] = [:]
  /// Files and folders that patterns exclude.
  package private(set) var excludedCount = 0
  private let options: InputOptions
  /// The outputs' folder, in which no input is looked for.
  private let outputFolder: String?

  /// `outputFolder` is left out if it lies below a folder of inputs.
  /// - Throws: `BatchError.usage` if an input stands for nothing.
  package init(_ inputs: [String], _ options: InputOptions, outputFolder: String? = nil) throws {
    self.options = options
    self.outputFolder = outputFolder.map(Self.place)
    for input in inputs { try add(input) }
    if let list = options.list, list != Job.stream {
      for line in try Self.lines(of: list) { try add(line) }
    }
    guard !sources.isEmpty || !unreadable.isEmpty || options.list == Job.stream || excludedCount > 0 else {
      throw BatchError.usage("no inputs: name some with -i or --list")
    }
  }

  /// Whether the inputs of a command may be several files, however many they are at present.
  package static func mayBeSeveral(_ inputs: [String], _ options: InputOptions) -> Bool {
    inputs.count > 1 || options.list != nil || options.recurses
      || inputs.contains { input in isFolder(input) ?? (input != Job.stream && isPattern(input)) }
  }

  private mutating func add(_ input: String) throws {
    if input == Job.stream {
      guard options.list != Job.stream else {
        throw BatchError.usage("the standard input is the list of --list -, and cannot be a picture too")
      }
      sources.append(Source(path: input, relative: "stdin.png"))
      return
    }
    let paths = Self.isFolder(input) == nil ? Self.matches(input) : [input]
    guard !paths.isEmpty else { throw BatchError.usage("\(input): no such file or folder") }
    let isPattern = paths != [input]
    for path in paths {
      if isPattern, excludes(PathText.name(path)) { continue }
      guard Self.isFolder(path) == true else {
        sources.append(Source(path: path, relative: PathText.name(path)))
        continue
      }
      let before = sources.count + excludedCount
      addImages(in: path)
      if sources.count + excludedCount == before, unreadable.isEmpty {
        throw BatchError.usage("\(path): no images in this folder\(leftOutText.map { "; \($0)" } ?? "")")
      }
    }
  }

  /// The other files of the folders, counted: `left out: 2 .bmp, 1 without an extension, 3 excluded`; nil if
  /// all are inputs.
  package var leftOutText: String? {
    var parts = leftOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { suffix, count in
      suffix.isEmpty ? "\(count) without an extension" : "\(count) .\(suffix)"
    }
    if excludedCount > 0 { parts.append("\(excludedCount) excluded") }
    return parts.isEmpty ? nil : "left out: \(parts.joined(separator: ", "))"
  }

  /// Whether a pattern holds for a name, or for a path below the folder where the pattern has a slash.
  private mutating func excludes(_ relative: String) -> Bool {
    let name = PathText.name(relative)
    let isExcluded = options.excluded.contains { pattern in
      fnmatch(pattern, pattern.contains("/") ? relative : name, FNM_PATHNAME) == 0
    }
    if isExcluded { excludedCount += 1 }
    return isExcluded
  }

  /// The path of a folder without links and dots.
  private static func place(_ folder: String) -> String {
    URL(fileURLWithPath: folder.isEmpty ? "." : folder).resolvingSymlinksInPath().standardizedFileURL.path
  }

  private static func lines(of file: String) throws -> [String] {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw BatchError.usage("--list \(file): no such text file")
    }
    return text.split(whereSeparator: \.isNewline).map(String.init)
  }

  private static func isPattern(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }

  /// The files that a shell's pattern matches, for patterns that no shell has expanded.
  private static func matches(_ pattern: String) -> [String] {
    guard isPattern(pattern) else { return [] }
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv.flatMap { $0[index] }.map { String(cString: $0) }
    }
  }

  /// Adds the images of a folder in order of their names; hidden files are not images.
  private mutating func addImages(in folder: String, below prefix: String = "") {
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
        if options.recurses, !isLink, !isOutput, !excludes(relative) { addImages(in: path, below: relative) }
      } else if ImageFile.writableExtensions.contains(PathText.suffix(name).lowercased()) {
        if !excludes(relative) { sources.append(Source(path: path, relative: relative)) }
      } else {
        leftOut[PathText.suffix(name).lowercased(), default: 0] += 1
      }
    }
  }

  static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// True for a folder, false for another file, nil if there is nothing.
  static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    return isFolder.boolValue
  }
}
