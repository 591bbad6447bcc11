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

  /// - Throws: `ValidationError` where one stands for nothing.
  init(_ inputs: [String], _ options: FileOptions) throws {
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
        sources += try Self.images(in: path, recurse: options.recurse)
      }
    }
    guard !sources.isEmpty else { throw ValidationError("no inputs: name some with -i or --list") }
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

  /// The images of a folder in order of their names; hidden files are no images.
  private static func images(in folder: String, recurse: Bool, below prefix: String = "") throws -> [Source] {
    var result: [Source] = []
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    for name in names where !name.hasPrefix(".") {
      let path = joined(folder, name)
      let relative = prefix.isEmpty ? name : "\(prefix)/\(name)"
      if isFolder(path) == true {
        // Links to folders are not followed: they may lead in circles.
        let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: path)) != nil
        if recurse, !isLink { result += try images(in: path, recurse: true, below: relative) }
      } else if ImageFile.writableExtensions.contains(PathText.suffix(name).lowercased()) {
        result.append(Source(path: path, relative: relative))
      }
    }
    guard !result.isEmpty || !prefix.isEmpty else {
      throw ValidationError("\(folder): no images in this folder")
    }
    return result
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
