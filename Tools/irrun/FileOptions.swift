import ArgumentParser
import IRBatch
import IRCommandLine
import ImageRestoration

extension ExistingFile: ExpressibleByArgument {}
extension MetadataChoice: ExpressibleByArgument {}
extension ImageFile.ColourChoice: ExpressibleByArgument {}
extension ImageFile.TIFFCompression: ExpressibleByArgument {}

/// `2/8`.
extension Shard: ExpressibleByArgument {
  package init?(argument: String) {
    let parts = argument.split(separator: "/").map { Int($0) }
    guard parts.count == 2, let index = parts[0], let count = parts[1], (1...65536).contains(count),
      (1...count).contains(index)
    else { return nil }
    self.init(index: index, count: count)
  }
}

/// Which files are read, and how they are written.
struct FileOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Inputs, followed by the output unless -o names it.", valueName: "in out"),
    completion: .file())
  var paths: [String] = []

  @Option(
    name: [.customShort("i"), .customLong("input")], parsing: .upToNextOption,
    help: ArgumentHelp(
      "Pictures, patterns, folders, files of tensors, or -. NAME=FILE is a picture for the model's further input NAME.",
      valueName: "in"), completion: .file())
  var inputs: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("output")], parsing: .unconditional,
    help: ArgumentHelp("File, folder or template to write, or -.", valueName: "out"), completion: .file())
  var output: String?

  @Flag(help: "Also read the folders inside a folder; the output has the same folders.")
  var recurse = false

  @Option(
    help: ArgumentHelp(
      "Skip files and folders with this name, such as 'draft-*'; a glob with a slash is a path below the input. May be repeated.",
      valueName: "glob"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "Read inputs from FILE, one per line. With -, restore the lines of the standard input as they arrive.",
      discussion:
        "With -, the model stays loaded, and --json answers each line with a line. Lines may also end in NUL, as those "
        + "of find -print0 do.",
      valueName: "file"), completion: .file())
  var list: String?

  @Option(
    help: ArgumentHelp("Restore only part I of N, to divide a folder among several runs.", valueName: "i/n"))
  var shard: Shard?

  @Option(
    help: ArgumentHelp(
      "What to do if an output exists; rename writes name-1.png.",
      discussion:
        "resume keeps the outputs that an earlier run with resume made from the same input, model and options. It "
        + "records them in .irrun.jsonl in the output folder."))
  var ifExists = ExistingFile.overwrite

  @Option(
    name: [.customShort("f"), .customLong("format")],
    help: ArgumentHelp(
      "Format to write: png, jpg, tif, webp, avif, heic, jxl or ppm. (default: the input's)",
      valueName: "extension"))
  var format: String?

  @Option(
    name: [.customShort("q"), .customLong("quality")],
    help: "Quality of JPEG, WebP, AVIF, HEIF and JPEG XL, from 1 to 100.")
  var quality = 95

  @Flag(help: "Write WebP and JPEG XL without loss. (default: if the input is a lossless WebP)")
  var lossless = false

  @Option(
    help: "Compression of TIFF. (default: the input's)")
  var compression: ImageFile.TIFFCompression?

  @Option(help: "Bits per sample; auto keeps the input's if the format allows.")
  var depth = SampleDepth.auto

  @Option(help: "EXIF, XMP and IPTC of the input. Colour profiles always stay.")
  var metadata = MetadataChoice.keep

  @Option(help: "Keep the colour profile, or convert the colours to sRGB.")
  var icc = ImageFile.ColourChoice.keep

  @Flag(help: "Give each output the modification time of its input.")
  var preserveTime = false

  @Flag(help: "Restore the readable part of damaged and truncated pictures, and warn.")
  var salvage = false

  @Flag(inversion: .prefixedNo, help: "Continue with the other files if one fails.")
  var keepGoing = true

  @Flag(help: "Print how each file would be restored, its size, memory and estimated time; write nothing.")
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

  /// Pictures for the model's other inputs.
  var namedPictures: [NamedPicture] { inputs.compactMap { NamedPicture(argument: $0) } }

  /// The inputs and the output: the last of the paths, unless an option names it.
  /// - Throws: `ValidationError` if there is none and `needsOutput`.
  func places(needsOutput: Bool) throws -> (inputs: [String], output: String?) {
    let inputs = inputs.filter { NamedPicture(argument: $0) == nil }
    if output != nil || !needsOutput { return (inputs + paths, output) }
    let inputCount = inputs.count + paths.count - 1 + (list == nil ? 0 : 1)
    guard let last = paths.last, inputCount > 0 else {
      throw ValidationError("no output: name it after the inputs, or with -o")
    }
    return (inputs + paths.dropLast(), last)
  }

  var inputOptions: InputOptions {
    var options = InputOptions()
    options.recurses = recurse
    options.list = list
    options.excluded = exclude
    options.shard = shard
    return options
  }

  var outputOptions: OutputOptions {
    var options = OutputOptions()
    options.format = format
    options.ifExists = ifExists
    options.writing = ImageFile.WritingOptions(
      sampleFormat: depth.sampleFormat, quality: quality, isLossless: lossless ? true : nil,
      compression: compression)
    options.metadata = metadata
    options.colours = icc
    options.salvages = salvage
    options.keepsTime = preserveTime
    options.makesFolders = !dryRun
    return options
  }
}
