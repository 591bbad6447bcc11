import Foundation
import IRDiffusion
import IRFiles
import IRModels
import IRTensor
import IRTensorFiles

/// The parts of a latent diffusion model, with their settings and weights as files have them.
struct PipelineSource {
  var unet: (configuration: DenoisingUNetConfiguration, weights: [NamedWeight])
  var autoencoder: (configuration: AutoencoderConfiguration, weights: [NamedWeight])
  var text: (configuration: TextTowerConfiguration, weights: [NamedWeight])
  var scheduler: SchedulerConfiguration
  var padding: TaskPrompts.Padding
  var notes: [String] = []

  /// Settings that a JSON file gives, by part; a file for all parts has none of its own.
  struct Settings: Decodable {
    var unet: DenoisingUNetConfiguration?
    var vae: AutoencoderConfiguration?
    var textEncoder: TextTowerConfiguration?
    var scheduler: SchedulerConfiguration?

    enum CodingKeys: String, CodingKey {
      case unet, vae, scheduler
      case textEncoder = "text_encoder"
    }
  }

  /// A folder of diffusers, or one file of CompVis' or Stability AI's code.
  init(_ path: String, config: String?, prediction: Prediction?) throws {
    let settings: Settings? = try config.map { try JSONFile.read(Settings.self, $0) }
    guard let isFolder = FilePath(path).isFolder else {
      throw TensorFileError.file(path: path, reason: "no such file")
    }
    if isFolder {
      try self.init(folder: path, settings)
    } else {
      try self.init(file: path, settings, hasPrediction: prediction != nil || settings?.scheduler != nil)
    }
    if let prediction { scheduler.prediction = prediction }
    if let scheduler = settings?.scheduler { self.scheduler = scheduler }
  }

  private init(folder: String, _ settings: Settings?) throws {
    let files = DiffusersFolder(folder)
    unet = (
      try settings?.unet ?? files.configuration(DenoisingUNetConfiguration.self, "unet"),
      try files.weights("unet", "diffusion_pytorch_model")
    )
    autoencoder = (
      try settings?.vae ?? files.configuration(AutoencoderConfiguration.self, "vae"),
      try files.weights("vae", "diffusion_pytorch_model")
    )
    // Old files have the attention under other names.
    let levels = autoencoder.configuration.widths.count
    autoencoder.weights = autoencoder.weights.map {
      (CompVisCheckpoint.autoencoderName($0.name, levelCount: levels), $0.tensor)
    }
    text = (
      try settings?.textEncoder ?? files.configuration(TextTowerConfiguration.self, "text_encoder"),
      try files.weights("text_encoder", "model", "pytorch_model")
    )
    scheduler = try settings?.scheduler ?? files.scheduler()
    padding = try files.padding() ?? (text.configuration.activation == "gelu" ? .zero : .end)
  }

  private init(file: String, _ settings: Settings?, hasPrediction: Bool) throws {
    let tensors = try TensorFile.readWeights(file).map { (name: $0.name, tensor: $0.tensor) }
    guard CompVisCheckpoint.isOne(tensors.map(\.name)) else {
      throw ModelError.configuration(
        "\(file) does not hold all parts: names of a UNet begin with model.diffusion_model.; give diffusers' folder "
          + "of the model instead")
    }
    let checkpoint = try CompVisCheckpoint(tensors)
    guard let unet = settings?.unet ?? DenoisingUNetConfiguration(weights: checkpoint.unet),
      let text = settings?.textEncoder
        ?? TextTowerConfiguration(weights: checkpoint.text, isOpenCLIP: checkpoint.isOpenCLIP)
    else {
      throw ModelError.configuration("\(file) lacks the UNet's or the text tower's tensors")
    }
    guard !checkpoint.isOpenCLIP || hasPrediction else {
      throw ModelError.configuration(
        "Stable Diffusion 2's files do not say what the UNet predicts: --prediction epsilon for the models of 512 "
          + "pixels, v_prediction for those of 768")
    }
    self.unet = (unet, checkpoint.unet)
    autoencoder = (settings?.vae ?? AutoencoderConfiguration(), checkpoint.autoencoder)
    // Layers behind those that are used.
    let layers = text.layers
    self.text = (
      text,
      checkpoint.text.filter { weight in
        let words = weight.name.split(separator: ".")
        return !(words.count > 2 && words[1] == "layers" && Int(words[2]).map { $0 >= layers } ?? false)
      }
    )
    scheduler = SchedulerConfiguration()
    padding = checkpoint.isOpenCLIP ? .zero : .end
    if checkpoint.otherCount > 0 {
      notes.append("\(checkpoint.otherCount) tensors beside the parts are left out")
    }
  }

  /// Zeros for the condition's channels where the UNet has none, and what keeps the parts from being a
  /// restorer.
  mutating func prepare() throws {
    let latents = autoencoder.configuration.latentChannels
    let wanted = 2 * latents
    let own = unet.configuration.inputChannels
    guard unet.configuration.outputChannels == latents, own == latents || own == wanted else {
      throw ModelError.configuration(
        "the UNet makes \(unet.configuration.outputChannels) channels of \(own); with latents of \(latents) a restorer's "
          + "makes \(latents) of \(wanted), or of \(latents), to which zeros are added")
    }
    guard unet.configuration.contextWidth == text.configuration.width else {
      throw ModelError.configuration(
        "the UNet's cross_attention_dim is \(unet.configuration.contextWidth), the text tower's hidden_size "
          + "\(text.configuration.width)")
    }
    guard text.configuration.vocabularySize > 49407, text.configuration.tokenCount == 77 else {
      throw ModelError.configuration(
        "the text tower has \(text.configuration.vocabularySize) tokens and \(text.configuration.tokenCount) positions; "
          + "CLIP's prompts need 49408 and 77")
    }
    _ = try NoiseSchedule(scheduler)
    guard own == latents else { return }
    unet.configuration.inputChannels = wanted
    unet.weights = DenoisingUNet.widened(unet.weights, to: wanted)
    notes.append(
      "the UNet has \(own) input channels: \(wanted - own) of zeros are added, and it restores nothing before it is trained"
    )
  }
}
