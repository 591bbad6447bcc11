import Foundation
import IRFiles
import ImageRestoration

/// The files that the inputs of a batch stand for: files, folders, patterns, lists, the standard input.
package struct InputList {
  package struct Source {
    package var path: FilePath
    /// The path below the folder that was named, or the file's own name.
    package var relative: FilePath
  }

  package private(set) var sources: [Source] = []
  /// Folders that could not be read, each with the system's reason.
  package private(set) var unreadable: [FileError] = []
  /// Files of folders that are not read, by their extension.
  package private(set) var leftOut: [String: Int] = [:]
  /// Files and folders that patterns exclude.
  package private(set) var excludedCount = 0
  /// Pictures of folders and patterns that earlier runs have made.
  package private(set) var earlierCount = 0
  private let options: InputOptions
  /// The outputs' folder, in which no input is looked for.
  private let outputFolder: FilePath?
  /// The notes of runs that resume.
  private let journal: Journal?

  /// `outputFolder` is left out if it lies below a folder of inputs, and so are the outputs that `journal`
  /// has.
  /// - Throws: `BatchError.usage` if an input stands for nothing.
  package init(
    _ inputs: [String], _ options: InputOptions, outputFolder: FilePath? = nil, journal: Journal? = nil
  ) throws {
    self.options = options
    self.journal = journal
    self.outputFolder = outputFolder?.place
    for input in inputs { try add(FilePath(input)) }
    if let list = options.list, !options.listIsStream {
      for path in try PathList.paths(ofList: FilePath(list)) { try add(path) }
    }
    guard !sources.isEmpty || !unreadable.isEmpty || options.listIsStream || excludedCount + earlierCount > 0
    else {
      throw BatchError.usage("no inputs: name some with -i or --list")
    }
  }

  /// Whether the inputs of a command may be several files, however many they are at present.
  package static func mayBeSeveral(_ inputs: [String], _ options: InputOptions) -> Bool {
    inputs.count > 1 || options.list != nil || options.recurses
      || inputs.map { FilePath($0) }.contains { input in
        input.isFolder ?? (input != Job.stream && isPattern(input))
      }
  }

  private mutating func add(_ input: FilePath) throws {
    if input == Job.stream {
      guard !options.listIsStream else {
        throw BatchError.usage("the standard input is the list of --list -: it cannot also be a picture")
      }
      sources.append(Source(path: input, relative: "stdin.png"))
      return
    }
    let paths = input.exists ? [input] : Self.matches(input)
    guard !paths.isEmpty else { throw BatchError.usage("\(input): no such file or folder") }
    let isPattern = paths != [input]
    for path in paths {
      if isPattern, excludes(path.name) || isEarlier(path) { continue }
      guard path.isFolder == true else {
        sources.append(Source(path: path, relative: Self.relative(path)))
        continue
      }
      let before = sources.count + excludedCount + earlierCount
      addImages(in: path)
      if sources.count + excludedCount + earlierCount == before, unreadable.isEmpty {
        throw BatchError.usage("\(path): no images in this folder\(leftOutText.map { "; \($0)" } ?? "")")
      }
    }
  }

  /// The name of a file that was named itself. A pipe's has no extension that could be an output's.
  static func relative(_ path: FilePath) -> FilePath {
    let isNamed = ImageFile.writableExtensions.contains(path.suffix.lowercased())
    return path.kind == .other && !isNamed ? path.name.adding(".png") : path.name
  }

  /// The other files of the folders, counted: `left out: 2 .bmp, 1 without an extension, 3 excluded`; nil if
  /// all are inputs.
  package var leftOutText: String? {
    var parts = leftOut.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { suffix, count in
      suffix.isEmpty ? "\(count) without an extension" : "\(count) .\(suffix)"
    }
    if excludedCount > 0 { parts.append("\(excludedCount) excluded") }
    if earlierCount > 0 { parts.append("\(earlierCount) that earlier runs have made") }
    return parts.isEmpty ? nil : "left out: \(parts.joined(separator: ", "))"
  }

  /// Whether a pattern holds for a name, or for a path below the folder where the pattern has a slash.
  private mutating func excludes(_ relative: FilePath) -> Bool {
    let isExcluded = options.excluded.contains { pattern in
      let text = pattern.utf8.contains(UInt8(ascii: "/")) ? relative : relative.name
      return fnmatch(FilePath(pattern).cString, text.cString, FNM_PATHNAME) == 0
    }
    if isExcluded { excludedCount += 1 }
    return isExcluded
  }

  private mutating func isEarlier(_ path: FilePath) -> Bool {
    guard let journal, journal.isOutput(path) else { return false }
    earlierCount += 1
    return true
  }

  private static func isPattern(_ path: FilePath) -> Bool { path.bytes.contains { "*?[".utf8.contains($0) } }

  /// The files that a shell's pattern matches, for patterns that no shell has expanded.
  private static func matches(_ pattern: FilePath) -> [FilePath] {
    guard isPattern(pattern) else { return [] }
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern.cString, 0, nil, &result) == 0 else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { index in
      result.gl_pathv.flatMap { $0[index] }.map { FilePath($0) }
    }
  }

  /// Adds the images of a folder in order of their names; hidden files are not images.
  private mutating func addImages(in folder: FilePath, below prefix: FilePath = "") {
    let names: [FilePath]
    do { names = try Folder.names(in: folder) } catch {
      unreadable.append(error)
      return
    }
    // Links to names that lead nowhere are said when they are read.
    for name in names where !name.isHidden {
      let (path, relative) = (folder.joined(name), prefix.joined(name))
      let suffix = name.suffix.lowercased()
      let isImage = ImageFile.writableExtensions.contains(suffix)
      switch path.kind {
      case .folder:
        // Links to folders are not followed: they may lead in circles.
        let isOutput = outputFolder != nil && path.place == outputFolder
        if options.recurses, !path.isLink, !isOutput, !excludes(relative) {
          addImages(in: path, below: relative)
        }
      case .file where isImage, nil where isImage:
        if !excludes(relative), !isEarlier(path) { sources.append(Source(path: path, relative: relative)) }
      default: leftOut[suffix, default: 0] += 1
      }
    }
  }
}
