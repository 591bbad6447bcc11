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
      IN is an image, several, a pattern, a folder of images, or - for the standard input. OUT is a file for one \
      image; a folder for several, for --list and for --recurse; a template ({stem}, {ext}, {name}, {model}; {{ is a \
      brace); or - for the standard output. Images keep their size, depth, colour profile, EXIF and alpha. Sides are \
      padded by mirroring to what the model needs and cropped back. Each output is written beside its place and \
      renamed when it is whole.

      A picture is restored whole if it fits in memory, else in tiles. Tiles are exact if the model sees a limited \
      neighbourhood of each pixel, and blended if an operator sees the whole picture; blended tiles take their low \
      frequencies from the whole picture, at reduced size if memory is short. -v says how each picture is restored.

      Samples of the input that are infinite or not numbers are replaced by the mean of their neighbours. Colours \
      under alpha 0 are restored as a continuation of the visible ones, and written as they were. A result with \
      samples that are not finite is not written.

      If IN is an .npy, .npz or .safetensors file, its tensors are given to the model's inputs by name, and OUT, a \
      file of any of these kinds, takes the outputs. A model of one input also takes an .npy, the only tensor of a \
      file, or the one called `input`.

      If IN is a YUV4MPEG2 stream or frames without a header (--raw), a file or -, its frames are restored one after \
      the other, and OUT is such a stream.

      Exit codes: 0 all written, 2 usage, 3 the model was rejected, 4 some files failed, 5 they would exceed \
      the memory, 129, 130 and 143 hung up, interrupted and asked to end.

      EXAMPLES
        irrun noisy.png restored.png
        irrun -m symunet-s photographs restored --metrics psnr,ssim --reference originals
        irrun album restored --recurse --exclude 'draft-*' -f jpg -q 92 --metadata strip-gps --if-exists resume
        irrun 'album/*.jpg' 'restored/{stem}_{model}.{ext}' --memory 1G --dry-run
        irrun --list - -o restored --json
        irrun -m network.onnx inputs.npz outputs.npz --verify
        ffmpeg -i clip.mkv -f yuv4mpegpipe - | irrun - - | ffmpeg -i - restored.mkv
        irrun -m pipeline photo.jpg restored.jpg --search screen --by niqe --steps 20
        irrun --models
        irrun -m daair.onnx --explain noisy.png
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
      throw ValidationError("--explain needs pictures: name some")
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
    if !questions.isAsked, let folder = PipelineCatalogue.path(of: modelOptions.model) {
      let output = pipelineOptions.calibrate ? nil : output
      return try PipelineCommand(command: self, folder: folder, inputs: inputs, output: output).run()
    }
    guard !pipelineOptions.isGiven else {
      throw ValidationError(
        "-m \(modelOptions.model) is not a pipeline, a folder with model_index.json, which --weights, --search and "
          + "their like need")
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
