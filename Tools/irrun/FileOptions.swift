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
    help: ArgumentHelp("Inputs, and behind them the output unless -o names it.", valueName: "in out"),
    completion: .file())
  var paths: [String] = []

  @Option(
    name: [.customShort("i"), .customLong("input")], parsing: .upToNextOption,
    help: ArgumentHelp(
      "Images, patterns, folders of images, files of tensors, or -; NAME=FILE is a second picture for the model's input of that name.",
      valueName: "in"), completion: .file())
  var inputs: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("output")], parsing: .unconditional,
    help: ArgumentHelp("The file, folder or template to write, or -.", valueName: "out"), completion: .file())
  var output: String?

  @Flag(help: "Read folders below a folder too; the output folder gets the same folders.")
  var recurse = false

  @Option(
    help: ArgumentHelp(
      "Leave out files and folders of this name, as 'draft-*'; with a slash, of this path below the input. May be repeated.",
      valueName: "glob"))
  var exclude: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file with an input a line, besides the other inputs; - restores the lines of the standard input as they come.",
      discussion:
        "With - the model stays loaded, and each line of input is answered by a line of output (--json). Zeros may stand "
        + "for the ends of lines, as find -print0 writes them.",
      valueName: "file"), completion: .file())
  var list: String?

  @Option(help: ArgumentHelp("Restore only part I of N, for runs side by side.", valueName: "i/n"))
  var shard: Shard?

  @Option(
    help: ArgumentHelp(
      "If an output exists: overwrite, skip, rename (name-1.png), fail, or resume.",
      discussion:
        "resume keeps outputs that an earlier run with resume has made of the same input, model and options; "
        + "it notes them in .irrun.jsonl in the output folder."))
  var ifExists = ExistingFile.overwrite

  @Option(
    name: [.customShort("f"), .customLong("format")],
    help: ArgumentHelp(
      "Format to write, as an extension (png, jpg, tif, webp, avif, heic, jxl, ppm); by default the input's.",
      valueName: "extension"))
  var format: String?

  @Option(
    name: [.customShort("q"), .customLong("quality")],
    help: "Quality of JPEG, WebP, AVIF, HEIF and JPEG XL, 1 to 100.")
  var quality = 95

  @Flag(help: "Write WebP and JPEG XL without loss; lossless WebP stays lossless by itself.")
  var lossless = false

  @Option(
    help: "Compression of TIFF: none, lzw, deflate, zstd, packbits, jpeg, webp; by default the input's.")
  var compression: ImageFile.TIFFCompression?

  @Option(help: "Bits of a sample; auto keeps the input's if the format has them.")
  var depth = SampleDepth.auto

  @Option(help: "EXIF, XMP and IPTC: keep, strip, or strip-gps. Colour profiles stay.")
  var metadata = MetadataChoice.keep

  @Option(help: "Colours: keep values and profile, or convert to srgb.")
  var icc = ImageFile.ColourChoice.keep

  @Flag(help: "Give each output the modification time of its input.")
  var preserveTime = false

  @Flag(help: "Read damaged and truncated pictures as far as they go, and say so.")
  var salvage = false

  @Flag(inversion: .prefixedNo, help: "Go on with the other files if one fails.")
  var keepGoing = true

  @Flag(help: "Print how each file would be restored, in which memory, how long it would take, and its size.")
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
      throw ValidationError("no output: name it behind the inputs, or with -o")
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
