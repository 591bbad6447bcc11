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
    guard let byteCountLimit, !job.readsPipe,
      let header = try? ImageFile.header(of: job.input.text, limits: limits)
    else { return true }
    return header.byteCount < byteCountLimit / 16
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
    if let refusal = options.refusal(of: job) {
      throw ImageError.unwritable(path: job.output.text, reason: refusal)
    }
    var key: String?
    if let journal, !job.readsPipe {
      let found = try journal.key(of: job)
      if journal.isDone(job, key: found) { return Loaded() }
      key = found
    }
    let image =
      job.readsPipe
      ? try ImageFile.read(
        bytes: PipedPicture.read(job, atMost: min(PipedPicture.byteCountLimit, byteCountLimit ?? .max)),
        name: job.inputName, limits: limits, colours: options.colours, salvages: options.salvages)
      : try ImageFile.read(
        job.input.text, limits: limits, colours: options.colours, salvages: options.salvages)
    if let refusal = ImageFile.refusal(
      writingTo: options.name(of: job), width: image.width * scale, height: image.height * scale)
    {
      throw ImageError.unwritable(path: job.output.text, reason: refusal)
    }
    let truth = try job.reference.map {
      try ImageFile.read($0.text, limits: limits, colours: options.colours)
    }
    if let truth, truth.width != image.width * scale || truth.height != image.height * scale {
      let times = scale == 1 ? "" : " (times \(scale))"
      throw ImageError.mismatch(
        detail: "\(job.inputName) has \(image.width)×\(image.height) pixels\(times), "
          + "its reference \(truth.width)×\(truth.height)")
    }
    return Loaded(picture: Picture(image: image, truth: truth, key: key))
  }
}
