import Foundation
import ImageRestoration

/// Reads the pictures of jobs, unless their outputs are there already.
final class ImageReader: Sendable {
  struct Picture: Sendable {
    var image: Image
    var truth: Image?
    /// The digest of what the output depends on, if it is to be noted.
    var key: String?
  }

  struct Loaded: Sendable {
    /// Nil if an earlier run has made the output.
    var picture: Picture?
  }

  private let options: OutputOptions
  private let byteCountLimit: Int?
  private let journal: Journal?
  private let trace: Trace?
  /// The model's upscaling factor.
  private let scale: Int

  init(options: OutputOptions, byteCountLimit: Int?, journal: Journal?, trace: Trace?, scale: Int) {
    self.options = options
    self.byteCountLimit = byteCountLimit
    self.journal = journal
    self.trace = trace
    self.scale = scale
  }

  private var limits: ImageFile.Limits { ImageFile.Limits(byteCount: byteCountLimit) }

  /// Whether a picture is so small that more than one at a time do no harm.
  func isSmall(_ job: Job) -> Bool {
    guard let byteCountLimit, job.input != Job.stream,
      let header = try? ImageFile.header(of: job.input, limits: limits)
    else { return true }
    return header.byteCount < byteCountLimit / 16
  }

  /// The output's name, whose extension is its format; the standard output is a PNG unless told.
  private func outputName(_ job: Job) -> String {
    job.output == Job.stream ? "picture.\(options.format ?? "png")" : job.output
  }

  /// Bytes that writing the result takes.
  func encodingByteCount(_ image: Image, _ scale: Int) -> Int {
    let samples =
      image.width * image.height * scale * scale * (image.channelCount + (image.alpha == nil ? 0 : 1))
    return 2 * samples * ((options.writing.sampleFormat ?? image.sampleFormat) == .uint8 ? 1 : 4)
  }

  func load(_ job: Job) throws -> Loaded {
    let begin = ContinuousClock.now
    defer { trace?.add("read \(job.input)", thread: .reading, from: begin) }
    // A picture that cannot be written is not restored first.
    if let refusal = ImageFile.refusal(writingTo: outputName(job), options: options.writing) {
      throw ImageError.unwritable(path: job.output, reason: refusal)
    }
    var key: String?
    if let journal, job.input != Job.stream {
      let found = try journal.key(of: job)
      if journal.isDone(job, key: found) { return Loaded() }
      key = found
    }
    let image =
      job.input == Job.stream
      ? try ImageFile.read(
        bytes: StandardInput.read(atMost: min(StandardInput.pictureLimit, byteCountLimit ?? .max)),
        name: Job.inputStreamName, limits: limits, colours: options.colours, salvages: options.salvages)
      : try ImageFile.read(job.input, limits: limits, colours: options.colours, salvages: options.salvages)
    if let refusal = ImageFile.refusal(
      writingTo: outputName(job), width: image.width * scale, height: image.height * scale)
    {
      throw ImageError.unwritable(path: job.output, reason: refusal)
    }
    let truth = try job.reference.map { try ImageFile.read($0, limits: limits, colours: options.colours) }
    if let truth, truth.width != image.width * scale || truth.height != image.height * scale {
      let times = scale == 1 ? "" : " (times \(scale))"
      throw ImageError.mismatch(
        detail: "\(job.inputName) has \(image.width)×\(image.height) pixels\(times), "
          + "its reference \(truth.width)×\(truth.height)")
    }
    return Loaded(picture: Picture(image: image, truth: truth, key: key))
  }
}
