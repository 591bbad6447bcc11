import ArgumentParser
import IRBatch
import IRFiles
import IRTensorFiles
import ImageRestoration

/// Which model restores, and how.
struct ModelOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help:
      "A model file (.onnx, or .dtmodel of darktable), the name or role of an installed model, a pipeline, or a folder of models to choose from with -n and -s.",
    completion: .file())
  var model = "symunet-s"

  @Option(
    name: [.customShort("n"), .customLong("name")], parsing: .unconditional,
    help: ArgumentHelp(
      "The name of a model in the folder -m; a number is the noise level: σ of 0...255 for models that take it, "
        + "else the model of a folder that is called after it (noise2).",
      discussion:
        "Without it the level is estimated from each picture; 1.5x takes one and a half times the estimate, and auto "
        + "says that the model takes a level where its file does not tell.",
      valueName: "name|level"))
  var name: String?

  @Option(
    name: [.customShort("s"), .customLong("scale")],
    help:
      "Upscaling factor. Selects among the models in a folder (scale2, x4); must match the chosen model."
  )
  var scale: Int?

  @Option(
    name: [.customShort("t"), .customLong("tile-size")],
    help: "Side of tiles in pixels; 0 restores whole if memory allows.")
  var tile: Int?

  @Option(help: "Overlap of blended tiles in pixels, for networks that see the whole picture.")
  var overlap = 64

  @Flag(
    name: [.customShort("x"), .customLong("augmented")],
    help: "Test-time augmentation: average over eight rotations and reflections.")
  var augmented = false

  @Option(
    help: ArgumentHelp(
      "Share of the restoration in the result, from 0 (the input) to 1.",
      discussion:
        "Every sample is input + strength · (restored - input). A model that enlarges is blended with the input's "
        + "cubic enlargement."))
  var strength = 1.0

  @Option(
    help: ArgumentHelp(
      "Share of the input's fine luminance (grain, texture) in the result, from 0 to 1.",
      discussion:
        "Fine is what a Gaussian blur of 2 pixels removes. Only luminance is kept, so coloured noise does not return. "
        + "Of a pipeline it is the share of the weights that goes to d4, which invents detail."
    ))
  var detail = 0.0

  @Option(
    help:
      "Pad height and width to multiples of this; by default as the model needs, and not at all for tensors.")
  var multiple: Int?

  @Option(
    help: ArgumentHelp(
      "The model's output that is the restored picture, where it has several.", valueName: "name"))
  var outputName: String?

  @Option(
    help: ArgumentHelp(
      "The model's numbers for black and white, where its file does not state them: 255, -1..1, or MEAN/STD.",
      discussion:
        "MEAN/STD are one number or three with commas, as 0.485,0.456,0.406/0.229,0.224,0.225. A range behind a colon "
        + "is the result's, if that is another: 255:1.",
      valueName: "range"))
  var range: ModelRange?

  @Option(
    help: ArgumentHelp(
      "What a model of one channel restores of pictures in colour: channels, each of the three, or luma.",
      valueName: "how"))
  var grey = RestorationSettings.GreyHandling.channels

  func validate() throws {
    if let tile, tile != 0, !(32...65536).contains(tile) {
      throw ValidationError("-t is \(tile), must be 0 or at least 32")
    }
    guard (0...4096).contains(overlap) else {
      throw ValidationError("--overlap is \(overlap), must be 0 to 4096")
    }
    guard (0...1).contains(strength) else {
      throw ValidationError("--strength is \(strength), must be 0 to 1")
    }
    guard (0...1).contains(detail) else { throw ValidationError("--detail is \(detail), must be 0 to 1") }
    if let multiple, !(1...4096).contains(multiple) {
      throw ValidationError("--multiple is \(multiple), must be 1 to 4096")
    }
    if let scale, !(1...16).contains(scale) { throw ValidationError("-s is \(scale), must be 1 to 16") }
    if let level, !(0...255).contains(level) { throw ValidationError("-n is \(level), must be 0 to 255") }
  }

  /// Whether nothing is stated that only models of one network have.
  var isPlain: Bool {
    name == nil && !augmented && strength == 1 && multiple == nil && overlap == 64 && outputName == nil
      && range == nil && grey == .channels
  }

  private var level: Double? { name.flatMap { Double($0) } }
  /// The number of `1.5x`; `auto` is `1x`.
  private var factor: Double? {
    guard !isFolder, let name else { return nil }
    if name == "auto" { return 1 }
    guard name.hasSuffix("x") else { return nil }
    return Double(name.dropLast()).flatMap { (0...100).contains($0) ? $0 : nil }
  }
  private var isFolder: Bool { FilePath(model).isFolder == true }

  var settings: RestorationSettings {
    var settings = RestorationSettings(
      tileSize: tile == 0 ? nil : tile, overlap: overlap, isAugmented: augmented,
      noiseLevel: isFolder ? nil : level, strength: strength, detail: detail)
    settings.noiseFactor = factor
    settings.outputName = outputName
    (settings.inputRange, settings.outputRange) = (range?.input, range?.output)
    settings.greyHandling = grey
    return settings
  }

  /// The model to load: as named, or the one of a folder that -n and -s leave.
  /// - Throws: `ValidationError` or `BatchError.usage` if they leave none or several.
  func path() throws -> String {
    guard isFolder else {
      guard name == nil || level != nil || factor != nil else {
        throw ValidationError(
          "-n \(name ?? "") names a model in a folder, but -m \(model) is not a folder: a noise level is a number, "
            + "a multiple of the estimate (1.5x) or auto")
      }
      guard FilePath(model).suffix.lowercased() == DarktablePackage.suffix else { return model }
      do { return try DarktablePackage.unpacked(model, scale: scale) } catch TensorFileError.file(
        let path, let reason)
      { throw RestorationError.unreadableModel(path: path, reason: reason) } catch TensorFileError.malformed(
        let path, let detail)
      { throw RestorationError.unreadableModel(path: path, reason: detail) }
    }
    return try ModelFolder.model(
      in: model, name: level == nil ? name : nil, level: level == nil ? nil : name, scale: scale)
  }
}

/// The numbers of `--range`.
struct ModelRange: ExpressibleByArgument {
  var input: ValueRange
  var output: ValueRange?
  private let text: String

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map {
      ValueRange(String($0))
    }
    guard (1...2).contains(parts.count), let input = parts[0] else { return nil }
    if parts.count == 2, parts[1] == nil { return nil }
    (self.input, output, text) = (input, parts.count == 2 ? parts[1] : nil, argument)
  }

  var defaultValueDescription: String { text }
}

extension RestorationSettings.GreyHandling: ExpressibleByArgument {}

/// A second picture of `--input NAME=FILE`.
struct NamedPicture {
  var name: String
  var path: String

  /// Nil where the argument is a file itself, or none stands behind the sign.
  init?(argument: String) {
    // A byte, whatever mark the file's name begins with.
    guard !FilePath(argument).exists, let sign = argument.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      return nil
    }
    (name, path) = (String(argument[..<sign]), String(argument[argument.utf8.index(after: sign)...]))
    guard !name.isEmpty, FilePath(path).exists else { return nil }
  }
}
