import ArgumentParser
import Foundation
import IRDiffusion
import IRFiles
import IRPipelines
import IRRuntime
import ImageRestoration

extension PipelineSearch.Method: ExpressibleByArgument {}

/// How a pipeline (a folder with model_index.json) restores.
struct PipelineOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The composition, as sr=.4,md=.4,dn=-.2,d4=.4: its weights add up to 1.",
      discussion:
        "sr, md, dd and dn are super-resolution, motion deblurring, defocus deblurring and denoising; d2 and d4 are sr "
        + "of the picture shrunk by 2 and 4 and enlarged again, which invents more; notext and nopicture leave out "
        + "the text or the picture. By default the first candidate of the pipeline's calibration."))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Find the composition: none, frequent, grid, screen, forest.",
      discussion:
        "frequent restores the calibration's 8 candidates, grid all of 1512, and take the best by --by; screen judges "
        + "all from six shared predictions and restores the best few; forest asks the forest of the pipeline. The "
        + "search looks at the part of the picture that has most detail."))
  var search = PipelineSearch.Method.none

  @Option(help: "The score of a search and of the result: niqe, piqe (lower is better), musiq.")
  var by: String?

  @Option(help: ArgumentHelp("MUSIQ's weights (pyiqa's .pth).", valueName: "file"), completion: .file())
  var musiqWeights: String?

  @Option(help: "Steps from noise to the picture.")
  var steps = 50

  @Option(help: "ddim, dpm or euler; by default the pipeline's own.")
  var sampler: String?

  @Option(help: "Fresh noise on the way of ddim, from 0 (none) to 1.")
  var eta = 0.0

  @Option(help: "The number that the noise follows from.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Colours of the input for the result: adain, wavelet or none; adain:0.5 takes half of them.",
      valueName: "fix[:blend]"))
  var colorFix = "adain"

  @Option(
    help: ArgumentHelp(
      "Restore as the picture FILE was restored, which its XMP says: the same input gives the same bytes.",
      valueName: "file"), completion: .file())
  var again: String?

  @Option(
    help: ArgumentHelp(
      "Compositions to search among, one a line, instead of the search's own.", valueName: "file"),
    completion: .file())
  var candidates: String?

  @Option(
    help: ArgumentHelp("Write all candidates' scores, a line of JSON for each picture.", valueName: "file"),
    completion: .file())
  var scores: String?

  @Option(help: "Steps of a candidate; by default as many as --steps, at most 20.")
  var searchSteps: Int?

  @Option(help: "The side of the part that is searched on; by default 256 for screen, else 512 pixels.")
  var searchCrop: Int?

  @Option(help: "How many screened candidates are restored to the end.")
  var finalists = 4

  @Flag(
    help:
      "Search with each picture of -i, and write the most frequent winners into the pipeline's folder; no picture is written."
  )
  var calibrate = false

  /// Whether anything is said that only pipelines have.
  var isGiven: Bool {
    weights != nil || search != .none || by != nil || musiqWeights != nil || sampler != nil || again != nil
      || candidates != nil || scores != nil || searchSteps != nil || searchCrop != nil || calibrate
      || steps != 50 || eta != 0 || seed != 1 || colorFix != "adain" || finalists != 4
  }

  func validate() throws {
    if weights != nil, search != .none {
      throw ValidationError("--weights states the composition that --search would find: give one of them")
    }
    if again != nil, weights != nil || search != .none || calibrate {
      throw ValidationError(
        "--again states the composition: --weights, --search and --calibrate do not go with it")
    }
    if search != .none, search != .forest, by == nil {
      throw ValidationError("--search \(search.rawValue) needs --by: niqe, piqe or musiq")
    }
    if calibrate, search != .grid, search != .screen {
      throw ValidationError("--calibrate needs --search grid or screen")
    }
    if by == "musiq", musiqWeights == nil {
      throw ValidationError("--by musiq needs --musiq-weights: they are not part of the project")
    }
    if scores != nil, search == .none || search == .forest {
      throw ValidationError("--scores needs a --search that scores candidates")
    }
  }

  /// The settings that the options state, for a pipeline.
  /// - Throws: `ValidationError` for what no pipeline has; `DiffusionError.composition`, `PipelineError`.
  func settings(_ pipeline: RestorationPipeline, _ model: ModelOptions) throws -> PipelineSettings {
    var settings = PipelineSettings(
      try weights.map { try Composition($0) } ?? PipelineCalibration.first(of: pipeline))
    let name = sampler ?? SamplingMethod(pipeline.files.scheduler.className)?.name ?? "ddim"
    guard var method = SamplingMethod(name) else {
      throw ValidationError("--sampler is \(name), must be ddim, dpm or euler")
    }
    if case .ddim = method { method = .ddim(eta: eta) }
    (settings.method, settings.stepCount, settings.seed) = (method, steps, seed)
    let parts = colorFix.split(separator: ":", maxSplits: 1)
    guard let colours = parts.first.flatMap({ PipelineSettings.Colours(rawValue: String($0)) }),
      let blend = parts.count == 1 ? 1 : Double(parts[1]), (0...1).contains(blend)
    else {
      throw ValidationError(
        "--color-fix is \(colorFix), must be adain, wavelet or none, with a blend of 0 to 1")
    }
    (settings.colours, settings.colourBlend, settings.scale) = (colours, blend, model.scale ?? 1)
    settings.tileSide = model.tile
    return settings
  }

  /// The score of `--by`; nil where none is asked for.
  func objective(_ options: RuntimeOptions) throws -> QualityObjective? {
    try by.map {
      try QualityObjective(
        $0,
        naturalPictures: ModelCatalogue.installed().folders.lazy.map { "\($0)/NIQE/niqe-bsd400.safetensors" }
          .first { FilePath($0).exists },
        musiqWeights: musiqWeights, options: options)
    }
  }

  /// The search of `--search`; nil for none.
  func search(by objective: QualityObjective?) throws -> PipelineSearch? {
    guard search != .none else { return nil }
    var result = PipelineSearch(search, by: objective ?? .piqe)
    result.candidates = try candidates.map { try Composition.list(contentsOf: $0) }
    (result.cropSide, result.stepCount, result.finalistCount) = (searchCrop, searchSteps, finalists)
    return result
  }
}
