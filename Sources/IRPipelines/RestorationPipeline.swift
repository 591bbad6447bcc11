import IRDiffusion
import IRModels
import IRRuntime
import IRTensor

/// A latent diffusion model that restores pictures: the encoder, the denoising UNet that is shown the
/// picture's latents, the decoder, and the tasks' prompts.
package struct RestorationPipeline: Sendable {
  package let files: PipelineFiles
  let encoder: PipelinePart
  let unet: PipelinePart
  let decoder: PipelinePart
  /// A small decoder of scaled latents (TAESD), which candidates are screened with; nil if the folder has
  /// none.
  let tinyDecoder: PipelinePart?
  /// Channels of the latents.
  package let latentChannels: Int
  /// The prompts' embeddings `[5, T, D]`, for a UNet that takes those instead of prompts' numbers.
  let texts: Tensor?

  /// Reads the parts, and says what keeps them from being a restorer.
  /// - Throws: `PipelineError`, `ONNXError`, `DiffusionError`.
  package init(contentsOf folder: String, options: RuntimeOptions = RuntimeOptions()) throws {
    files = try PipelineFiles(folder)
    unet = try PipelinePart("unet", files)
    func refusal(_ detail: String) -> PipelineError { .notRestoring(folder: folder, detail: detail) }
    guard let sample = unet.extents(of: "sample"), sample.count == 4, let channels = sample[1] else {
      throw refusal("unet/model.onnx takes no sample [N, C, h, w] of known channels")
    }
    guard unet.inputNames.contains("timestep") else { throw refusal("unet/model.onnx takes no timestep") }
    decoder = try PipelinePart("vae_decoder", files)
    guard let latents = decoder.extents(of: "latent_sample"), latents.count == 4, let count = latents[1],
      (1...4096).contains(count)
    else { throw refusal("vae_decoder/model.onnx takes no latent_sample [N, C, h, w] of known channels") }
    latentChannels = count
    let tiny = TinyAutoencoderDecoder.name
    tinyDecoder = files.has(tiny) ? try PipelinePart(tiny, files) : nil
    guard channels != count else {
      throw refusal(
        "its UNet takes \(channels) channels, the noisy latents alone: it makes pictures of texts and is not shown one"
      )
    }
    guard channels == 2 * count else {
      throw refusal(
        "its UNet takes \(channels) channels; a restorer's takes \(count) of noise and \(count) of the picture"
      )
    }
    encoder = try PipelinePart("vae_encoder", files)
    guard let picture = encoder.extents(of: "sample"), picture.count == 4, picture[1] ?? 3 == 3 else {
      throw refusal("vae_encoder/model.onnx takes no sample [N, 3, H, W]")
    }
    if unet.inputNames.contains("prompt") {
      guard !files.prompts.isEmpty else {
        throw refusal("none of the prompts in model_index.json is a task's: \(TaskPrompts.texts)")
      }
      texts = nil
    } else if unet.inputNames.contains("encoder_hidden_states") {
      texts = try Self.embeddings(files, options)
    } else {
      throw refusal("unet/model.onnx takes neither prompt nor encoder_hidden_states")
    }
  }

  /// The tasks' prompts, embedded by the text tower in the folder.
  private static func embeddings(_ files: PipelineFiles, _ options: RuntimeOptions) throws -> Tensor {
    guard files.has("text_encoder") else {
      throw PipelineError.notRestoring(
        folder: files.folder,
        detail: "its UNet takes texts as embeddings, and text_encoder/model.onnx is not there")
    }
    let tower = try PipelinePart("text_encoder", files)
    let tokens = TaskPrompts.tokens(padding: .end)
    let ids = Tensor(tokens.flatMap { $0 }, shape: [tokens.count, 77])
    let states = try CompiledParts(options: options).output(
      "last_hidden_state", of: tower, ["input_ids": ids])
    guard states.shape.rank == 3, states.shape[0] == tokens.count else {
      throw PipelineError.part(
        path: tower.path, detail: "last_hidden_state is \(states.shape) for \(ids.shape)")
    }
    return states
  }

  /// The components that the pipeline can be asked for.
  package var components: [Component] { texts == nil ? files.components : Component.six }

  /// The number of a component's prompt.
  /// - Throws: `PipelineError.settings` for one that the pipeline has no text for.
  func prompt(of component: Component) throws(PipelineError) -> Int {
    if texts != nil { return component.prompt }
    guard let number = files.prompts[component] else {
      throw .settings(
        "\(files.folder) has no text for \(component.rawValue), "
          + "\"\(TaskPrompts.texts[component.prompt])\"; it has "
          + Component.allCases.filter { files.prompts[$0] != nil }.map(\.rawValue).joined(separator: ", "))
    }
    return number
  }
}
