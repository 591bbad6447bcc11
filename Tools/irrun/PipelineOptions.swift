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
      "Weights of the composition, such as sr=.4,md=.4,dn=-.2,d4=.4; they add up to 1. (default: the first candidate of the calibration)",
      discussion:
        "Components: sr (super-resolution), md (motion deblurring), dd (defocus deblurring), dn (denoising), d2 and d4 "
        + "(sr of the picture after reducing it by 2 and 4, which invents more detail), notext and nopicture (without "
        + "the text or the picture)."))
  var weights: String?

  @Option(
    help: ArgumentHelp(
      "Search for the best composition.",
      discussion:
        "frequent restores the 8 candidates of the calibration, grid all 1512; both keep the best by --by. screen scores "
        + "all 1512 as sums of what single tasks make and restores the best few. forest asks the pipeline's random forest. A "
        + "search looks at the part of the picture with the most detail."))
  var search = PipelineSearch.Method.none

  @Option(
    help:
      "Score of the search and of the result: niqe or piqe (lower is better), or musiq (higher is better).")
  var by: String?

  @Option(
    help: ArgumentHelp("Weights of MUSIQ (the .pth file of pyiqa).", valueName: "file"), completion: .file())
  var musiqWeights: String?

  @Option(help: "Number of sampling steps. (default: those of the calibration, else 50)")
  var steps: Int?

  @Option(help: "Sampler: ddim, dpm or euler. (default: the pipeline's)")
  var sampler: String?

  @Option(help: "Fresh noise that ddim adds in each step, from 0 (none) to 1.")
  var eta = 0.0

  @Option(help: "Seed of the noise.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Method that transfers the input's colours: adain, wavelet or none; adain:0.5 transfers half.",
      valueName: "fix[:blend]"))
  var colorFix = "adain"

  @Option(
    help: ArgumentHelp(
      "Restore with the recipe in the XMP of FILE. The same input gives the same bytes.",
      valueName: "file"), completion: .file())
  var again: String?

  @Option(
    help: ArgumentHelp(
      "Compositions to search among, one per line. (default: those of --search)", valueName: "file"),
    completion: .file())
  var candidates: String?

  @Option(
    help: ArgumentHelp(
      "Write the scores of all candidates: one line of JSON per picture.", valueName: "file"),
    completion: .file())
  var scores: String?

  @Option(help: "Sampling steps of a candidate. (default: --steps, at most 20)")
  var searchSteps: Int?

  @Option(help: "Side in pixels of the part that a search looks at. (default: 256 for screen, else 512)")
  var searchCrop: Int?

  @Option(help: "Number of screened candidates that are restored completely.")
  var finalists = 4

  @Flag(
    help:
      "Search with each input, and write the most frequent winners into the pipeline's folder. No picture is written."
  )
  var calibrate = false

  /// Whether anything is said that only pipelines have.
  var isGiven: Bool {
    weights != nil || search != .none || by != nil || musiqWeights != nil || sampler != nil || again != nil
      || candidates != nil || scores != nil || searchSteps != nil || searchCrop != nil || calibrate
      || steps != nil || eta != 0 || seed != 1 || colorFix != "adain" || finalists != 4
  }

  func validate() throws {
    if weights != nil, search != .none {
      throw ValidationError("--weights states the composition that --search would find: give one of them")
    }
    if again != nil, weights != nil || search != .none || calibrate {
      throw ValidationError(
        "--again states the composition: it cannot be combined with --weights, --search and --calibrate")
    }
    if search != .none, search != .forest, by == nil {
      throw ValidationError("--search \(search.rawValue) needs --by: niqe, piqe or musiq")
    }
    if calibrate, search != .grid, search != .screen {
      throw ValidationError("--calibrate needs --search grid or screen")
    }
    if by == "musiq", musiqWeights == nil {
      throw ValidationError("--by musiq needs --musiq-weights: irkit does not include them")
    }
    if scores != nil, search == .none || search == .forest {
      throw ValidationError("--scores needs a --search that scores candidates")
    }
  }

  /// The settings that the options state, for a pipeline.
  /// - Throws: `ValidationError` for what no pipeline has; `DiffusionError.composition`, `PipelineError`.
  func settings(_ pipeline: RestorationPipeline, _ model: ModelOptions) throws -> PipelineSettings {
    var settings = try PipelineCalibration.settings(of: pipeline)
    if let weights { settings.composition = try Composition(weights) }
    let name = sampler ?? SamplingMethod(pipeline.files.scheduler.className)?.name ?? "ddim"
    guard var method = SamplingMethod(name) else {
      throw ValidationError("--sampler is \(name), must be ddim, dpm or euler")
    }
    if case .ddim = method { method = .ddim(eta: eta) }
    (settings.method, settings.stepCount, settings.seed) = (method, steps ?? settings.stepCount, seed)
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

  /// The score of `--by`; nil if none is asked for.
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
