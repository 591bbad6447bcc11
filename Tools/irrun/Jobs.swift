import ArgumentParser
import Foundation
import IRTensorFiles
import ImageRestoration

/// One file to read and the file to write for it.
struct Job {
  var input: String
  var output: String
  var reference: String?
}

/// What the command line asks for: inputs to jobs.
struct JobList {
  private struct Source {
    var path: String
    /// The path below the folder that was named, or the file's own name.
    var relative: String
  }

  let jobs: [Job]
  /// Inputs whose output was there already.
  let skipped: Int

  /// - Throws: `ValidationError` where inputs are missing, mixed, or would overwrite each other.
  init(inputs: [String], output: String, reference: String?, options: FileOptions) throws {
    var sources: [Source] = []
    var hasFolder = false
    for input in try inputs + Self.listed(options.list) {
      guard let isFolder = Self.isFolder(input) else {
        throw ValidationError("\(input): no such file or folder")
      }
      hasFolder = hasFolder || isFolder
      if isFolder {
        sources += try Self.images(in: input, recurse: options.recurse)
      } else {
        sources.append(Source(path: input, relative: (input as NSString).lastPathComponent))
      }
    }
    guard !sources.isEmpty else { throw ValidationError("no inputs: name some with -i or --list") }
    let needsFolder = sources.count > 1 || hasFolder
    let writesFolder = needsFolder || output.hasSuffix("/") || Self.isFolder(output) == true
    if writesFolder, Self.isFolder(output) == false {
      throw ValidationError("\(output) is a file, and \(sources.count) inputs need a folder")
    }
    let isReferenceFolder = reference.map { Self.isFolder($0) == true } ?? false
    if let reference, !isReferenceFolder, sources.count > 1 {
      throw ValidationError("--reference \(reference) must be a folder, as there are \(sources.count) inputs")
    }
    let all = sources.map { source in
      Job(
        input: source.path,
        output: writesFolder ? Self.joined(output, Self.renamed(source.relative, options.format)) : output,
        reference: reference.map { isReferenceFolder ? Self.joined($0, source.relative) : $0 })
    }
    try Self.check(all)
    // Every part sees the whole list, so that the parts together are the whole.
    let own = options.shard.map { shard in
      all.enumerated().filter { $0.offset % shard.count == shard.index - 1 }.map(\.element)
    }
    let kept = try Self.settled(own ?? all, options.ifExists)
    (jobs, skipped) = (kept, (own ?? all).count - kept.count)
    guard writesFolder, !options.dryRun else { return }
    for folder in Set(jobs.map { ($0.output as NSString).deletingLastPathComponent } + [output]) {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
  }

  private static func listed(_ file: String?) throws -> [String] {
    guard let file else { return [] }
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw ValidationError("--list \(file): no such text file")
    }
    return text.split(whereSeparator: \.isNewline).map(String.init)
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
      } else if ImageFile.writableExtensions.contains((name as NSString).pathExtension.lowercased()) {
        result.append(Source(path: path, relative: relative))
      }
    }
    guard !result.isEmpty || !prefix.isEmpty else {
      throw ValidationError("\(folder): no images in this folder")
    }
    return result
  }

  /// The jobs that are left once outputs that exist are dealt with.
  private static func settled(_ jobs: [Job], _ choice: ExistingFile) throws -> [Job] {
    switch choice {
    case .overwrite: return jobs
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
          (job.output as NSString).deletingPathExtension, (job.output as NSString).pathExtension
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
    for job in jobs {
      if let other = owner.updateValue(job.input, forKey: job.output) {
        throw ValidationError("\(other) and \(job.input) would both be written to \(job.output)")
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
    return "\((name as NSString).deletingPathExtension).\(format)"
  }

  private static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// True for a folder, false for another file, nil where nothing is.
  private static func isFolder(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    return isFolder.boolValue
  }
}
