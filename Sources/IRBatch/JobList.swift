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
    let reference = reference.map { FilePath($0) }
    let isReferenceFolder = reference?.isFolder == true
    if let reference, !isReferenceFolder, sources.count > 1 {
      throw BatchError.usage(
        "--reference \(reference) must be a folder, as there are \(sources.count) inputs")
    }
    let all = try sources.map { source in
      Job(
        input: source.path, output: try destination.path(for: source.relative),
        reference: reference.map { isReferenceFolder ? $0.joined(source.relative) : $0 })
    }
    // Numbered outputs meet no other, but parts number theirs without seeing those of the others.
    if options.ifExists != .rename || shard != nil { try Self.check(all, options) }
    // Every part sees the whole list, so that the parts together are the whole.
    let own = shard.map { shard in all.enumerated().filter { shard.holds($0.offset) }.map(\.element) } ?? all
    var outputs = ExistingOutputs(options.ifExists)
    jobs = try own.compactMap { try outputs.settled($0) }
    skippedCount = own.count - jobs.count
    if options.ifExists == .rename { try Self.check(jobs, options) }
    guard destination.isFolder, options.makesFolders else { return }
    for folder in Set(jobs.map(\.output.folder) + [destination.folder]) where !folder.isEmpty {
      try Folder.make(folder)
    }
  }

  package func next(waits: Bool) -> NextJob {
    guard place < jobs.count else { return .end }
    defer { place += 1 }
    return .job(jobs[place])
  }

  private static func check(_ jobs: [Job], _ options: OutputOptions) throws {
    var outputs = OutputOwners(inputs: jobs.map(\.input), options.comparison)
    for job in jobs { try outputs.add(job) }
    let tensorCount = jobs.count { TensorFile.isTensorFile($0.input.text) }
    guard tensorCount == 0 || tensorCount == jobs.count else {
      throw BatchError.usage("images and files of tensors cannot be mixed in one run")
    }
  }
}

/// Which input each file of a run is made of.
struct OutputOwners {
  private var owners: [FilePath: FilePath] = [:]
  private let comparison: Comparison?
  /// Places of inputs, which no file of the run takes.
  private let inputs: Set<FilePath>

  init(inputs: [FilePath] = [], _ comparison: Comparison?) {
    self.inputs = Set(inputs.lazy.filter { $0 != Job.stream }.map(\.place))
    self.comparison = comparison
  }

  /// An input may come again if `allowsRepeats`.
  /// - Throws: `BatchError.usage` if another input has the output, or the output is an input.
  mutating func add(_ job: Job, allowsRepeats: Bool = false) throws {
    guard !job.writesPipe else { return }
    for output in [job.output] + (comparison.map { [$0.path(beside: job.output)] } ?? []) {
      if let other = owners.updateValue(job.input, forKey: output), !allowsRepeats || other != job.input {
        throw BatchError.usage(
          "\(other) and \(job.input) would both be written to \(output); "
            + "{name} in a template keeps their extensions apart")
      }
      let place = output.place
      guard place != job.input.place else {
        throw BatchError.usage("\(output) would overwrite its input: choose another output")
      }
      guard !inputs.contains(place) else {
        throw BatchError.usage(
          "\(output) would overwrite another input: choose another output, or leave earlier ones out with --exclude"
        )
      }
    }
  }
}

/// Decides about jobs whose outputs exist.
struct ExistingOutputs {
  private let choice: ExistingFile
  private var taken: Set<FilePath> = []

  init(_ choice: ExistingFile) { self.choice = choice }

  /// The job, under another output if that was asked for; nil if its output stays.
  mutating func settled(_ job: Job) throws -> Job? {
    guard !job.writesPipe else { return job }
    switch choice {
    case .overwrite, .resume: return job
    case .skip: return job.output.exists ? nil : job
    case .fail:
      guard !job.output.exists else {
        throw BatchError.usage("\(job.output) exists, and --if-exists is fail")
      }
      return job
    case .rename:
      var job = job
      let first = job.output
      job.unnumbered = first
      var number = 0
      while job.output.exists || !taken.insert(job.output).inserted {
        number += 1
        job.output = first.numbered(number)
      }
      return job
    }
  }
}
