import Foundation
import IRFiles
import IRTensorFiles

/// The jobs of inputs that are known before the run.
package final class JobList: JobSource {
  package let jobs: [Job]
  /// Folders of inputs that could not be read.
  package let unreadable: [FileError]
  /// How many files of folders are not inputs; nil if all are.
  package let leftOutText: String?
  /// Inputs whose output was there already.
  package let skippedCount: Int
  private var place = 0

  /// - Throws: `BatchError.usage` if inputs are missing, mixed, or would overwrite each other; `FileError` if
  ///   a folder for outputs cannot be made.
  package init(
    _ inputs: InputList, to destination: Destination, reference: String?, shard: Shard?,
    options: OutputOptions
  ) throws {
    let sources = inputs.sources
    (unreadable, leftOutText) = (inputs.unreadable, inputs.leftOutText)
    let isReferenceFolder = reference.map { InputList.isFolder($0) == true } ?? false
    if let reference, !isReferenceFolder, sources.count > 1 {
      throw BatchError.usage(
        "--reference \(reference) must be a folder, as there are \(sources.count) inputs")
    }
    let all = try sources.map { source in
      Job(
        input: source.path, output: try destination.path(for: source.relative),
        reference: reference.map { isReferenceFolder ? InputList.joined($0, source.relative) : $0 })
    }
    // Numbered outputs meet no other, but parts number theirs without seeing those of the others.
    if options.ifExists != .rename || shard != nil { try Self.check(all) }
    // Every part sees the whole list, so that the parts together are the whole.
    let own = shard.map { shard in all.enumerated().filter { shard.holds($0.offset) }.map(\.element) } ?? all
    var outputs = ExistingOutputs(options.ifExists)
    jobs = try own.compactMap { try outputs.settled($0) }
    skippedCount = own.count - jobs.count
    if options.ifExists == .rename { try Self.check(jobs) }
    guard destination.isFolder, options.makesFolders else { return }
    for folder in Set(jobs.map { PathText.folder($0.output) } + [destination.folder]) where !folder.isEmpty {
      try Folders.make(folder)
    }
  }

  package func next(waits: Bool) -> NextJob {
    guard place < jobs.count else { return .end }
    defer { place += 1 }
    return .job(jobs[place])
  }

  private static func check(_ jobs: [Job]) throws {
    var outputs = OutputOwners()
    for job in jobs { try outputs.add(job) }
    let tensorCount = jobs.count { TensorFile.isTensorFile($0.input) }
    guard tensorCount == 0 || tensorCount == jobs.count else {
      throw BatchError.usage("images and files of tensors cannot be mixed in one run")
    }
  }
}

/// Which input each output of a run is made of.
struct OutputOwners {
  private var inputs: [String: String] = [:]

  /// An input may come again if `allowsRepeats`.
  /// - Throws: `BatchError.usage` if another input has the output, or the output is its own input.
  mutating func add(_ job: Job, allowsRepeats: Bool = false) throws {
    guard job.output != Job.stream else { return }
    if let other = inputs.updateValue(job.input, forKey: job.output), !allowsRepeats || other != job.input {
      throw BatchError.usage(
        "\(other) and \(job.input) would both be written to \(job.output); "
          + "{name} in a template keeps their extensions apart")
    }
    let places = [job.input, job.output].map { URL(fileURLWithPath: $0).resolvingSymlinksInPath() }
    if places[0] == places[1] {
      throw BatchError.usage("\(job.output) would overwrite its input: choose another output")
    }
  }
}

/// Decides about jobs whose outputs exist.
struct ExistingOutputs {
  private let choice: ExistingFile
  private var taken: Set<String> = []

  init(_ choice: ExistingFile) { self.choice = choice }

  /// The job, under another output if that was asked for; nil if its output stays.
  mutating func settled(_ job: Job) throws -> Job? {
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
    switch choice {
    case .overwrite, .resume: return job
    case .skip: return exists(job.output) ? nil : job
    case .fail:
      guard !exists(job.output) else {
        throw BatchError.usage("\(job.output) exists, and --if-exists is fail")
      }
      return job
    case .rename:
      var job = job
      let (stem, suffix) = (PathText.stem(job.output), PathText.suffix(job.output))
      var number = 0
      while exists(job.output) || !taken.insert(job.output).inserted {
        number += 1
        job.output = "\(stem)-\(number)" + (suffix.isEmpty ? "" : ".\(suffix)")
      }
      return job
    }
  }
}

enum Folders {
  /// Makes a folder and those above it.
  /// - Throws: `FileError` with the system's reason.
  static func make(_ path: String) throws(FileError) {
    if let isFolder = InputList.isFolder(path) {
      guard isFolder else { throw FileError(path: path, reason: systemError(ENOTDIR)) }
      return
    }
    let above = PathText.folder(path.hasSuffix("/") && path != "/" ? String(path.dropLast()) : path)
    if !above.isEmpty { try make(above) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST && InputList.isFolder(path) == true else {
      throw FileError(path: path, reason: systemError())
    }
  }
}
