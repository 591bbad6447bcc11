import IRDiffusion
import IRImage
import IRQuality
import IRTensor

extension PipelineRunner {
  /// Searches for the composition that makes the best of a picture's most detailed part. All candidates begin
  /// with the seed's noise, and share the predictions of the first step.
  /// - Parameters:
  ///   - picture: `[1, 3, H, W]` float32, sRGB in 0...1.
  ///   - settings: of the restoration; its composition is not looked at.
  ///   - search: the method and the score.
  ///   - progress: called after each pass of the UNet and each candidate; what it throws ends the work.
  /// - Returns: the best composition, and all candidates' scores.
  /// - Throws: `PipelineError`, and what the parts' compilation and runs throw.
  package func searched(
    _ picture: Tensor, _ settings: PipelineSettings, _ search: PipelineSearch,
    progress: (PipelineProgress) throws -> Void = { _ in }
  ) throws -> PipelineSearch.Result {
    try search.verify()
    var settings = settings
    settings.stepCount = search.stepCount(of: settings)
    let candidates = try candidates(search)
    let components = Component.allCases.filter { component in
      candidates.contains { $0.weight(of: component) != 0 }
    }
    let crop = PipelineSearch.Crop(of: picture, side: max(1, search.side / max(settings.scale, 1)))
    if search.method == .forest {
      let best = try CompositionForest(pipeline.files).composition(
        of: Image(picture), among: candidates, options)
      return PipelineSearch.Result(
        best: best, score: nil, inputScore: nil, scores: [], finalists: [], crop: crop, passCount: 0)
    }
    let part = picture.window(row: crop.row, column: crop.column, height: crop.height, width: crop.width)
    let encoded = try encoded(part, settings, components)
    defer {
      parts.release()
      pipeline.tinyDecoder.map(parts.forget)
    }
    let shown = encoded.picture.cropped(height: encoded.height, width: encoded.width)
    var run = SearchRun(
      runner: self, encoded: encoded, settings: settings, objective: search.objective,
      components: components)
    var scores: [PipelineSearch.Score]
    var finalists: [PipelineSearch.Score] = []
    if search.method == .screen {
      scores = try run.screened(candidates, finalistCount: search.finalistCount, progress)
      let best = run.order(scores).prefix(search.finalistCount).map { scores[$0].composition }
      finalists = try run.restored(best, progress)
    } else {
      run.plan(candidates)
      scores = try run.restored(candidates, progress)
    }
    let judged = search.method == .screen ? finalists : scores
    guard let first = run.order(judged).first, let score = judged[first].score else {
      throw PipelineError.search(
        "no candidate has a score by \(search.objective.name): "
          + (run.failure.map { "\($0)" } ?? "there are none"))
    }
    return PipelineSearch.Result(
      best: judged[first].composition, score: score,
      inputScore: try? search.objective.score(Image(shown)), scores: scores, finalists: finalists, crop: crop,
      passCount: run.passCount)
  }

  /// The candidates that the pipeline has texts for.
  private func candidates(_ search: PipelineSearch) throws -> [Composition] {
    let all: [Composition]
    switch search.method {
    case .none: throw PipelineError.search("none is asked for")
    case .frequent: all = try search.candidates ?? PipelineCalibration.candidates(of: pipeline.files)
    case .grid, .screen, .forest: all = search.candidates ?? Composition.grid
    }
    let known = Set(
      Component.allCases.filter { component in (try? pipeline.prompt(of: component)) != nil })
    let usable = all.filter { $0.parts.allSatisfy { known.contains($0.component) } }
    guard !usable.isEmpty else {
      throw PipelineError.search(
        "none of \(all.count) candidates consists of what the pipeline has texts for: "
          + known.map(\.rawValue).sorted().joined(separator: ", "))
    }
    return usable
  }
}

/// The state of one search.
private struct SearchRun {
  let runner: PipelineRunner
  let encoded: PipelineRunner.Encoded
  let settings: PipelineSettings
  let objective: QualityObjective
  let components: [Component]
  /// Predictions of the first step, which no candidate has changed yet.
  private var first: [Component: Tensor] = [:]
  private var counter: PassCounter
  private(set) var passCount = 0
  /// Why the last candidate without a score has none.
  private(set) var failure: (any Error)?

  init(
    runner: PipelineRunner, encoded: PipelineRunner.Encoded, settings: PipelineSettings,
    objective: QualityObjective, components: [Component]
  ) {
    self.runner = runner
    self.encoded = encoded
    self.settings = settings
    self.objective = objective
    self.components = components
    counter = PassCounter(stage: .searching, total: 0)
  }

  /// States the work ahead: the first step's predictions once, the others for every weight that is not 0.
  mutating func plan(_ candidates: [Composition], beside other: Int = 0) {
    let passes = candidates.reduce(0) { $0 + $1.parts.count * (settings.stepCount - 1) } + components.count
    counter = PassCounter(
      stage: .searching, total: other + passes * encoded.plan.tileCount + candidates.count)
  }

  /// A prediction, counted; that of the first step is made once.
  private mutating func prediction(
    _ question: Sampler.Question, isFirst: Bool, _ progress: (PipelineProgress) throws -> Void
  ) throws -> Tensor {
    if isFirst, let known = first[question.component] { return known }
    let prediction = try runner.prediction(question, encoded)
    if isFirst { first[question.component] = prediction }
    passCount += encoded.plan.tileCount
    try progress(counter.advanced(by: encoded.plan.tileCount))
    return prediction
  }

  /// The score of clean latents; nil if their picture has none.
  private mutating func score(_ latents: Tensor, isScreening: Bool = false) throws -> Double? {
    do {
      let picture = try runner.decoded(latents, encoded, settings, isForJudging: isScreening)
      return try objective.score(Image(picture))
    } catch {
      // Of a network that computes nothing finite, and of pictures without structure. Others are no
      // candidate's fault.
      switch error {
      case PipelineError.part, is QualityError: break
      default: throw error
      }
      failure = error
      return nil
    }
  }

  /// The candidates restored to the end.
  mutating func restored(
    _ candidates: [Composition], _ progress: (PipelineProgress) throws -> Void
  ) throws -> [PipelineSearch.Score] {
    var scores: [PipelineSearch.Score] = []
    for composition in candidates {
      let latents = try walked(composition, progress)
      scores.append(PipelineSearch.Score(composition: composition, score: try score(latents)))
      try progress(counter.advanced(by: 1))
    }
    return scores
  }

  /// The clean latents of a composition's whole walk.
  private mutating func walked(
    _ composition: Composition, _ progress: (PipelineProgress) throws -> Void
  ) throws -> Tensor {
    var settings = settings
    settings.composition = composition
    var sampler = try runner.sampler(settings)
    let firstTime = sampler.timestep
    return try sampler.walk(
      composition, noise: SeededNoise(seed: settings.seed), shape: encoded.latentShape
    ) { question in
      try prediction(question, isFirst: question.timestep == firstTime, progress)
    }
  }

  /// The candidates judged by the weighted sums of what each component makes of the picture by itself: what
  /// they come to is nearly linear in their weights, which add up to 1, and exactly so in one step.
  mutating func screened(
    _ candidates: [Composition], finalistCount: Int, _ progress: (PipelineProgress) throws -> Void
  ) throws -> [PipelineSearch.Score] {
    let own = components.count * (settings.stepCount - 1) * encoded.plan.tileCount
    plan(Array(candidates.prefix(finalistCount)), beside: own + candidates.count)
    var alone: [Component: Tensor] = [:]
    for component in components {
      alone[component] = try walked(Composition([component: 1]), progress)
    }
    var scores: [PipelineSearch.Score] = []
    for composition in candidates {
      let clean = try composition.combined(composition.parts.compactMap { alone[$0.component] })
      scores.append(
        PipelineSearch.Score(composition: composition, score: try score(clean, isScreening: true)))
      try progress(counter.advanced(by: 1))
    }
    return scores
  }

  /// Indices of candidates with scores, best first; of equal ones the earlier first.
  func order(_ scores: [PipelineSearch.Score]) -> [Int] {
    scores.indices.filter { scores[$0].score != nil }.sorted { a, b in
      guard let x = scores[a].score, let y = scores[b].score, x != y else { return a < b }
      return objective.isBetter(x, than: y)
    }
  }
}
