import ImageRestoration

/// The treatment of outputs that exist.
package enum ExistingFile: String, CaseIterable, Sendable {
  case overwrite, skip, rename, fail, resume
}

/// Which of the input's EXIF, XMP and IPTC the output states.
package enum MetadataChoice: String, CaseIterable, Sendable {
  case keep, strip
  case stripGPS = "strip-gps"

  package func apply(to metadata: ImageMetadata) -> ImageMetadata {
    switch self {
    case .keep: metadata
    case .strip: metadata.stripped()
    case .stripGPS: metadata.withoutPosition()
    }
  }
}

/// One part of several, for runs side by side.
package struct Shard: Sendable {
  /// 1...count.
  package var index: Int
  package var count: Int

  package init(index: Int, count: Int) {
    self.index = index
    self.count = count
  }

  /// Whether the job at a place of the whole list is of this part.
  func holds(_ place: Int) -> Bool { place % count == index - 1 }
}

/// Which files a batch reads.
package struct InputOptions: Sendable {
  /// Pictures in folders below a folder too.
  package var recurses = false
  /// A file with an input a line; `-` is the standard input, whose lines are restored as they come.
  package var list: String?
  /// Shell patterns of files and folders that are left out where folders and patterns are searched.
  package var excluded: [String] = []
  package var shard: Shard?

  package init() {}

  var listIsStream: Bool { list == Job.stream.text }
}

/// How a batch writes its pictures.
package struct OutputOptions: Sendable {
  /// An extension; nil keeps the input's.
  package var format: String?
  package var ifExists = ExistingFile.overwrite
  /// A second picture for each output. It may replace an earlier one of its kind and no other file.
  package var comparison: Comparison?
  package var writing = ImageFile.WritingOptions()
  package var metadata = MetadataChoice.keep
  package var colours = ImageFile.ColourChoice.keep
  /// Whether damaged pictures are read as far as they go.
  package var salvages = false
  /// Whether an output gets its input's time of modification.
  package var keepsTime = false
  /// Whether folders for outputs are made.
  package var makesFolders = true

  package init() {}

  /// A name for the output of a job, whose extension is its format. What goes through a pipe is a PNG unless
  /// told.
  func name(of job: Job) -> String {
    guard job.writesPipe else { return job.output.text }
    let isNamed = ImageFile.writableExtensions.contains(job.output.suffix.lowercased())
    return "picture.\(format ?? (isNamed ? job.output.suffix : "png"))"
  }

  /// Why no picture can be written for a job, known before one is read; nil if one can.
  func refusal(of job: Job) -> String? {
    let refusal = ImageFile.refusal(writingTo: name(of: job), options: writing)
    guard job.output.suffix.isEmpty, !job.writesPipe else { return refusal }
    return refusal.map { "\($0); a folder's name ends in a slash" }
  }
}
