import ArgumentParser
import Foundation
import IRCommandLine
import IRDiffusion
import IRFiles
import IRGraph
import IRModels
import IRONNX
import IRTensorFiles

@main
struct IRExport: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irexport",
    abstract: "Freezes a network with its weights into an ONNX file, or rewrites a model file.",
    discussion: """
      SOURCE is a network (\(NetworkCatalogue.networks.map { $0.name }.joined(separator: ", "))), \
      a model file (.onnx), or unires.

      The file is plain ONNX in standard operators; height and width stay open unless --size fixes them. Weights \
      keep the names of the official checkpoints: prefixes such as "module." or "params." are found and left out, \
      and every name that is missing, unexpected or of another shape is reported. Without --weights they are \
      fresh, from --seed: a network of the right cost, not a trained one.

      A model file is written with its constants computed and its duplicates merged; --opset writes another \
      operator set. One that computes with its open sizes keeps its nodes.

      unires freezes the parts of a latent diffusion model (Stable Diffusion 1 or 2, InstructPix2Pix, or a fine-tuned \
      one) into a folder: unet/model.onnx with the tasks' prompts as constants, vae_encoder/model.onnx, \
      vae_decoder/model.onnx, scheduler/scheduler_config.json and model_index.json. --weights is diffusers' folder \
      of the model, or one file of all parts (.safetensors, .ckpt).

      --dtmodel writes a model file as a package for darktable: the network at one size of tiles, its card, and a line \
      for the package in versions.json beside it. -o is the package (ID.dtmodel), or a folder.

      Exit codes: 0, 2 usage, 3 settings, weights or model were refused, 4 a file could not be read or written, \
      6 --verify found a difference.

      EXAMPLES
        irexport symunet --weights symunet.pth -o symunet.onnx --verify 3
        irexport nafnet --config sidd-64 --size 256x256 -o nafnet.onnx
        irexport daair --config settings.json --weights daair.safetensors -o daair.onnx --f16-weights
        irexport promptir --card
        irexport network.onnx -o smaller.onnx --opset 20 --f16-weights --verify 2
        irexport symunet-denoise.onnx --dtmodel --tile 512 -o packages/
        irexport unires --weights instruct-pix2pix/ --unscaled-condition -o restorer --f16-weights
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [.option("--dims", now: "--size")]

  @Argument(help: "A network, or a model file.", completion: .file())
  var source: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "A JSON file of the official constructor's arguments, or a name of settings (--card lists them).",
      valueName: "file|name"), completion: .file())
  var config: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Weights: .safetensors, .npz, or PyTorch's .pth, of which nothing is executed. Several files add up.",
      valueName: "file"), completion: .file())
  var weights: [String] = []

  @Option(help: "Seed of fresh weights.")
  var seed: UInt64 = 0

  @Option(
    help:
      "Fresh weights: initial ones for training, or, to compare runtimes, weights that all affect the output."
  )
  var fresh = FreshWeights.training

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "onnx"), completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Fix height and width; dynamic, the default, leaves them open.", valueName: "HxW"))
  var size = Dimensions.dynamic

  @Option(help: "Batch size.")
  var batch = 1

  @Option(help: "The operator set to write; by default 18, of unires 21, of model files their own.")
  var opset: Int64?

  @Flag(name: .customLong("f16-weights"), help: "Store large weights as float16; computing stays float32.")
  var halfWeights = false

  @Flag(help: "Write large weights to a second file, <onnx>.data.")
  var external = false

  @Flag(help: "Leave out dates and file names: the same network gives the same bytes.")
  var reproducible = false

  @Option(
    help: ArgumentHelp("Metadata to add to the card's or to replace it.", valueName: "key=value"))
  var meta: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run this many inputs through graph, file and reference interpreter, and print the largest differences.",
      valueName: "n"))
  var verify = 0

  @Option(
    help: ArgumentHelp(
      "unires: a LoRA file to add to the weights, with its strength. May be repeated.",
      valueName: "file[:strength]"), completion: .file())
  var lora: [LowRankFile] = []

  @Option(
    help: ArgumentHelp(
      "unires: TAESD's weights in diffusers' names, for a small decoder that searches judge candidates with.",
      valueName: "file"), completion: .file())
  var taesd: String?

  @Option(help: "unires: prediction type of the UNet, if the model's files do not state it.")
  var prediction: Prediction?

  @Flag(help: "unires: give the UNet the unscaled latents of the picture, as InstructPix2Pix does.")
  var unscaledCondition = false

  @Flag(
    name: .customLong("dtmodel"),
    help: "Write a package for darktable, of a model file that restores pictures in colour.")
  var darktable = false

  @Option(help: ArgumentHelp("--dtmodel: the side of tiles in pixels, by default 512.", valueName: "n"))
  var tile: Int?

  @Flag(help: "Print the network's card, settings and parameters; writes nothing without -o.")
  var card = false

  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    guard card || output != nil else {
      throw ValidationError("no output: name a file with -o, or ask for --card")
    }
    guard (1...64).contains(batch) else { throw ValidationError("--batch is \(batch), must be 1 to 64") }
    guard (0...100).contains(verify) else { throw ValidationError("--verify is \(verify), must be 0 to 100") }
    if let opset, !ONNXModel.writableOpsets.contains(opset) {
      let (first, last) = (ONNXModel.writableOpsets.lowerBound, ONNXModel.writableOpsets.upperBound)
      throw ValidationError("--opset is \(opset), must be \(first) to \(last)")
    }
    for entry in meta where !entry.contains("=") {
      throw ValidationError("--meta takes key=value, not \(entry)")
    }
    try validatePipeline()
    try validateDarktable()
    if isFile, !weights.isEmpty || config != nil || batch != 1 || card {
      throw ValidationError("--weights, --config, --batch and --card are for networks, not for model files")
    }
  }

  private func validatePipeline() throws {
    guard isPipeline else {
      guard lora.isEmpty, taesd == nil, prediction == nil, !unscaledCondition else {
        throw ValidationError("--lora, --prediction and --unscaled-condition are for unires")
      }
      return
    }
    guard weights.count == 1 else {
      throw ValidationError("unires takes one --weights: a folder of diffusers, or one file of all parts")
    }
    guard size == .dynamic, batch == 1, !card else {
      throw ValidationError("--size, --batch and --card are not for unires")
    }
  }

  private func validateDarktable() throws {
    guard darktable else {
      guard tile == nil else { throw ValidationError("--tile is for --dtmodel") }
      return
    }
    guard isFile else { throw ValidationError("--dtmodel takes a model file: freeze \(source) first") }
    guard size == .dynamic, !external, verify == 0 else {
      throw ValidationError("--size, --external and --verify are not for --dtmodel; --tile is its size")
    }
    guard (64...4096).contains(tile ?? 512) else {
      throw ValidationError("--tile is \(tile ?? 512), must be 64 to 4096")
    }
  }

  /// Not one network, but several in a folder.
  var isPipeline: Bool { source.lowercased() == "unires" }

  /// A network's name is that network, whatever lies in the folder at hand.
  var isFile: Bool {
    if source.hasSuffix(".onnx") { return true }
    if isPipeline { return false }
    return (try? NetworkCatalogue.network(source)) == nil && FilePath(source).exists
  }

  func run() throws { try Export(options: self).run() }

  static func exitCode(of error: any Error) -> ExitCode {
    switch error {
    case ONNXError.file, is TensorFileError: .someFailed
    default: .rejected
    }
  }
}

/// Weights that no file has.
enum FreshWeights: String, ExpressibleByArgument, CaseIterable { case training, check }

/// Sides of pictures: open, or fixed.
enum Dimensions: ExpressibleByArgument, Hashable {
  case dynamic
  case fixed(Sides)

  init?(argument: String) {
    if argument == "dynamic" { self = .dynamic; return }
    guard let sides = Sides(argument: argument) else { return nil }
    self = .fixed(sides)
  }

  var defaultValueDescription: String {
    switch self {
    case .dynamic: "dynamic"
    case .fixed(let sides): sides.defaultValueDescription
    }
  }
}

extension Prediction: ExpressibleByArgument {}
