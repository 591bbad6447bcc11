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
      "A model file (.onnx, or a .dtmodel package of darktable), the name or role of an installed model, a pipeline, or a folder of models (-n and -s choose one).",
    completion: .file())
  var model = "symunet-s"

  @Option(
    name: [.customShort("n"), .customLong("name")], parsing: .unconditional,
    help: ArgumentHelp(
      "Name of a model in the folder -m, or a noise level. A level is σ, 0 to 255, for a model that takes one; in a "
        + "folder it selects the model of that name (noise2).",
      discussion:
        "Without a level it is estimated from each picture. 1.5x takes one and a half times the estimate; auto states "
        + "that the model takes a level if its file does not.",
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
    help: "Side of tiles in pixels; 0 restores whole pictures if memory allows. (default: 0)")
  var tile: Int?

  @Option(help: "Overlap of blended tiles in pixels.")
  var overlap = 64

  @Flag(
    name: [.customShort("x"), .customLong("augmented")],
    help: "Average over eight rotations and reflections (test-time augmentation); takes eight times as long.")
  var augmented = false

  @Option(
    help: ArgumentHelp(
      "Strength of the restoration, from 0 (the input) to 1.",
      discussion:
        "A sample becomes input + strength · (restored - input). If the model enlarges, input is the cubic "
        + "enlargement."))
  var strength = 1.0

  @Option(
    help: ArgumentHelp(
      "Share of the input's fine detail (grain, texture) that is kept, from 0 to 1.",
      discussion:
        "Fine detail is the luminance that a Gaussian blur of 2 pixels removes, so coloured noise does not return. For "
        + "a pipeline, --detail is the share of the weights that d4 gets, which invents detail."
    ))
  var detail = 0.0

  @Option(
    help:
      "Pad height and width to multiples of this number. (default: the model's multiple; 1 for tensors)")
  var multiple: Int?

  @Option(
    help: ArgumentHelp(
      "Name of the output that is the restored picture, if the model has several.", valueName: "name"))
  var outputName: String?

  @Option(
    help: ArgumentHelp(
      "Values of black and white in the model, if its file does not state them: 255, -1..1, or MEAN/STD.",
      discussion:
        "MEAN and STD are one number, or three separated by commas (0.485,0.456,0.406/0.229,0.224,0.225). If the result "
        + "has another range, it follows a colon: 255:1.",
      valueName: "range"))
  var range: ModelRange?

  @Option(
    help: ArgumentHelp(
      "How a model of one channel restores a picture in colour: each of the three channels, or luma only.",
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
    self.input = input
    output = parts.count == 2 ? parts[1] : nil
    text = argument
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
