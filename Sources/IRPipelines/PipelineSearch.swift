import IRDiffusion

/// How a composition is searched for.
package struct PipelineSearch {
  package enum Method: String, Sendable, CaseIterable {
    /// No search: the composition is given.
    case none
    /// The candidates of the pipeline's calibration, each restored to the end.
    case frequent
    /// The paper's 1512 candidates, each restored to the end.
    case grid
    /// The paper's 1512 candidates judged by the weighted sums of what each component makes of the picture by
    /// itself; the best few are restored to the end.
    case screen
    /// The paper's candidate that is nearest to what the forest in the pipeline's folder says of the picture;
    /// nothing but that one is restored.
    case forest
  }

  package var method: Method
  package var objective: QualityObjective
  /// Instead of the method's candidates.
  package var candidates: [Composition]?
  /// The longest side of the part of the picture that is searched on, in pixels of the result; nil is 256
  /// where candidates are screened, else 512.
  package var cropSide: Int?
  /// Steps of a candidate's walk; nil is as many as the restoration has, at most 20.
  package var stepCount: Int?
  /// How many of the screened candidates are restored to the end.
  package var finalistCount = 4

  package init(_ method: Method, by objective: QualityObjective) {
    self.method = method
    self.objective = objective
  }

  var side: Int { cropSide ?? (method == .screen ? 256 : 512) }

  func stepCount(of settings: PipelineSettings) -> Int { stepCount ?? min(settings.stepCount, 20) }

  package func verify() throws(PipelineError) {
    guard (64...4096).contains(side) else { throw .settings("a crop of \(side) pixels, must be 64 to 4096") }
    guard (1...1000).contains(finalistCount) else {
      throw .settings("\(finalistCount) finalists, must be 1 to 1000")
    }
    if let candidates {
      guard (1...100_000).contains(candidates.count) else {
        throw .settings("\(candidates.count) candidates, must be 1 to 100000")
      }
    }
  }

  /// A candidate with its score; nil if its picture has none.
  package struct Score: Hashable, Sendable {
    package var composition: Composition
    package var score: Double?
  }

  /// The result of a search.
  package struct Result: Sendable {
    package var best: Composition
    /// The best one's score, restored to the end; nil if none was restored.
    package var score: Double?
    /// The score of what was restored, as it was.
    package var inputScore: Double?
    /// All candidates in their order: restored to the end, or as they were screened.
    package var scores: [Score]
    /// The candidates that were restored to the end after a screening, best of the screening first.
    package var finalists: [Score]
    /// The part of the picture that was searched on.
    package var crop: Crop
    /// Passes of the UNet over a tile.
    package var passCount: Int
  }

  /// A part of a picture, in its pixels.
  package struct Crop: Hashable, Sendable {
    package var row, column, height, width: Int
  }
}
