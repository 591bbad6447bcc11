import ArgumentParser
import IRCommandLine
import ImageRestoration

/// What to do where an output is already there.
enum ExistingFile: String, ExpressibleByArgument, CaseIterable {
  case overwrite, skip, rename, fail, resume
}

enum MetadataChoice: String, ExpressibleByArgument, CaseIterable {
  case keep, strip
  case stripGPS = "strip-gps"

  func apply(to metadata: ImageMetadata) -> ImageMetadata {
    switch self {
    case .keep: metadata
    case .strip: metadata.stripped()
    case .stripGPS: metadata.withoutPosition()
    }
  }
}

extension ImageFile.ColourChoice: ExpressibleByArgument {}

extension ImageFile.TIFFCompression: ExpressibleByArgument {}

/// One part of several, for jobs in an array: `2/8`.
struct Shard: ExpressibleByArgument {
  var index: Int
  var count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "/").map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], (1...65536).contains(count),
      (1...count).contains(index)
    else { return nil }
    (self.index, self.count) = (index, count)
  }
}

/// Threads as the ncnn tools count them: `4`, or `load:restore:save`, where the outer two say how many
/// pictures are read ahead and how many wait to be written.
struct ThreadChoice: ExpressibleByArgument {
  var readAhead = 1
  var threads: Int?
  var writeBehind = 1

  init() {}

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.allSatisfy({ $0.map { (1...1024).contains($0) } ?? false }) else { return nil }
    switch parts.count {
    case 1: threads = parts[0]
    case 3: (readAhead, threads, writeBehind) = (parts[0] ?? 1, parts[1], parts[2] ?? 1)
    default: return nil
    }
  }
}

/// Which files are read, and how they are written.
struct FileOptions: ParsableArguments {
  @Option(
    name: [.customShort("f"), .customLong("format")],
    help:
      "The format to write, as an extension (png, jpg, tif, webp, avif, heic, jxl, ppm); by default the input's."
  )
  var format: String?

  @Option(
    name: [.customShort("q"), .customLong("quality")],
    help: "1 to 100, for JPEG, WebP, AVIF, HEIF and JPEG XL.")
  var quality = 95

  @Flag(help: "Write WebP and JPEG XL without loss; lossless WebP stays so by itself.")
  var lossless = false

  @Option(help: "TIFF's compression: none, lzw, deflate, zstd, packbits, jpeg, webp; by default the input's.")
  var compression: ImageFile.TIFFCompression?

  @Flag(help: "Read damaged and truncated pictures as far as they go, and say so.")
  var salvage = false

  @Option(help: "Bits of a sample; auto keeps the input's if the format has them.")
  var depth = SampleDepth.auto

  @Option(help: "EXIF, XMP and IPTC: keep, strip, or strip-gps. Colour profiles stay.")
  var metadata = MetadataChoice.keep

  @Option(help: "Colours: keep values and profile, or convert to srgb.")
  var icc = ImageFile.ColourChoice.keep

  @Option(
    help: ArgumentHelp(
      "Where an output exists: overwrite, skip, rename (name-1.png), fail, or resume.",
      discussion:
        "resume keeps outputs that an earlier run with resume has made of the same input, model and options; "
        + "it notes them in .irrun.jsonl in the output folder."))
  var ifExists = ExistingFile.overwrite

  @Flag(help: "Take images in folders below IN too; OUT gets the same folders.")
  var recurse = false

  @Option(
    help: ArgumentHelp(
      "A file with an input a line, besides those of -i; - reads the list from stdin.", valueName: "file"))
  var list: String?

  @Option(help: ArgumentHelp("Only part I of N, for jobs side by side.", valueName: "i/n"))
  var shard: Shard?

  @Flag(inversion: .prefixedNo, help: "Go on with the other files where one fails.")
  var keepGoing = true

  @Flag(
    help:
      "Say for each file what would be done, in which memory, how long it would take and how large it gets.")
  var dryRun = false

  func validate() throws {
    guard (1...100).contains(quality) else {
      throw ValidationError("--quality is \(quality), must be 1 to 100")
    }
    if let format, !ImageFile.writableExtensions.contains(format.lowercased()) {
      let known = ImageFile.writableExtensions.joined(separator: ", ")
      throw ValidationError("--format \(format) is not one of \(known)")
    }
  }

  var writing: ImageFile.WritingOptions {
    ImageFile.WritingOptions(
      sampleFormat: depth.sampleFormat, quality: quality, isLossless: lossless ? true : nil,
      compression: compression)
  }
}
