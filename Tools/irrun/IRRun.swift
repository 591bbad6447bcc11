import ArgumentParser
import IRBatch
import IRCommandLine
import IRFiles
import IRPipelines
import IRRuntime
import IRTensorFiles
import IRVideo
import ImageRestoration

@main
struct IRRun: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irrun",
    abstract: "Restores photographs with a frozen model, or runs a model on tensors.",
    usage: """
      irrun [options] IN OUT
      irrun [options] -i IN ... -o OUT
      """,
    discussion: """
      IN is a picture, several pictures, a pattern, a folder, or - for the standard input. OUT is:
        - a file, for one picture
        - a folder, for several pictures, --list and --recurse
        - a template of {stem}, {ext}, {name} and {model}, such as 'out/{stem}.{ext}'; {{ stands for a brace
        - "-", the standard output

      A restored picture keeps the size, bit depth, colour profile, EXIF and alpha of its input. Sides are padded by \
      mirroring to the multiple that the model needs, and cropped back. An output is written to a temporary file and \
      renamed when it is complete.

      A picture that fits in memory is restored whole; a larger one is restored in tiles. Tiles give the same pixels if \
      the model sees a limited neighbourhood of each pixel. Otherwise they are blended, and take their low frequencies \
      from the whole picture, reduced if memory is short. -v prints how each picture is restored.

      Samples of the input that are infinite or NaN are replaced by the mean of their neighbours. Hidden colours \
      (alpha 0) are written unchanged; the model sees a continuation of the visible colours there. A result that is not \
      finite is not written.

      If IN is a file of tensors (.npy, .npz, .safetensors), its tensors become the model's inputs by name, and OUT is \
      such a file of the outputs. A model with one input also takes an .npy, a single tensor, or the tensor `input`.

      If IN is a YUV4MPEG2 stream, or frames without a header (--raw), its frames are restored one by one, and OUT is \
      such a stream.

      \(HelpText.exitCodes(
        [3: "the model was rejected", 4: "some files failed", 5: "the run would exceed the memory limit"],
        success: "all outputs are written"))

      EXAMPLES
        irrun noisy.png restored.png
        irrun -m denoise --strength 0.7 grainy.jpg smooth.jpg
        irrun photographs restored --metrics psnr,ssim --reference originals
        irrun album restored --recurse --exclude 'draft-*' --if-exists resume
        irrun 'album/*.tif' 'out/{stem}_{model}.{ext}' --memory 1G --dry-run
        irrun --list - -o restored --json
        irrun -m network.onnx inputs.npz outputs.npz --verify
        ffmpeg -i in.mkv -f yuv4mpegpipe - | irrun - - | ffmpeg -i - out.mkv
        irrun -m pipeline photo.jpg restored.jpg --search screen --by niqe
        irrun -m daair-s5 --explain noisy.png

      SEE ALSO
        irdump (describes a model), irtrain (trains one), docs/which-model.md
      """, version: Version.text)

  @OptionGroup(title: "Model") var modelOptions: ModelOptions
  @OptionGroup(title: "Pipelines") var pipelineOptions: PipelineOptions
  @OptionGroup(title: "Files") var files: FileOptions
  @OptionGroup(title: "Streams of frames") var video: VideoOptions
  @OptionGroup(title: "Questions") var questions: Questions
  @OptionGroup(title: "Resources") var resources: ResourceOptions
  @OptionGroup(title: "Checks and reports") var checks: CheckOptions

  func validate() throws {
    let (inputs, output) = try files.places(needsOutput: needsOutput)
    if questions.explain, inputs.isEmpty, files.list == nil {
      throw ValidationError("--explain needs at least one picture")
    }
    if !checks.metrics.isEmpty, checks.reference == nil {
      throw ValidationError("--metrics needs --reference")
    }
    if let output = output.map({ FilePath($0) }), checks.compare != nil,
      output == Job.stream || output.kind == .other
    {
      throw ValidationError("--compare needs an output file")
    }
  }

  static func exitCode(of error: any Error) -> ExitCode {
    switch error {
    case BatchError.usage: .usage
    case PipelineError.picture, PipelineError.search: .someFailed
    case is ImageError, is FileError, is TensorFileError, RestorationError.unsuitableImage: .someFailed
    case is VideoError: .someFailed
    case RuntimeError.exceedsMemory: .exceedsMemory
    default: .rejected
    }
  }

  func run() throws {
    if let gpu = resources.gpu { Terminal.warn("-g \(gpu) is ignored: irkit computes on the CPU") }
    let (inputs, output) = try files.places(needsOutput: needsOutput)
    if !questions.isAsked, let folder = try PipelineCatalogue.path(of: modelOptions.model) {
      let output = pipelineOptions.calibrate ? nil : output
      return try PipelineCommand(command: self, folder: folder, inputs: inputs, output: output).run()
    }
    guard !pipelineOptions.isGiven else {
      throw ValidationError(
        "-m \(modelOptions.model) is not a pipeline (a folder with model_index.json): the options of pipelines, such "
          + "as --weights and --search, need one")
    }
    let model = try modelOptions.path()
    try questions.answer(
      model: model, pictures: inputs, multiple: modelOptions.multiple, json: checks.json, files,
      runtime)
    guard let output else { return }
    if let reader = try video.reader(inputs, list: files.list) {
      return try VideoRun(self, model: model, input: inputs[0], reader).run(to: output)
    }
    try Restoration(command: self, model: model, inputs: inputs, output: output).run()
  }

  private var needsOutput: Bool { !questions.isAsked && !pipelineOptions.calibrate }

  var runtime: RuntimeOptions {
    RuntimeOptions(
      threadCount: resources.threads.threads ?? RuntimeOptions.defaultThreadCount,
      memoryByteCount: resources.memory.memory?.byteCount,
      allowsFloat16Storage: resources.float16Storage ?? false, precision: resources.precision.value)
  }
}
