import Foundation
import IRDiffusion
import IRGraph
import IRImage
import IRModels
import IRQuality
import IRTensor
import Testing

@testable import IRPipelines

/// A photograph of shared/data is no part of the project: an even field with a textured square.
private func textured(height: Int, width: Int, row: Int, column: Int, side: Int) -> Tensor {
  var values = [Float](repeating: 0.5, count: 3 * height * width)
  for channel in 0..<3 {
    for y in row..<(row + side) {
      for x in column..<(column + side) {
        values[(channel * height + y) * width + x] = Float((y * 31 + x * 17 + channel * 7) % 23) / 22
      }
    }
  }
  return Tensor(values, shape: [1, 3, height, width])
}

@Test func searchesLookAtTheMostDetailedPart() {
  let picture = textured(height: 200, width: 300, row: 100, column: 192, side: 64)
  let crop = PipelineSearch.Crop(of: picture, side: 96)
  #expect(crop.height == 96 && crop.width == 96)
  #expect(crop.row <= 100 && crop.row + 96 >= 164 && crop.column <= 192 && crop.column + 96 >= 256)
  let whole = PipelineSearch.Crop(of: picture, side: 512)
  #expect(whole == PipelineSearch.Crop(row: 0, column: 0, height: 200, width: 300))
}

/// A candidate's score is that of a restoration with it alone, although candidates share predictions.
@Test func candidatesAreRestoredAsIfAlone() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let image = picture(height: 64, width: 70)
    var settings = PipelineSettings(try Composition("sr=1"))
    settings.stepCount = 3
    var search = PipelineSearch(.grid, by: .piqe)
    search.candidates = try ["sr=1", "md=.8,d2=.4,dn=-.2", "dd=.4,d4=.6"].map { try Composition($0) }
    var last = PipelineProgress(stage: .searching, done: 0, total: 0)
    let found = try runner.searched(image, settings, search) { progress in
      #expect(progress.done > last.done && progress.done <= progress.total)
      last = progress
    }
    #expect(last.done == last.total)
    // Six components in the first step, then 1 + 3 + 2 in each of two steps.
    #expect(found.passCount == 6 + 2 * 6)
    for score in found.scores {
      settings.composition = score.composition
      let alone = try PIQE.score(eightBits(Image(runner.restored(image, settings))))
      #expect(score.score == alone)
    }
    #expect(found.score == found.scores.compactMap(\.score).min())
    #expect(found.scores.first { $0.composition == found.best }?.score == found.score)
    let before = try PIQE.score(eightBits(Image(image)))
    #expect(found.inputScore == before)
  }
}

/// A picture, settings of so many steps, and a screening of candidates by PIQE.
private func screening(
  _ candidates: [Composition], stepCount: Int
) throws -> (image: Tensor, settings: PipelineSettings, search: PipelineSearch) {
  var settings = PipelineSettings(try Composition("sr=1"))
  settings.stepCount = stepCount
  var search = PipelineSearch(.screen, by: .piqe)
  search.candidates = candidates
  return (picture(height: 64, width: 64), settings, search)
}

/// A screening scores sums of what the components make of the picture alone, and restores the best to the
/// end.
@Test func screeningsMixWhatComponentsMakeAlone() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let (image, start, screen) = try screening(Array(Composition.grid.prefix(60)), stepCount: 5)
    var (settings, search) = (start, screen)
    search.finalistCount = 3
    let found = try runner.searched(image, settings, search)
    #expect(found.scores.count == 60 && found.finalists.count == 3)
    let limit = try #require(found.scores.compactMap(\.score).sorted().dropFirst(2).first)
    for finalist in found.finalists {
      let screened = try #require(found.scores.first { $0.composition == finalist.composition }?.score)
      #expect(screened <= limit)
      settings.composition = finalist.composition
      let alone = try PIQE.score(eightBits(Image(runner.restored(image, settings))))
      #expect(finalist.score == alone)
    }
    #expect(found.score == found.finalists.compactMap(\.score).min())

    let encoded = try runner.encoded(image, settings, Component.six)
    for index in [0, 31, 59] {
      let composition = found.scores[index].composition
      var mixed = [Double](repeating: 0, count: encoded.latentShape.elementCount)
      for part in composition.parts {
        let alone = try latents(of: part.component, runner, encoded, settings).doubles
        for element in mixed.indices { mixed[element] += part.weight * alone[element] }
      }
      let clean = Tensor(TensorType(.float32, encoded.latentShape), doubles: mixed)
      let score = try PIQE.score(eightBits(Image(runner.decoded(clean, encoded, settings))))
      let screened = try #require(found.scores[index].score)
      // Blocks at PIQE's limits may fall to the other side: one of 16 counts 6 of 100.
      #expect((screened - score).magnitude < 7, "\(screened) \(score)")
    }
  }
}

/// The clean latents that a component makes of a picture alone.
private func latents(
  of component: Component, _ runner: PipelineRunner, _ encoded: PipelineRunner.Encoded,
  _ settings: PipelineSettings
) throws -> Tensor {
  var settings = settings
  settings.composition = try Composition([component: 1])
  return try runner.walked(settings, encoded) { try runner.prediction($0, encoded) }
}

/// In one step what compositions come to is linear in their weights: the screening is the full search.
@Test func screeningsOfOneStepAreExact() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let (image, settings, screen) = try screening(Array(Composition.grid.prefix(40)), stepCount: 1)
    let screened = try runner.searched(image, settings, screen)
    var search = screen
    search.method = .grid
    let searched = try runner.searched(image, settings, search)
    #expect(screened.passCount == searched.passCount && (1...6).contains(screened.passCount))
    for (a, b) in zip(screened.scores, searched.scores) {
      let (x, y) = (try #require(a.score), try #require(b.score))
      #expect((x - y).magnitude < 7, "\(a.composition): \(x) \(y)")
    }
  }
}

/// A small decoder in the folder judges the candidates, and the other one makes the finalists.
@Test func screeningsLookThroughTheSmallDecoder() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let candidates = try ["sr=1", "md=1", "dn=.4,d2=.6"].map { try Composition($0) }
    let (image, settings, search) = try screening(candidates, stepCount: 5)
    let plain = try PipelineRunner(try RestorationPipeline(contentsOf: folder)).searched(
      image, settings, search)
    var configuration = TinyAutoencoderConfiguration()
    (configuration.decoderBlocks, configuration.decoderWidths) = ([1, 1], [8, 8])
    let tiny = TinyAutoencoderDecoder(configuration)
    let weights = InitialWeights.check(try tiny.parameters()).filter { tiny.ignores(weight: $0.key) == false }
    try freezeWeights(tiny, weights, "tiny_vae_decoder", folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let found = try runner.searched(image, settings, search)
    func sorted(_ scores: [PipelineSearch.Score]) -> [Double] { scores.compactMap(\.score).sorted() }
    #expect(sorted(found.finalists) == sorted(plain.finalists))
    let encoded = try runner.encoded(image, settings, Component.six)
    let clean = try latents(of: .superResolution, runner, encoded, settings)
    let graph = try tiny.graph(weights: weights, shape: clean.shape)
    let sample = try #require(try GraphInterpreter(graph).run(["latent_sample": clean])["sample"])
    let decoded = sample.mapped { min(max(($0 + 1) / 2, 0), 1) }
    let coloured = try ColourFix.statistics(decoded, like: encoded.picture).mapped { min(max($0, 0), 1) }
    let expected = try PIQE.score(eightBits(Image(coloured)))
    let screened = try #require(found.scores.first?.score)
    #expect((screened - expected).magnitude < 7, "\(screened) \(expected)")
  }
}

private func eightBits(_ image: Image) -> Image {
  let pixels = image.pixels.map { ($0 * 255).rounded(.toNearestOrAwayFromZero) / 255 }
  return image.replacing(pixels: pixels, channelCount: image.channelCount)
}

@Test func searchesAreRefusedInWords() throws {
  try withFolder { folder in
    try writeSmall(folder)
    let runner = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    let settings = PipelineSettings(try Composition("sr=1"))
    func message(_ change: (inout PipelineSearch) -> Void, _ image: Tensor) -> String {
      var search = PipelineSearch(.grid, by: .piqe)
      search.candidates = [settings.composition]
      search.stepCount = 1
      change(&search)
      do {
        _ = try runner.searched(image, settings, search)
        return "found"
      } catch { return "\(error)" }
    }
    let image = picture(height: 64, width: 64)
    #expect(message({ _ in }, image) == "found")
    #expect(message({ $0.candidates = [] }, image).contains("0 candidates"))
    #expect(message({ $0.cropSide = 8 }, image).contains("a crop of 8 pixels"))
    // NIQE needs two blocks of 96 pixels.
    let few = try NaturalPictures(
      mean: [Double](repeating: 0, count: 36), covariance: [Double](repeating: 0, count: 36 * 36))
    let refused = message({ $0.objective = .niqe(few) }, image)
    #expect(refused.contains("no candidate has a score by niqe"), "\(refused)")
    try write(#"{"prompts": ["Denoise"]}"#, "\(folder)/model_index.json")
    let denoiser = PipelineRunner(try RestorationPipeline(contentsOf: folder))
    #expect(throws: PipelineError.self) {
      try denoiser.searched(image, settings, PipelineSearch(.frequent, by: .piqe))
    }
    #expect(throws: PipelineError.self) { try denoiser.restored(image, settings) }
  }
}

@Test func calibrationsKeepTheMostFrequentWinners() throws {
  let all = try ["sr=1", "md=1", "dd=1", "dn=1", "d2=1", "d4=1", "sr=.5,md=.5", "sr=.5,dd=.5", "sr=.5,dn=.5"]
    .map {
      try Composition($0)
    }
  func result(_ scores: [Double?]) -> PipelineSearch.Result {
    let list = zip(all, scores).map { PipelineSearch.Score(composition: $0, score: $1) }
    let best = list.min { ($0.score ?? .infinity) < ($1.score ?? .infinity) } ?? list[0]
    return PipelineSearch.Result(
      best: best.composition, score: best.score ?? 0, inputScore: nil, scores: list, finalists: [],
      crop: PipelineSearch.Crop(row: 0, column: 0, height: 1, width: 1), passCount: 0)
  }
  let search = PipelineSearch(.grid, by: .piqe)
  let settings = PipelineSettings(all[0])
  let calibration = try PipelineCalibration(
    [
      result([5, 1, 2, 3, 4, nil, 6, 7, 8]), result([9, 1, 8, 2, 3, nil, 4, 5, 6]),
      result([1, 2, 3, 4, 5, nil, 6, 7, 8]),
    ], search, settings)
  #expect(calibration.candidates.map(\.wins) == [2, 1, 0, 0, 0, 0, 0, 0])
  // Won twice; won once; then by the sum of ranks, the one without scores left out.
  #expect(
    try calibration.compositions.map(\.description) == [
      "md=1.0", "sr=1.0", "dn=1.0", "dd=1.0", "d2=1.0", "sr=0.5,md=0.5", "sr=0.5,dd=0.5", "sr=0.5,dn=0.5",
    ])
  try withFolder { folder in
    try writeSmall(folder)
    let files = try PipelineFiles(folder)
    #expect(try PipelineCalibration.of(files) == nil)
    #expect(try PipelineCalibration.candidates(of: files) == Composition.frequent)
    try calibration.write(to: folder)
    #expect(try PipelineCalibration.of(files) == calibration)
    #expect(try PipelineCalibration.candidates(of: files) == calibration.compositions)
    for text in ["{}", "[1", #"{"candidates": [{"weights": "sr=7", "wins": 1}]}"#] {
      try write(text, "\(folder)/calibration.json")
      do {
        _ = try PipelineCalibration.of(files)
        Issue.record("\(text) was taken")
      } catch { #expect("\(error)".contains("calibration.json"), "\(error)") }
    }
  }
}
