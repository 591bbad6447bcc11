import Foundation
import IRDiffusion
import IRFiles

/// The candidates that won most often over a set of pictures, in a file of the pipeline's folder.
package struct PipelineCalibration: Codable, Hashable, Sendable {
  /// A candidate and for how many pictures it was the best.
  package struct Candidate: Codable, Hashable, Sendable {
    /// As `Composition(_: String)` reads it.
    package var weights: String
    package var wins: Int
  }

  package var candidates: [Candidate]
  /// The metric that chose them.
  package var by: String
  /// How they were searched for.
  package var search: String
  package var sampler: String
  package var steps: Int
  package var seed: UInt64
  package var pictures: Int

  /// The file's name in the folder of a pipeline.
  package static let fileName = "calibration.json"
  /// The paper's number of frequent candidates.
  package static let candidateCount = 8
  private static let candidateLimit = 1512

  /// The most frequent winners of searches among the same candidates; of equally frequent ones, and of those
  /// that never won, those first that rank best on average.
  /// - Throws: `PipelineError.search` if the searches had other candidates, or if there are no searches.
  package init(
    _ searches: [PipelineSearch.Result], _ search: PipelineSearch, _ settings: PipelineSettings
  ) throws(PipelineError) {
    guard let first = searches.first else { throw .search("a calibration needs pictures") }
    let all = first.scores.map(\.composition)
    guard searches.allSatisfy({ $0.scores.map(\.composition) == all }) else {
      throw .search("the pictures of a calibration were searched among different candidates")
    }
    var (wins, ranks) = ([Int](repeating: 0, count: all.count), [Int](repeating: 0, count: all.count))
    for result in searches {
      if let winner = all.firstIndex(of: result.best) { wins[winner] += 1 }
      func value(_ index: Int) -> Double {
        guard let score = result.scores[index].score else { return .infinity }
        return search.objective.isBetterWhenLower ? score : -score
      }
      for (rank, index) in all.indices.sorted(by: { (value($0), $0) < (value($1), $1) }).enumerated() {
        ranks[index] += rank
      }
    }
    let order = all.indices.sorted { (-wins[$0], ranks[$0], $0) < (-wins[$1], ranks[$1], $1) }
    candidates = order.prefix(Self.candidateCount).map {
      Candidate(weights: "\(all[$0])", wins: wins[$0])
    }
    by = search.objective.name
    self.search = search.method.rawValue
    sampler = settings.method.name
    (steps, seed, pictures) = (search.stepCount(of: settings), settings.seed, searches.count)
  }

  /// The calibration of a pipeline; nil if it has none.
  /// - Throws: `PipelineError.file`, `DiffusionError.composition`.
  package static func of(_ files: PipelineFiles) throws -> PipelineCalibration? {
    let path = "\(files.folder)/\(fileName)"
    guard FilePath(path).exists else { return nil }
    let calibration = try PipelineFiles.read(PipelineCalibration.self, path)
    guard (1...candidateLimit).contains(calibration.candidates.count) else {
      throw PipelineError.file(
        path: path, reason: "has \(calibration.candidates.count) candidates, must be 1 to \(candidateLimit)")
    }
    do { _ = try calibration.compositions } catch {
      throw PipelineError.file(path: path, reason: "\(error)")
    }
    return calibration
  }

  package var compositions: [Composition] {
    get throws(DiffusionError) {
      var result: [Composition] = []
      for candidate in candidates { result.append(try Composition(candidate.weights)) }
      return result
    }
  }

  /// The candidates of a pipeline's calibration, else those that we begin with.
  static func candidates(of files: PipelineFiles) throws -> [Composition] {
    try candidates(of: of(files))
  }

  private static func candidates(of calibration: PipelineCalibration?) throws(DiffusionError) -> [Composition]
  {
    try calibration?.compositions ?? Composition.frequent
  }

  /// The settings of a pipeline unless told otherwise: the first composition and the steps of its
  /// calibration; without one, the first composition that it has texts for.
  /// - Throws: `PipelineError`, `DiffusionError.composition`.
  package static func settings(of pipeline: RestorationPipeline) throws -> PipelineSettings {
    let calibration = try of(pipeline.files)
    let known = Set(pipeline.components)
    let usable = try candidates(of: calibration).first {
      $0.parts.allSatisfy { known.contains($0.component) }
    }
    guard let component = pipeline.components.first else {
      throw PipelineError.search("\(pipeline.files.folder) has texts for none of the tasks")
    }
    var settings = PipelineSettings(try usable ?? Composition([component: 1]))
    if let calibration { settings.stepCount = calibration.steps }
    return settings
  }

  /// Writes the file into the folder of a pipeline.
  /// - Throws: `FileError`.
  package func write(to folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let file = try AtomicFile(replacing: FilePath("\(folder)/\(Self.fileName)"))
    try file.write([UInt8](try encoder.encode(self)) + [10])
    try file.synchronize()
    try file.replace()
  }
}
