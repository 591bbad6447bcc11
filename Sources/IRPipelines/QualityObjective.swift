import IRFiles
import IRImage
import IRQuality
import IRRuntime

/// A score of a picture without a reference, which a search makes better.
package struct QualityObjective {
  package let name: String
  /// The model that scores belong to, for people.
  package let detail: String
  package let isBetterWhenLower: Bool
  /// The digest of the file that scores depend on; nil if they depend on none.
  package private(set) var fileDigest: String?
  private let measure: (Image) throws -> Double

  init(
    name: String, detail: String, isBetterWhenLower: Bool, measure: @escaping (Image) throws -> Double
  ) {
    (self.name, self.detail, self.isBetterWhenLower, self.measure) = (
      name, detail, isBetterWhenLower, measure
    )
  }

  /// NIQE against a model of clean photographs.
  package static func niqe(_ model: NaturalPictures) -> QualityObjective {
    let metric = NIQE(model)
    return QualityObjective(
      name: "niqe", detail: "lower is better; scores compare with those of the same model of photographs",
      isBetterWhenLower: true
    ) { try metric.score($0) }
  }

  package static var piqe: QualityObjective {
    QualityObjective(name: "piqe", detail: "0 to 100, lower is better", isBetterWhenLower: true) {
      try PIQE.score($0)
    }
  }

  /// MUSIQ with weights of a file.
  package static func musiq(_ metric: MUSIQScore) -> QualityObjective {
    QualityObjective(name: "musiq", detail: "higher is better", isBetterWhenLower: false) {
      try metric.score($0)
    }
  }

  /// The score of a picture as a file of 8 bits holds it.
  /// - Throws: `QualityError.picture` if it has none.
  package func score(_ image: Image) throws -> Double {
    let score = try measure(
      image.replacing(pixels: image.pixels.map(Self.eightBits), channelCount: image.channelCount))
    guard score.isFinite else { throw QualityError.picture("\(name) is \(score)") }
    return score
  }

  private static func eightBits(_ value: Float) -> Float {
    (min(max(value, 0), 1) * 255).rounded(.toNearestOrAwayFromZero) / 255
  }

  /// Whether one score is better than another.
  package func isBetter(_ a: Double, than b: Double) -> Bool { isBetterWhenLower ? a < b : a > b }
}

extension QualityObjective {
  package static let names = ["niqe", "piqe", "musiq"]

  /// The score of a name, with its model of clean photographs or its weights.
  /// - Throws: `PipelineError.settings` for another name, or one whose file is not given; what reading
  ///   throws.
  package init(
    _ name: String, naturalPictures: String?, musiqWeights: String?,
    options: RuntimeOptions = RuntimeOptions()
  ) throws {
    switch name {
    case "niqe":
      guard let naturalPictures else {
        throw PipelineError.settings("niqe needs statistics of clean photographs, and none are installed")
      }
      self = .niqe(try NaturalPictures(contentsOf: naturalPictures))
      fileDigest = try SHA256.hexadecimal(contentsOf: naturalPictures)
    case "piqe": self = .piqe
    case "musiq":
      guard let musiqWeights else {
        throw PipelineError.settings("musiq needs its weights, which irkit does not include")
      }
      self = .musiq(try MUSIQScore(contentsOf: musiqWeights, options: options))
      fileDigest = try SHA256.hexadecimal(contentsOf: musiqWeights)
    default:
      throw PipelineError.settings(
        "there is no score \(name); there are \(Self.names.joined(separator: ", "))")
    }
  }
}
