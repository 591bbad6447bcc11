import ArgumentParser
import Foundation
import IRFiles
import IRTensorFiles
import ImageRestoration

/// One file to read and the file to write for it.
struct Job: Sendable {
  /// `-` is the standard stream.
  static let stream = "-"
  /// What messages call it where it is read.
  static let inputStreamName = "the standard input"

  var input: String
  var output: String
  var reference: String?

  /// The input as messages name it.
  var inputName: String { input == Self.stream ? Self.inputStreamName : input }
}

/// What the command line asks for: inputs to jobs.
struct JobList {
  let jobs: [Job]
  /// Folders of inputs that could not be read.
  let unreadable: [FileError]
  /// How many files of folders are no inputs, by extension; nil where all are.
  let leftOutText: String?
  /// Inputs whose output was there already.
  let skipped: Int
  /// Where outputs go: the folder, or that of the one file.
  let folder: String

  /// - Throws: `ValidationError` where inputs are missing, mixed, or would overwrite each other.
  init(inputs: [String], output: String, reference: String?, options: FileOptions, model: String) throws {
    let template = OutputTemplate(output, model: model, format: options.format)
    let isFolder = output != Job.stream && InputList.isFolder(output) == true
    let found = try InputList(
      inputs, options, outputFolder: template.map(\.folder) ?? (isFolder ? output : nil))
    let sources = found.sources
    (unreadable, leftOutText) = (found.unreadable, found.leftOut.isEmpty ? nil : found.leftOutText)
    let needsFolder = sources.count > 1 || found.hasFolder
    let writesFolder =
      template == nil && output != Job.stream
      && (needsFolder || output.hasSuffix("/") || InputList.isFolder(output) == true)
    if output == Job.stream, needsFolder {
      throw ValidationError("the standard output takes one picture, and there are \(sources.count) inputs")
    }
    if writesFolder, InputList.isFolder(output) == false {
      throw ValidationError("\(output) is a file, and \(sources.count) inputs need a folder")
    }
    let isReferenceFolder = reference.map { InputList.isFolder($0) == true } ?? false
    if let reference, !isReferenceFolder, sources.count > 1 {
      throw ValidationError("--reference \(reference) must be a folder, as there are \(sources.count) inputs")
    }
    let all = try sources.map { source in
      Job(
        input: source.path,
        output: try template?.path(for: source.relative)
          ?? (writesFolder
            ? InputList.joined(output, Self.renamed(source.relative, options.format))
            : output),
        reference: reference.map { isReferenceFolder ? InputList.joined($0, source.relative) : $0 })
    }
    // Numbered outputs meet no other, but parts number theirs without seeing those of the others.
    if options.ifExists != .rename || options.shard != nil { try Self.check(all) }
    // Every part sees the whole list, so that the parts together are the whole.
    let own = options.shard.map { shard in
      all.enumerated().filter { $0.offset % shard.count == shard.index - 1 }.map(\.element)
    }
    let kept = try Self.settled(own ?? all, options.ifExists)
    if options.ifExists == .rename { try Self.check(kept) }
    (jobs, skipped) = (kept, (own ?? all).count - kept.count)
    folder = template?.folder ?? (writesFolder ? output : PathText.folder(output))
    guard writesFolder || template != nil, !options.dryRun else { return }
    for folder in Set(jobs.map { PathText.folder($0.output) } + [folder])
    where !folder.isEmpty {
      try Self.makeFolder(folder)
    }
  }

  /// Makes a folder and those above it.
  /// - Throws: `FileError` with the system's reason.
  private static func makeFolder(_ path: String) throws(FileError) {
    if let isFolder = InputList.isFolder(path) {
      guard isFolder else { throw FileError(path: path, reason: systemError(ENOTDIR)) }
      return
    }
    let above = PathText.folder(path.hasSuffix("/") && path != "/" ? String(path.dropLast()) : path)
    if !above.isEmpty { try makeFolder(above) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST && InputList.isFolder(path) == true else {
      throw FileError(path: path, reason: systemError())
    }
  }

  /// The jobs that are left once outputs that exist are dealt with.
  private static func settled(_ jobs: [Job], _ choice: ExistingFile) throws -> [Job] {
    switch choice {
    case .overwrite, .resume: return jobs
    case .skip: return jobs.filter { !FileManager.default.fileExists(atPath: $0.output) }
    case .fail:
      if let job = jobs.first(where: { FileManager.default.fileExists(atPath: $0.output) }) {
        throw ValidationError("\(job.output) exists, and --if-exists is fail")
      }
      return jobs
    case .rename:
      var taken: Set<String> = []
      return jobs.map { job in
        var job = job
        let (stem, suffix) = (
          PathText.stem(job.output), PathText.suffix(job.output)
        )
        var number = 0
        while FileManager.default.fileExists(atPath: job.output) || !taken.insert(job.output).inserted {
          number += 1
          job.output = "\(stem)-\(number)" + (suffix.isEmpty ? "" : ".\(suffix)")
        }
        return job
      }
    }
  }

  private static func check(_ jobs: [Job]) throws {
    var owner: [String: String] = [:]
    for job in jobs where job.output != Job.stream {
      if let other = owner.updateValue(job.input, forKey: job.output) {
        throw ValidationError(
          "\(other) and \(job.input) would both be written to \(job.output); "
            + "{name} in a template keeps their extensions apart")
      }
      let places = [job.input, job.output].map { URL(fileURLWithPath: $0).resolvingSymlinksInPath() }
      if places[0] == places[1] {
        throw ValidationError("\(job.output) would overwrite its input: choose another output")
      }
    }
    let tensorCount = jobs.count { TensorFile.isTensorFile($0.input) }
    guard tensorCount == 0 || tensorCount == jobs.count else {
      throw ValidationError("images and files of tensors cannot be mixed in one run")
    }
  }

  private static func renamed(_ name: String, _ format: String?) -> String {
    guard let format, !TensorFile.isTensorFile(name) else { return name }
    return "\(PathText.stem(name)).\(format)"
  }
}

/// An output path with places to fill in: `restored/{stem}_{model}.{ext}`. Folders of the input's tree go
/// before the first name with such a place.
struct OutputTemplate {
  let folder: String
  private let names: String
  private let model: String
  private let format: String?

  /// Nil where the text has no places.
  init?(_ text: String, model: String, format: String?) {
    guard text.contains("{") else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let first = parts.firstIndex { $0.contains("{") } ?? 0
    folder = parts[..<first].joined(separator: "/")
    names = parts[first...].joined(separator: "/")
    self.model = PathText.stem(PathText.name(model))
    self.format = format
  }

  /// - Throws: `ValidationError` for an unknown place.
  func path(for relative: String) throws -> String {
    let name = PathText.name(relative)
    let values = [
      "stem": PathText.stem(name), "ext": format ?? PathText.suffix(name), "name": name,
      "model": model,
    ]
    var result = ""
    var rest = names[...]
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}"),
        let value = values[String(rest[rest.index(after: open)..<close])]
      else {
        throw ValidationError(
          "the output \(names) has an unknown place: known are {stem}, {ext}, {name}, {model}")
      }
      result += rest[..<open] + value
      rest = rest[rest.index(after: close)...]
    }
    result += rest
    let tree = PathText.folder(relative)
    return [folder, tree, result].filter { !$0.isEmpty }.joined(separator: "/")
  }
}
