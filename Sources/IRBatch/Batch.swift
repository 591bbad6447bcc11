import IRFiles
import IRTensorFiles
import ImageRestoration

/// The jobs of one run and the place of their outputs: those of inputs that are known before, and those of a
/// list that comes line by line.
package struct Batch {
  package let destination: Destination
  package let known: JobList
  private let stream: JobStream?
  private let pictures: PictureStream?
  private let options: OutputOptions

  /// `lines` are read if the list of the input options is the standard input. Where that is the only input
  /// and `splits` says so, its pictures are jobs of their own.
  /// - Throws: `BatchError.usage` if inputs, output and options do not fit, `FileError` if a folder cannot be
  ///   made.
  package init(
    _ inputs: [String], to output: String, model: String, reference: String? = nil, input: InputOptions,
    options: OutputOptions, splits: Bool = true, lines: @autoclosure () -> LineStream
  ) throws {
    self.options = options
    destination = try Destination(
      output, model: model, format: options.format, hasSeveral: InputList.mayBeSeveral(inputs, input))
    let list = try InputList(
      inputs, input, outputFolder: destination.isFolder ? destination.folder : nil,
      journal: options.ifExists == .resume ? Journal(folder: destination.folder, common: "") : nil)
    known = try JobList(
      list, to: destination, reference: reference, shard: input.shard, options: options)
    let isStream = input.listIsStream
    guard !isStream || !Self.areTensors(known.jobs) else {
      throw BatchError.usage("--list - takes images: name files of tensors with -i")
    }
    stream =
      isStream
      ? try JobStream(
        lines(), to: destination, reference: reference, shard: input.shard, after: list.sources.count,
        options: options) : nil
    let only = splits && !isStream && known.jobs.count == 1 ? known.jobs[0] : nil
    pictures = try only.flatMap { try $0.input == Job.stream ? PictureStream($0) : nil }
  }

  /// All jobs, in order.
  package var jobs: any JobSource {
    if let pictures { return pictures }
    return stream.map { JobChain([known, $0]) } ?? known
  }

  /// How many jobs there are; nil if the list is not known before the run.
  package var count: Int? { stream == nil && pictures == nil ? known.jobs.count : nil }

  /// Whether jobs are the pictures of the standard input.
  package var isPictureStream: Bool { pictures != nil }

  /// Whether the jobs are files of tensors and not images.
  package var isOfTensors: Bool { Self.areTensors(known.jobs) }

  private static func areTensors(_ jobs: [Job]) -> Bool {
    jobs.first.map { TensorFile.isTensorFile($0.input.text) } ?? false
  }

  /// The folder for the journal of a run that resumes, once the remains of killed runs are removed from all
  /// folders of outputs; nil for other runs.
  package func journalFolder() -> FilePath? {
    guard options.ifExists == .resume else { return nil }
    for folder in Set(known.jobs.map(\.output.folder) + [destination.folder]) {
      AtomicFile.removeAbandoned(in: folder)
    }
    return destination.folder
  }

  /// The journal of a run that resumes; nil for other runs.
  package func journal(for restorer: Restorer, isStrict: Bool) throws -> Journal? {
    guard let folder = journalFolder() else { return nil }
    return Journal(
      folder: folder, common: try Journal.key(of: restorer, options: options, isStrict: isStrict))
  }
}
