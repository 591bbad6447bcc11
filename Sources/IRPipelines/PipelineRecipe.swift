import IRDiffusion
import IRImage

/// How a picture was made, as properties of its XMP: enough to make it again from the same input with the
/// same pipeline.
package struct PipelineRecipe: Hashable, Sendable {
  /// XMP's name of our properties, and the prefix that files usually have for it.
  package static let namespace = "urn:irkit:restoration:1.0:"
  package static let prefix = "irkit"

  /// The settings, with spacing and tiles as they were in fact.
  package var settings: PipelineSettings
  /// The digest of the pipeline's files.
  package var pipeline: String
  /// The digest of the input.
  package var input: String
  /// How the composition was found: the method of a search, or `none`.
  package var search: String
  /// The metric and the score of the result, where one was asked for.
  package var by: String?
  package var score: Double?

  package init(
    settings: PipelineSettings, pipeline: String, input: String, search: String, by: String? = nil,
    score: Double? = nil
  ) {
    self.settings = settings
    self.pipeline = pipeline
    self.input = input
    self.search = search
    self.by = by
    self.score = score
  }

  /// The properties by name, in the order in which they are written.
  package var properties: [(name: String, value: String)] {
    var result = [
      ("Weights", "\(settings.composition)"), ("Sampler", settings.method.name),
      ("Steps", "\(settings.stepCount)"), ("Spacing", settings.spacing?.rawValue ?? ""),
      ("Seed", "\(settings.seed)"), ("Colours", settings.colours.rawValue),
      ("ColourBlend", "\(settings.colourBlend)"), ("Scale", "\(settings.scale)"),
      ("Tile", "\(settings.tileSide ?? 0)"), ("Overlap", "\(settings.overlap ?? 0)"),
      ("Pipeline", pipeline), ("Input", input), ("Search", search),
    ]
    if case .ddim(let eta) = settings.method { result.append(("Eta", "\(eta)")) }
    if let by { result.append(("By", by)) }
    if let score { result.append(("Score", "\(score)")) }
    return result.filter { !$0.1.isEmpty }.map { (name: $0.0, value: $0.1) }
  }

  /// Reads what `properties` gives.
  /// - Throws: `PipelineError.recipe` if one is missing or is nothing that a recipe has,
  ///   `DiffusionError.composition`.
  package init(_ properties: [String: String]) throws {
    func text(_ name: String) throws -> String {
      guard let value = properties[name] else {
        throw PipelineError.recipe("\(Self.prefix):\(name) is missing")
      }
      return value
    }
    func refusal(_ name: String) -> PipelineError {
      .recipe("\(Self.prefix):\(name) is \(properties[name] ?? ""), which no recipe has")
    }
    func value<Value: LosslessStringConvertible>(_ name: String, _: Value.Type = Value.self) throws -> Value {
      guard let value = Value(try text(name)) else { throw refusal(name) }
      return value
    }
    settings = PipelineSettings(try Composition(try text("Weights")))
    guard var method = SamplingMethod(try text("Sampler")) else { throw refusal("Sampler") }
    if case .ddim = method { method = .ddim(eta: try value("Eta")) }
    settings.method = method
    settings.stepCount = try value("Steps")
    if let spacing = properties["Spacing"] {
      guard let known = TimestepSpacing(rawValue: spacing) else { throw refusal("Spacing") }
      settings.spacing = known
    }
    settings.seed = try value("Seed")
    guard let colours = PipelineSettings.Colours(rawValue: try text("Colours")) else {
      throw refusal("Colours")
    }
    settings.colours = colours
    settings.colourBlend = try value("ColourBlend")
    settings.scale = try value("Scale")
    let side: Int = try value("Tile")
    let overlap: Int = try value("Overlap")
    (settings.tileSide, settings.overlap) = (side, side == 0 ? nil : overlap)
    (pipeline, input, search) = (try text("Pipeline"), properties["Input"] ?? "", try text("Search"))
    by = properties["By"]
    score = try properties["Score"] == nil ? nil : value("Score")
    do { try settings.verify() } catch { throw PipelineError.recipe("\(error)") }
  }
}

extension ImageMetadata {
  /// A copy whose XMP states a recipe; nil if there is XMP that has no place for it.
  package func stating(_ recipe: PipelineRecipe) -> ImageMetadata? {
    stating(recipe.properties, prefix: PipelineRecipe.prefix, namespace: PipelineRecipe.namespace)
  }

  /// The recipe that XMP states.
  /// - Throws: `PipelineError.recipe` if it states none or a damaged one, `DiffusionError.composition`.
  package func recipe() throws -> PipelineRecipe {
    try PipelineRecipe(xmpProperties(prefix: PipelineRecipe.prefix))
  }
}
