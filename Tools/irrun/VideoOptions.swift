import ArgumentParser
import Foundation
import IRBatch
import IRFiles
import IRVideo

extension YCbCr.Matrix: ExpressibleByArgument {}

/// `640x360:rgb24`.
extension RawFrames: ExpressibleByArgument {
  package init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    let sides = (parts.first ?? "").split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, sides.count == 2, let width = sides[0], let height = sides[1],
      let pixels = Pixels(rawValue: String(parts[1])), (1...65_500).contains(width),
      (1...65_500).contains(height)
    else { return nil }
    self.init(width: width, height: height, pixels: pixels)
  }
}

/// How the frames of a stream are stored, where it does not say.
struct VideoOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The input is frames without a header, such as 640x360:rgb24; so is the output.",
      discussion: "Pixel formats: gray, gray16le, rgb24, rgb48le and gbrpf32le, as in ffmpeg.",
      valueName: "frames"))
  var raw: RawFrames?

  @Option(
    help: ArgumentHelp(
      "Colour matrix of a YUV4MPEG2 stream: BT.601 or BT.709. (default: 709 if frames are larger than 1024×576)",
      valueName: "matrix"))
  var matrix: YCbCr.Matrix?

  @Flag(
    help: ArgumentHelp(
      "Blend each frame with the result before it where nothing moves, so that less flickers.",
      discussion: "For YUV4MPEG2 and raw frames, and models that keep the sides."))
  var temporal = false

  /// The extension of streams in files.
  static let suffix = "y4m"

  /// The stream of frames that the inputs are; nil if they are pictures or tensors.
  /// - Throws: `ValidationError`, `VideoError`.
  func reader(_ inputs: [String], list: String?) throws -> FrameReader? {
    let reader = try frames(inputs, list: list)
    guard reader != nil || !temporal else {
      throw ValidationError("--temporal is for streams of frames: YUV4MPEG2, or --raw")
    }
    return reader
  }

  private func frames(_ inputs: [String], list: String?) throws -> FrameReader? {
    guard inputs.count == 1, list == nil, let input = inputs.first else {
      if raw != nil { throw ValidationError("--raw takes one input") }
      return nil
    }
    let path = FilePath(input)
    if path == Job.stream {
      if let raw { return try FrameReader(STDIN_FILENO, raw: raw) }
      let first = try StandardInput.lookAhead(Y4MHeader.magic.utf8.count)
      guard first.elementsEqual(Y4MHeader.magic.utf8) else { return nil }
      return try FrameReader(STDIN_FILENO, first: StandardInput.takeAhead(), matrix: matrix)
    }
    guard raw != nil || path.suffix.lowercased() == Self.suffix else { return nil }
    let descriptor = open(path.cString, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: input, reason: String(cString: strerror(errno))) }
    return try FrameReader(descriptor, raw: raw, matrix: matrix)
  }
}
