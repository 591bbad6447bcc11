import Foundation
import IRDiffusion
import IRPipelines

/// How a pipeline restored a picture.
package struct PipelineReport: Encodable, Sendable {
  package struct Search: Encodable, Sendable {
    var method: String
    var by: String
    /// Of the best candidate, and of the part of the picture that was searched on as it was.
    var score: Double?
    var inputScore: Double?
    var candidates: Int
    var passes: Int
    /// Left, top, width and height in pixels of the input.
    var crop: [Int]
  }

  var weights: String
  var sampler: String
  var steps: Int
  var seed: UInt64
  var search: Search?
  /// Of the whole result.
  var by: String?
  var score: Double?

  init(_ settings: PipelineSettings, _ search: PipelineSearch?, _ found: PipelineSearch.Result?) {
    (weights, sampler) = ("\(settings.composition)", settings.method.name)
    (steps, seed) = (settings.stepCount, settings.seed)
    guard let search, let found else { return }
    self.search = Search(
      method: search.method.rawValue, by: search.objective.name, score: found.score,
      inputScore: found.inputScore, candidates: found.scores.count, passes: found.passCount,
      crop: [found.crop.column, found.crop.row, found.crop.width, found.crop.height])
  }

  init(_ result: PipelineRestoration, _ search: PipelineSearch?, _ recipe: PipelineRecipe) {
    self.init(result.settings, search, result.search)
    (by, score) = (recipe.by, recipe.score)
  }

  /// The parts of a line.
  var texts: [String] {
    var parts = [weights, "\(steps) steps of \(sampler)", "seed \(seed)"]
    if let search {
      var text = "chosen by \(search.method)"
      if search.candidates > 0 { text += " of \(search.candidates) candidates" }
      if let score = search.score { text += String(format: ": %@ %.3f", search.by, score) }
      if let before = search.inputScore { text += String(format: " (%.3f before)", before) }
      parts.append("\(text) on \(search.crop[2])×\(search.crop[3]) pixels")
    }
    if let by, let score { parts.append(String(format: "%@ %.3f", by, score)) }
    return parts
  }
}
