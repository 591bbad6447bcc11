/// diffusers' `model_index.json` of a pipeline's parts, with what a sampler must know besides.
package struct PipelineIndex: Encodable, Sendable {
  var className = "OnnxUniResPipeline"
  var unet = ["diffusers", "OnnxRuntimeModel"]
  var encoder = ["diffusers", "OnnxRuntimeModel"]
  var decoder = ["diffusers", "OnnxRuntimeModel"]
  var scheduler: [String]
  /// The factor from the autoencoder's latents to those that the UNet sees.
  var scalingFactor: Double
  /// The same for the picture's latents.
  var conditionFactor: Double
  var prompts = TaskPrompts.texts

  package init(scheduler className: String, scalingFactor: Double, conditionFactor: Double) {
    scheduler = ["diffusers", className]
    self.scalingFactor = scalingFactor
    self.conditionFactor = conditionFactor
  }

  enum CodingKeys: String, CodingKey {
    case className = "_class_name"
    case unet, scheduler, prompts
    case encoder = "vae_encoder"
    case decoder = "vae_decoder"
    case scalingFactor = "scaling_factor"
    case conditionFactor = "condition_scaling_factor"
  }
}
