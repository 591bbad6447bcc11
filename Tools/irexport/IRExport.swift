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
    abstract: "Writes a network with its weights as an ONNX file, or rewrites a model file.",
    usage: "irexport [options] SOURCE -o FILE",
    discussion: """
      SOURCE is a network (\(networks)), a model file (.onnx), or unires, which stands for the parts of a latent diffusion \
      model.

      A network is written as plain ONNX of standard operators. Height and width stay open unless --size fixes them. \
      Weights have the names of the official checkpoint; a prefix such as "module." is removed, and each missing, \
      unexpected or misshapen weight is an error. Without --weights, the weights are random: such a network costs as \
      much as a trained one and restores nothing.

      A model file is rewritten: constants are computed, and duplicates merged. A file that computes with its open sizes \
      keeps its nodes.

      unires writes a folder: unet/model.onnx with the prompts of the tasks as constants, vae_encoder/model.onnx, \
      vae_decoder/model.onnx, scheduler/scheduler_config.json and model_index.json. --weights is a diffusers folder of \
      Stable Diffusion 1 or 2, InstructPix2Pix or a fine-tuned one, or a single file (.safetensors, .ckpt).

      \(HelpText.exitCodes([
        3: "settings, weights or the model were rejected", 4: "a file cannot be read or written",
        6: "--verify found a difference",
      ]))

      EXAMPLES
        irexport symunet --weights symunet.pth -o symunet.onnx --verify 3
        irexport nafnet --config sidd-64 --size 256x256 -o nafnet.onnx
        irexport daair --weights daair.safetensors -o daair.onnx --f16-weights
        irexport promptir --card
        irexport network.onnx -o smaller.onnx --opset 20 --verify 2
        irexport symunet-denoise.onnx --dtmodel --tile 512 -o packages/
        irexport unires --weights instruct-pix2pix/ -o restorer --f16-weights

      SEE ALSO
        irdump (describes a model), irrun (restores with it), Models/*/README.md
      """, version: Version.text)
  private static var networks: String { NetworkCatalogue.networks.map { $0.name }.joined(separator: ", ") }

  static let oldSpellings: [OldSpelling] = [.option("--dims", now: "--size")]

  @Argument(help: "A network, a model file, or unires.", completion: .file())
  var source: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Settings of the network: a JSON file of the official constructor's arguments, or a name that --card lists.",
      valueName: "file|name"), completion: .file())
  var config: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Weights: .safetensors, .npz, or .pth of PyTorch, whose code is never executed. May be repeated.",
      valueName: "file"), completion: .file())
  var weights: [String] = []

  @Option(help: "Seed of random weights.")
  var seed: UInt64 = 0

  @Option(
    help:
      "Random weights: the usual initial ones for training, or weights that all affect the output, to check runtimes."
  )
  var fresh = FreshWeights.training

  @Option(
    name: .shortAndLong, help: ArgumentHelp("File or folder to write.", valueName: "path"),
    completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Height and width; dynamic leaves them open.", valueName: "HxW"))
  var size = Dimensions.dynamic

  @Option(help: "Batch size.")
  var batch = 1

  @Option(help: "ONNX operator set to write. (default: 18; 21 for unires; a model file's own)")
  var opset: Int64?

  @Flag(
    name: .customLong("f16-weights"),
    help: "Store large weights as float16. The model still computes in float32.")
  var halfWeights = false

  @Flag(help: "Write large weights to a second file, FILE.data.")
  var external = false

  @Flag(help: "Leave out dates and file names, so that the same network gives the same bytes.")
  var reproducible = false

  @Option(
    help: ArgumentHelp("Add metadata, or replace the card's. May be repeated.", valueName: "key=value"))
  var meta: [String] = []

  @Option(
    help: ArgumentHelp(
      "Run this many random inputs through graph, file and reference interpreter, and print the largest differences.",
      valueName: "n"))
  var verify = 0

  @Option(
    help: ArgumentHelp(
      "unires: add a LoRA file to the weights, with a strength. (default strength: 1) May be repeated.",
      valueName: "file[:strength]"), completion: .file())
  var lora: [LowRankFile] = []

  @Option(
    help: ArgumentHelp(
      "unires: weights of TAESD (diffusers' names), a small decoder for searches.",
      valueName: "file"), completion: .file())
  var taesd: String?

  @Option(help: "unires: prediction type of the UNet. (default: as the model's files state)")
  var prediction: Prediction?

  @Flag(help: "unires: pass unscaled latents of the picture to the UNet, as InstructPix2Pix does.")
  var unscaledCondition = false

  @Flag(
    name: .customLong("dtmodel"),
    help:
      "Write the model file as a package for darktable, with its card and a line for versions.json. -o is the package (ID.dtmodel) or a folder."
  )
  var darktable = false

  @Option(help: ArgumentHelp("--dtmodel: side of tiles in pixels. (default: 512)", valueName: "n"))
  var tile: Int?

  @Flag(help: "Print the network's card, settings and parameters. -o is not required.")
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
